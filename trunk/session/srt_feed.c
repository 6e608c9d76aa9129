/* MPEG-TS in messages of SRT, whose pictures and frames become messages of a publication. */
#include "session/srt_feed.h"
#include "base/mem.h"

enum { FIRST_TABLES_BYTES = 4 << 20 /* and nothing known of it: it is no transport stream */ };

static struct srt_feed *feed_of(struct feed *feed)
{
	return container_of(feed, struct srt_feed, feed);
}

static const struct srt_feed *feed_of_const(const struct feed *feed)
{
	return container_of_const(feed, struct srt_feed, feed);
}

/* ---- the line ---- */

static int64_t on_heard_ms(const struct feed *feed)
{
	return srt_link_heard_ms(feed_of_const(feed)->link);
}

static struct traffic on_traffic(const struct feed *feed)
{
	const struct srt_link *link = feed_of_const(feed)->link;
	return (struct traffic){.recv = srt_link_recv_bytes(link),
				.send = srt_link_send_bytes(link)};
}

static bool on_is_gone(const struct feed *feed)
{
	return srt_link_is_gone(feed_of_const(feed)->link);
}

static int64_t on_due(const struct feed *feed)
{
	(void)feed;
	return CLOCK_NEVER;
}

/* ---- the stream ---- */

/* One buffer for all: nothing switches between a message and its packets. */
static err on_take(struct feed *feed)
{
	static uint8_t message[SRT_PAYLOAD_MAX];
	struct srt_feed *f = feed_of(feed);
	size_t n;
	TRY(srt_link_recv(f->link, message, sizeof(message), &n));
	ts_demux_take(f->demux, span_of(message, n));
	return OK;
}

static bool on_next(struct feed *feed, struct msg **msg, uint32_t *ts)
{
	return ts_demux_next(feed_of(feed)->demux, msg, ts);
}

static bool on_note(struct feed *feed, char out[static FEED_NOTE])
{
	return ts_demux_note(feed_of(feed)->demux, out);
}

/* What fits through the line and cannot be read would go on for ever. */
static err on_check(const struct feed *feed)
{
	const struct srt_feed *f = feed_of_const(feed);
	if (f->demux->program || srt_link_recv_bytes(f->link) < FIRST_TABLES_BYTES)
		return OK;
	if (f->demux->map_count > 0 && f->opts.program)
		return err_fail(ERR_PROTOCOL, "the transport stream has no program %u",
				f->opts.program);
	return err_fail(ERR_PROTOCOL, "what is published is no MPEG transport stream");
}

static void on_end(struct feed *feed)
{
	ts_demux_end(feed_of(feed)->demux);
}

static const struct feed_ops ops = {
	.heard_ms = on_heard_ms,
	.traffic = on_traffic,
	.is_gone = on_is_gone,
	.take = on_take,
	.next = on_next,
	.note = on_note,
	.check = on_check,
	.due = on_due,
	.end = on_end,
};

err srt_feed_run(struct srt_feed *f, const struct request *request)
{
	f->feed.ops = &ops;
	f->demux = ts_demux_new(&f->opts);
	srt_link_attach(f->link);
	err e = feed_run(&f->feed, request);
	ts_demux_free(&f->demux);
	return e;
}
