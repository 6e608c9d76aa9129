#include "session/feed.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SLICE_PIECES = 64 };

static struct feed *feed_of(struct publication *p)
{
	return container_of(p, struct feed, publication);
}

static const struct feed *feed_of_const(const struct publication *p)
{
	return container_of_const(p, struct feed, publication);
}

/* ---- what the publication asks ---- */

/* There is no question that is answered in media; that the peer is there it says by itself, or not at all. */
static void on_probe(struct publication *p)
{
	(void)p;
}

static int64_t on_last_heard(const struct publication *p)
{
	const struct feed *f = feed_of_const(p);
	return f->ops->heard_ms(f);
}

static struct traffic on_count(const struct publication *p)
{
	const struct feed *f = feed_of_const(p);
	return f->ops->traffic(f);
}

static int64_t on_arrived(const struct publication *p)
{
	return on_count(p).recv;
}

static bool on_has_left(const struct publication *p)
{
	const struct feed *f = feed_of_const(p);
	return f->ops->is_gone(f);
}

static void on_stop(struct publication *p)
{
	co_wake(feed_of(p)->co);
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

static err publish_all(struct feed *f)
{
	struct publication *p = &f->publication;
	struct msg *m;
	uint32_t ts;
	while (f->ops->next(f, &m, &ts)) {
		(void)source_publish(p->source, &p->in.feeder, &m, ts);
		TRY(publication_took(p));
	}
	return OK;
}

static err take_piece(struct feed *f)
{
	char note[FEED_NOTE];
	TRY(f->ops->take(f));
	while (f->ops->note(f, note))
		log_warn("%s: %s", f->publication.source->key, note);
	TRY(publish_all(f));
	return f->ops->check(f);
}

/* Something may have to be given up, or have been made, although nothing comes. */
static err wait(struct feed *f)
{
	TRY(publish_all(f));
	publication_caught_up(&f->publication);
	int64_t due = f->ops->due(f);
	if (due >= publication_deadline(&f->publication))
		return publication_wait(&f->publication);
	err e = co_wait(due);
	return e == ERR_TIMEOUT ? OK : e;
}

/* A peer may send what makes no messages (stuffing, scrambled packets) without a pause. */
static err publish_loop(struct feed *f)
{
	for (unsigned n = 1;; n++) {
		err e = take_piece(f);
		if (n % SLICE_PIECES == 0) {
			co_yield ();
			TRY(co_stopping() ? ERR_STOPPED : OK);
		}
		if (e == ERR_AGAIN)
			e = wait(f);
		TRY(e);
		if (f->publication.outcome.code)
			return outcome_fail(&f->publication.outcome);
	}
}

/* ---- the story ---- */

static err run(struct feed *f, const struct request *request)
{
	TRY(publication_begin(&f->publication, &ops, request));
	if (f->ops->on_live)
		f->ops->on_live(f);
	err e = publish_loop(f);
	if (e != ERR_CLOSED)
		return e;
	char *why = mem_strdup(err_trail(e));
	f->ops->end(f); /* the last picture */
	(void)publish_all(f);
	publication_caught_up(&f->publication);
	e = err_fail(e, "%s", why);
	free(why);
	return e;
}

err feed_run(struct feed *f, const struct request *request)
{
	f->co = co_self();
	err e = run(f, request);
	return publication_end(&f->publication, e);
}
