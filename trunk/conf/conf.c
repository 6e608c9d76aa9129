/* The snapshot: counted, and asked by those who have it. */
#include "conf/conf.h"
#include "base/check.h"
#include "conf/items.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void conf_free(struct conf *conf)
{
	items_fini(conf, NULL);
	free(conf->file);
	free(conf);
}

struct conf *conf_ref(struct conf *conf)
{
	conf->refs++;
	return conf;
}

void conf_unref(struct conf **conf)
{
	if (!*conf)
		return;
	check((*conf)->refs > 0);
	if (--(*conf)->refs == 0)
		conf_free(*conf);
	*conf = NULL;
}

/* DNS has neither case nor a last dot, and requests carry both. */
static bool same_name(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	n -= n > 1 && a[n - 1] == '.';
	m -= m > 1 && b[m - 1] == '.';
	return n == m && strncasecmp(a, b, n) == 0;
}

const struct conf_vhost *conf_vhost_named(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->vhost_count; i++)
		if (same_name(conf->vhosts[i].name, name))
			return &conf->vhosts[i];
	return NULL;
}

const struct conf_vhost *conf_vhost_find(const struct conf *conf, const char *name)
{
	const struct conf_vhost *vhost = conf_vhost_named(conf, name);
	return vhost ? vhost : conf_vhost_named(conf, "__defaultVhost__");
}

const struct conf_caster *conf_caster_named(const struct conf *conf, const char *name)
{
	const struct conf_caster *found = NULL;
	for (int i = 0; i < conf->caster_count; i++) {
		const struct conf_caster *c = &conf->casters[i];
		if (strcmp(c->name, name) == 0 && (!found || (c->enabled && !found->enabled)))
			found = c;
	}
	return found;
}

bool conf_is_edge(const struct conf *conf)
{
	int edges = 0, others = 0;
	for (int i = 0; i < conf->vhost_count; i++) {
		if (conf->vhosts[i].enabled && conf->vhosts[i].cluster.mode == MODE_REMOTE)
			edges++;
		else if (conf->vhosts[i].enabled)
			others++;
	}
	return edges > 0 && others == 0;
}
