#include "node/maker.h"

bool maker_can(const struct maker *m, const struct conf_vhost *vhost, const char *app,
	       const char *stream, int64_t *since_wall_ms)
{
	return m->ops && m->ops->can(m->ctx, vhost, app, stream, since_wall_ms);
}

bool maker_want(const struct maker *m, const struct conf_vhost *vhost, const char *app,
		const char *stream, struct making *making)
{
	return m->ops && m->ops->want(m->ctx, vhost, app, stream, making);
}

void maker_leave(const struct maker *m, struct making *making)
{
	if (m->ops && making->of)
		m->ops->leave(m->ctx, making);
}

void maker_touch(const struct maker *m, const struct conf_vhost *vhost, const char *app,
		 const char *stream)
{
	if (m->ops)
		m->ops->touch(m->ctx, vhost, app, stream);
}
