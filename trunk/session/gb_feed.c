#include "session/gb_feed.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/rtp.h"

#include <stdlib.h>

enum {
	FIRST_PACK_BYTES = 1 << 20, /* and none was seen: it is no program stream */
	SLICE_PACKETS = 64,
	PT_ULAW = 0, /* RFC 3551 */
	PT_ALAW = 8,
};

static struct gb_feed *feed_of(struct publication *p)
{
	return container_of(p, struct gb_feed, publication);
}

static const struct gb_feed *feed_of_const(const struct publication *p)
{
	return container_of_const(p, struct gb_feed, publication);
}

/* ---- what the publication asks ---- */

/* There is no question that a camera answers in its media. */
static void on_probe(struct publication *p)
{
	(void)p;
}

static int64_t on_last_heard(const struct publication *p)
{
	const struct gb_line *line = feed_of_const(p)->line;
	return line->ops->heard_ms(line);
}

static int64_t on_arrived(const struct publication *p)
{
	const struct gb_line *line = feed_of_const(p)->line;
	return line->ops->bytes(line);
}

static bool on_has_left(const struct publication *p)
{
	const struct gb_line *line = feed_of_const(p)->line;
	return line->ops->is_gone(line);
}

static void on_stop(struct publication *p)
{
	co_wake(feed_of(p)->co);
}

static struct traffic on_count(const struct publication *p)
{
	const struct gb_line *line = feed_of_const(p)->line;
	return (struct traffic){.recv = line->ops->bytes(line)};
}

static const struct publication_ops ops = {
	.probe = on_probe,
	.last_heard_ms = on_last_heard,
	.arrived = on_arrived,
	.has_left = on_has_left,
	.stop = on_stop,
	.count = on_count,
};

/* ---- media ---- */

static err publish_one(struct gb_feed *f, struct msg *m, uint32_t ts)
{
	(void)source_publish(f->publication.source, &f->publication.in.feeder, &m, ts);
	return publication_took(&f->publication);
}

static err publish_all(struct gb_feed *f)
{
	struct msg *m;
	uint32_t ts;
	while (ps_demux_next(f->demux, &m, &ts)) {
		if (f->sound)
			f->sound->take(f->ctx, &m, ts);
		if (m)
			TRY(publish_one(f, m, ts));
	}
	while (f->sound && f->sound->next(f->ctx, &m, &ts))
		TRY(publish_one(f, m, ts));
	return OK;
}

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

static void tell_notes(struct gb_feed *f)
{
	char note[PS_NOTE];
	while (ps_demux_note(f->demux, note))
		log_warn("%s: %s", f->publication.source->key, note);
}

/* What no pack is found in would go on for ever. */
static err check_form(const struct gb_feed *f)
{
	if (f->demux->packs || f->line->ops->bytes(f->line) < FIRST_PACK_BYTES)
		return OK;
	return err_fail(ERR_PROTOCOL, "what is published is no MPEG program stream");
}

static err take_packet(struct gb_feed *f)
{
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
	tell_notes(f);
	TRY(publish_all(f));
	return check_form(f);
}

/* A datagram that is missing is waited for, and given up, although nothing comes. */
static err wait(struct gb_feed *f)
{
	int64_t due = f->line->ops->due(f->line);
	if (due < publication_deadline(&f->publication)) {
		err e = co_wait(due);
		return e == ERR_TIMEOUT ? OK : e;
	}
	return publication_wait(&f->publication);
}

static err publish_loop(struct gb_feed *f)
{
	for (unsigned n = 1;; n++) {
		err e = take_packet(f);
		if (n % SLICE_PACKETS == 0) {
			co_yield ();
			TRY(co_stopping() ? ERR_STOPPED : OK);
		}
		if (e == ERR_AGAIN) {
			TRY(publish_all(f)); /* sound that was converted meanwhile */
			publication_caught_up(&f->publication);
			e = wait(f);
		}
		TRY(e);
		if (f->publication.outcome.code)
			return outcome_fail(&f->publication.outcome);
	}
}

/* ---- the story ---- */

static err run(struct gb_feed *f, const struct request *request)
{
	TRY(publication_begin(&f->publication, &ops, request));
	f->on_live(f);
	err e = publish_loop(f);
	if (e != ERR_CLOSED)
		return e;
	char *why = mem_strdup(err_trail(e));
	ps_demux_end(f->demux); /* the last picture */
	(void)publish_all(f);
	publication_caught_up(&f->publication);
	e = err_fail(e, "%s", why);
	free(why);
	return e;
}

err gb_feed_run(struct gb_feed *f, const struct request *request)
{
	f->co = co_self();
	f->rtp_time = ES_NO_TIME;
	f->demux = ps_demux_new();
	f->line->ops->attach(f->line);
	err e = run(f, request);
	e = publication_end(&f->publication, e);
	ps_demux_free(&f->demux);
	return e;
}
