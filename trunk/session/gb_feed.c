#include "session/gb_feed.h"
#include "base/mem.h"
#include "codec/rtp.h"

enum {
	FIRST_PACK_BYTES = 1 << 20, /* and none was seen: it is no program stream */
	PT_ULAW = 0,                /* RFC 3551 */
	PT_ALAW = 8,
};

static struct gb_feed *feed_of(struct feed *feed)
{
	return container_of(feed, struct gb_feed, feed);
}

static const struct gb_feed *feed_of_const(const struct feed *feed)
{
	return container_of_const(feed, struct gb_feed, feed);
}

/* ---- the line ---- */

static int64_t on_heard_ms(const struct feed *feed)
{
	const struct gb_line *line = feed_of_const(feed)->line;
	return line->ops->heard_ms(line);
}

static struct traffic on_traffic(const struct feed *feed)
{
	const struct gb_line *line = feed_of_const(feed)->line;
	return (struct traffic){.recv = line->ops->bytes(line)};
}

static bool on_is_gone(const struct feed *feed)
{
	const struct gb_line *line = feed_of_const(feed)->line;
	return line->ops->is_gone(line);
}

/* A datagram that is missing is waited for, and given up, although nothing comes. */
static int64_t on_due(const struct feed *feed)
{
	const struct gb_line *line = feed_of_const(feed)->line;
	return line->ops->due(line);
}

static void on_live(struct feed *feed)
{
	struct gb_feed *f = feed_of(feed);
	f->on_live(f);
}

/* ---- the stream ---- */

/* Some send their sound as G.711 beside the program stream, with a payload type of its own. */
static void take_media(struct gb_feed *f, const struct rtp *rtp)
{
	if (rtp->pt == PT_ALAW || rtp->pt == PT_ULAW) {
		ps_demux_take_sound(f->demux, rtp->pt == PT_ALAW ? ES_ALAW : ES_ULAW, rtp->payload);
		return;
	}
	f->rtp_time =
		f->rtp_time == ES_NO_TIME ? (int64_t)rtp->ts : rtp_extend(f->rtp_time, rtp->ts, 32);
	ps_demux_take(f->demux, rtp->payload, f->rtp_time);
}

static err on_take(struct feed *feed)
{
	struct gb_feed *f = feed_of(feed);
	struct span packet;
	struct rtp rtp;
	bool gap;
	TRY(f->line->ops->recv(f->line, &packet, &gap));
	if (rtp_is_control(packet) || !rtp_read(&rtp, packet))
		return OK;
	f->packets++;
	if (gap) {
		f->gaps++;
		ps_demux_lost(f->demux);
	}
	take_media(f, &rtp);
	return OK;
}

/* Sound that is converted comes back later, by `sound`. */
static bool on_next(struct feed *feed, struct msg **msg, uint32_t *ts)
{
	struct gb_feed *f = feed_of(feed);
	while (ps_demux_next(f->demux, msg, ts)) {
		if (f->sound)
			f->sound->take(f->ctx, msg, *ts);
		if (*msg)
			return true;
	}
	return f->sound && f->sound->next(f->ctx, msg, ts);
}

static bool on_note(struct feed *feed, char out[static FEED_NOTE])
{
	return ps_demux_note(feed_of(feed)->demux, out);
}

/* What no pack is found in would go on for ever. */
static err on_check(const struct feed *feed)
{
	const struct gb_feed *f = feed_of_const(feed);
	if (f->demux->packs || f->line->ops->bytes(f->line) < FIRST_PACK_BYTES)
		return OK;
	return err_fail(ERR_PROTOCOL, "what is published is no MPEG program stream");
}

static void on_end(struct feed *feed)
{
	ps_demux_end(feed_of(feed)->demux);
}

static const struct feed_ops ops = {
	.heard_ms = on_heard_ms,
	.traffic = on_traffic,
	.is_gone = on_is_gone,
	.on_live = on_live,
	.take = on_take,
	.next = on_next,
	.note = on_note,
	.check = on_check,
	.due = on_due,
	.end = on_end,
};

err gb_feed_run(struct gb_feed *f, const struct request *request)
{
	f->feed.ops = &ops;
	f->rtp_time = ES_NO_TIME;
	f->demux = ps_demux_new();
	f->line->ops->attach(f->line);
	err e = feed_run(&f->feed, request);
	ps_demux_free(&f->demux);
	return e;
}
