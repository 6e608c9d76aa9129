/* A player: bytes are counted, and in what the sample gets the time of sending is looked for. */
#include "codec/msg.h"
#include "srt_bench.h"

enum { POLL_MS = 200, SLICE_MESSAGES = 64, STAMP_WITHIN = 160 };

static void note_picture(struct srt_client *c, const struct msg *m, int64_t now)
{
	struct span front = msg_span(m);
	int64_t sent;
	front.n = front.n < STAMP_WITHIN ? front.n : STAMP_WITHIN;
	if (!stamp_find(front, &sent))
		return;
	if (!c->has_frame)
		hist_add(&fig.first_frame, now - c->begin_us);
	c->has_frame = true;
	/* What was sent before it called comes from a cache and says nothing about the way. */
	if (c->life.is_full && window_us && sent > c->run_us && sent > window_us)
		hist_add(&fig.latency, now - sent);
}

static void look_into(struct srt_client *c, struct span bytes, int64_t now)
{
	struct msg *m;
	uint32_t ts;
	ts_demux_take(c->demux, bytes);
	while (ts_demux_next(c->demux, &m, &ts)) {
		if (m->type == MSG_VIDEO)
			note_picture(c, m, now);
		msg_unref(&m);
	}
	if (c->has_frame && !c->life.is_full)
		ts_demux_free(&c->demux);
}

static void note_gap(struct srt_client *c, int64_t now)
{
	int64_t gap = now - c->last_us;
	if (window_us && c->last_us > window_us) {
		if (gap > c->life.worst_gap_us)
			c->life.worst_gap_us = gap;
		fig.stalls += (double)gap > opt.stall_ms * 1000;
	}
	c->last_us = now;
}

/* One buffer for all: nothing switches while it is looked at. */
static err take(struct srt_client *c)
{
	static uint8_t message[SRT_PAYLOAD_MAX];
	size_t n;
	TRY(srt_link_recv(c->link, message, sizeof(message), &n));
	int64_t now = now_us();
	c->life.bytes += (int64_t)n;
	note_gap(c, now);
	if (c->demux)
		look_into(c, span_of(message, n), now);
	return OK;
}

static err play(struct srt_client *c)
{
	for (unsigned n = 1;; n++) {
		err e = take(c);
		if (e == ERR_AGAIN)
			e = co_wait(clock_after(POLL_MS));
		else if (n % SLICE_MESSAGES == 0)
			co_yield ();
		if (e && e != ERR_TIMEOUT)
			return e;
		if (co_stopping())
			return ERR_STOPPED;
	}
}

err srt_player_run(struct srt_client *c)
{
	c->demux = ts_demux_new(&(struct ts_demux_opts){0});
	err e = play(c);
	ts_demux_free(&c->demux);
	return e;
}
