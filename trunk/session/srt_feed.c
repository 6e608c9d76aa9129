/* MPEG-TS in messages of SRT, whose pictures and frames become messages of a publication. */
#include "session/srt_feed.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	FIRST_TABLES_BYTES = 4 << 20, /* and nothing known of it: it is no transport stream */
	SLICE_MESSAGES = 64,
};

static struct srt_feed *feed_of(struct publication *p)
{
	return container_of(p, struct srt_feed, publication);
}

static const struct srt_feed *feed_of_const(const struct publication *p)
{
	return container_of_const(p, struct srt_feed, publication);
}

/* ---- what the publication asks ---- */

/* There is no question that an SRT peer has to answer: it says by itself each second that it is there, which
 * libsrt listens to. */
static void on_probe(struct publication *p)
{
	(void)p;
}

static int64_t on_last_heard(const struct publication *p)
{
	return srt_link_heard_ms(feed_of_const(p)->link);
}

static int64_t on_arrived(const struct publication *p)
{
	return srt_link_recv_bytes(feed_of_const(p)->link);
}

static bool on_has_left(const struct publication *p)
{
	return srt_link_is_gone(feed_of_const(p)->link);
}

static void on_stop(struct publication *p)
{
	co_wake(feed_of(p)->co);
}

static struct traffic on_count(const struct publication *p)
{
	return (struct traffic){.recv = srt_link_recv_bytes(feed_of_const(p)->link),
				.send = srt_link_send_bytes(feed_of_const(p)->link)};
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

static err publish_all(struct srt_feed *f)
{
	struct publication *publication = &f->publication;
	struct msg *m;
	uint32_t ts;
	while (ts_demux_next(f->demux, &m, &ts)) {
		(void)source_publish(publication->source, &publication->in.feeder, &m, ts);
		TRY(publication_took(publication));
	}
	return OK;
}

static void tell_notes(struct srt_feed *f)
{
	char note[TS_DEMUX_NOTE];
	while (ts_demux_note(f->demux, note))
		log_warn("%s: %s", f->publication.source->key, note);
}

/* What fits through the line and cannot be read would go on for ever. */
static err check_form(const struct srt_feed *f)
{
	const struct ts_demux *d = f->demux;
	if (d->program || srt_link_recv_bytes(f->link) < FIRST_TABLES_BYTES)
		return OK;
	return err_fail(ERR_PROTOCOL, "what is published is no MPEG transport stream");
}

/* One buffer for all: nothing switches between a message and its packets. */
static err take_message(struct srt_feed *f)
{
	static uint8_t message[SRT_PAYLOAD_MAX];
	size_t n;
	TRY(srt_link_recv(f->link, message, sizeof(message), &n));
	ts_demux_take(f->demux, span_of(message, n));
	tell_notes(f);
	TRY(publish_all(f));
	return check_form(f);
}

/* A peer may send what makes no messages (stuffing, scrambled packets) without a pause. */
static err publish_loop(struct srt_feed *f)
{
	for (unsigned n = 1;; n++) {
		err e = take_message(f);
		if (n % SLICE_MESSAGES == 0) {
			co_yield ();
			TRY(co_stopping() ? ERR_STOPPED : OK);
		}
		if (e == ERR_AGAIN) {
			publication_caught_up(&f->publication);
			e = publication_wait(&f->publication);
		}
		TRY(e);
	}
}

/* ---- the story ---- */

static err run(struct srt_feed *f, const struct request *request)
{
	TRY(publication_begin(&f->publication, &ops, request));
	err e = publish_loop(f);
	if (e != ERR_CLOSED)
		return e;
	char *why = mem_strdup(err_trail(e));
	ts_demux_end(f->demux); /* the last picture */
	(void)publish_all(f);
	publication_caught_up(&f->publication);
	e = err_fail(e, "%s", why);
	free(why);
	return e;
}

err srt_feed_run(struct srt_feed *f, const struct request *request)
{
	f->co = co_self();
	f->demux = ts_demux_new(&(struct ts_demux_opts){0});
	srt_link_attach(f->link);
	err e = run(f, request);
	e = publication_end(&f->publication, e);
	ts_demux_free(&f->demux);
	return e;
}
