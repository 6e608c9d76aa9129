#include "cluster/link.h"

err link_open(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	*out = NULL;
	*said = (struct link_refusal){0};
	return opts->request->protocol->open(out, opts, said);
}

void link_free(struct link **link)
{
	struct link *l = *link;
	*link = NULL;
	if (l)
		l->ops->free(l);
}
