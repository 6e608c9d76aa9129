/* FLV tags: each carries its whole time, so that one rendering suits everybody. */
#include "codec/flv.h"
#include "live/wire_format.h"

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	(void)state;
	return (size_t)m->n + FLV_TAG_EXTRA;
}

static void render(const struct wire_opts *opts, void *state, const struct msg *m, struct buf *out)
{
	(void)opts;
	(void)state;
	flv_write_tag(out, m->type, (uint32_t)m->ts, msg_span(m));
}

static void write_own(const struct wire_receiver *to, const struct msg *m, struct buf *out)
{
	flv_write_tag(out, m->type, to->ts, msg_span(m));
}

const struct wire_format wire_flv = {
	.name = "flv",
	.size = size,
	.render = render,
	.write = write_own,
};
