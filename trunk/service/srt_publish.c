/* An SRT publisher: MPEG-TS in messages, whose pictures and frames become messages of a publication. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/ts_demux.h"
#include "service/srt_session.h"
#include "session/publication.h"

#include <stdlib.h>

enum { FIRST_TABLES_BYTES = 4 << 20 /* and nothing known of it: it is no transport stream */ };

struct publisher {
	struct publication publication;
	struct srt_session *s;
	struct ts_demux *demux;
};

static struct publisher *publisher_of(struct publication *p)
{
	return container_of(p, struct publisher, publication);
}

static const struct publisher *publisher_of_const(const struct publication *p)
{
	return container_of_const(p, struct publisher, publication);
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
	return srt_link_heard_ms(publisher_of_const(p)->s->link);
}

static int64_t on_arrived(const struct publication *p)
{
	return srt_link_recv_bytes(publisher_of_const(p)->s->link);
}

static bool on_has_left(const struct publication *p)
{
	return srt_link_is_gone(publisher_of_const(p)->s->link);
}

static void on_stop(struct publication *p)
{
	co_wake(publisher_of(p)->s->co);
}

static struct traffic on_count(const struct publication *p)
{
	return srt_session_traffic(publisher_of_const(p)->s);
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

static err publish_all(struct publisher *p)
{
	struct publication *publication = &p->publication;
	struct msg *m;
	uint32_t ts;
	while (ts_demux_next(p->demux, &m, &ts)) {
		(void)source_publish(publication->source, &publication->in.feeder, &m, ts);
		TRY(publication_took(publication));
	}
	return OK;
}

static void tell_notes(struct publisher *p)
{
	char note[TS_DEMUX_NOTE];
	while (ts_demux_note(p->demux, note))
		log_warn("%s: %s", p->publication.source->key, note);
}

/* What fits through the line and cannot be read would go on for ever. */
static err check_form(const struct publisher *p)
{
	const struct ts_demux *d = p->demux;
	if (d->program || srt_link_recv_bytes(p->s->link) < FIRST_TABLES_BYTES)
		return OK;
	return err_fail(ERR_PROTOCOL, "what is published is no MPEG transport stream");
}

/* One buffer for all: nothing switches between a message and its packets. */
static err take_message(struct publisher *p)
{
	static uint8_t message[SRT_PAYLOAD_MAX];
	size_t n;
	TRY(srt_link_recv(p->s->link, message, sizeof(message), &n));
	ts_demux_take(p->demux, span_of(message, n));
	tell_notes(p);
	TRY(publish_all(p));
	return check_form(p);
}

static err publish_loop(struct publisher *p)
{
	for (;;) {
		err e = take_message(p);
		if (e == ERR_AGAIN) {
			publication_caught_up(&p->publication);
			e = publication_wait(&p->publication);
		}
		TRY(e);
	}
}

/* ---- the story ---- */

static err run(struct publisher *p)
{
	TRY(publication_begin(&p->publication, &ops, &p->s->request));
	err e = publish_loop(p);
	if (e != ERR_CLOSED)
		return e;
	char *why = mem_strdup(err_trail(e));
	ts_demux_end(p->demux); /* the last picture */
	(void)publish_all(p);
	publication_caught_up(&p->publication);
	e = err_fail(e, "%s", why);
	free(why);
	return e;
}

err srt_publish_run(struct srt_session *s)
{
	struct publisher *p = mem_new(struct publisher);
	p->s = s;
	p->demux = ts_demux_new(&(struct ts_demux_opts){0});
	s->demux = p->demux;
	err e = run(p);
	s->demux = NULL;
	e = publication_end(&p->publication, e);
	ts_demux_free(&p->demux);
	free(p);
	return e;
}
