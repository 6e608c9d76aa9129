/* One origin of a pull: what it sends goes to the resume, and the first sign that it is lost ends
 * this. */
#include "base/log.h"
#include "cluster/pull.h"

#include <stdio.h>
#include <string.h>

enum {
	RHYTHM_MAX_MS = 20000,
	REASK_MS = 300, /* at most so often because of others who wait */
	SLICE_MESSAGES = 64,
};

/* ---- runs ---- */

/* "service-number": the length of the part that names the server on which it was published. */
static size_t origin_part(const char *run)
{
	const char *dash = strrchr(run, '-');
	return dash ? (size_t)(dash - run) : 0;
}

/* Whether the origin in use sends another run of the stream than the one that was shown, of a
 * publisher that has left and come back. Two origins may have the same encoder, so runs are told apart
 * only as far as one server names both; one that names none says by its end of the stream that
 * what it sends next is new. */
static bool is_new_run(const struct pull *p)
{
	const struct pull_run *was = &p->run;
	const char *now = p->link->run;
	size_t part = origin_part(now);
	if (*was->id && *now)
		return part && strncmp(was->id, now, part + 1) == 0 && strcmp(was->id, now) != 0;
	return !*was->id && !*now && was->ended && strcmp(was->name, p->link->name) == 0;
}

static void begin_run(struct pull *p)
{
	if (is_new_run(p)) {
		log_info("%s: its publisher has begun anew", p->source->key);
		if (p->origin == ORIGIN_FEEDS)
			resume_renew(&p->resume);
		else
			resume_forget(&p->resume);
	}
	p->run.reports = p->link->reports;
	snprintf(p->run.id, sizeof(p->run.id), "%s", p->link->run);
	snprintf(p->run.name, sizeof(p->run.name), "%s", p->link->name);
	p->run.ended = false;
}

/* The origin has said something of the stream that it sends: its publisher may have been replaced without a gap.
 * Headers come before media. */
static void look_at_run(struct pull *p)
{
	p->run.reports = p->link->reports;
	if (is_new_run(p))
		begin_run(p);
}

/* ---- media ---- */

/* The stream's own rhythm, from its times and from arrivals: a burst from a cache says something
 * by its times only, and so does what was left to gather. */
static void note_arrival(struct pull *p, uint32_t raw)
{
	int64_t now = clock_ms(), gap = p->media_ms ? now - p->media_ms : 0;
	if (sock_has_rcvlowat(p->in.sock))
		gap = 0;
	int64_t step = p->media_ms ? (int32_t)(raw - p->media_raw) : 0;
	if (step > gap && step < RHYTHM_MAX_MS)
		gap = step;
	p->rhythm_ms = gap > p->rhythm_ms ? gap : p->rhythm_ms - p->rhythm_ms / 16;
	p->media_ms = now;
	p->media_raw = raw;
	if (p->origin != ORIGIN_FEEDS)
		begin_run(p);
	p->origin = ORIGIN_FEEDS;
	if (p->facts.loss.since_ms || p->state != PULL_LIVE)
		pull_note_media(p);
}

static void take_media(struct pull *p, struct link_media *media)
{
	struct msg *m = media->msg;
	msg_classify(m);
	if (p->origin == ORIGIN_FEEDS && p->run.reports != p->link->reports)
		look_at_run(p);
	/* Headers alone are no media: an origin keeps those of a publisher that has left. */
	if (m->type != MSG_DATA && !headers_wants(m))
		note_arrival(p, media->raw);
	resume_take(&p->resume, m, media->raw);
}

/* ---- what arrives ---- */

/* The origin may send without a pause. */
static err let_others_run(struct pull *p)
{
	read_pacing_caught_up(&p->in, p->source, false);
	co_yield ();
	return co_stopping() ? ERR_STOPPED : OK;
}

/* All that has arrived, unless a publisher has come here: none of it is for the source then. */
static err take_all(struct pull *p, struct link_refusal *said)
{
	for (int n = 1;; n++) {
		struct link_media media;
		if (pull_is_published_here(p))
			return err_fail(ERR_ENDED, "the stream is published on this server now");
		err e = p->link->ops->next(p->link, &media, said);
		if (e)
			return e == ERR_AGAIN ? OK : e;
		take_media(p, &media);
		if (n % SLICE_MESSAGES)
			continue;
		TRY(let_others_run(p));
		if (pull_is_unwanted(p))
			return OK;
	}
}

/* The place where the stream goes on is looked for when there is no more at the moment. */
static err receive(struct pull *p, struct link_refusal *said)
{
	struct link *l = p->link;
	source_fetch(p->source);
	splice_fetch(&p->resume.splice);
	TRY(take_all(p, said));
	if (l->lost_ms && p->origin != ORIGIN_FEEDS)
		pull_note_loss(p, l->lost_ms);
	resume_look(&p->resume);
	read_pacing_caught_up(&p->in, p->source, true);
	read_pacing_pace(&p->in, p->source, !p->resume.open || l->ping_ms);
	if (!l->ops->report)
		return OK;
	l->ops->report(l, p->source);
	return l->ops->flush(l);
}

/* ---- one origin ---- */

static bool must_reask(const struct pull *p)
{
	return p->reask && p->origin != ORIGIN_FEEDS;
}

err pull_relay(struct pull *p, int64_t patience_ms, struct link_refusal *said)
{
	struct pull_watch w = {.began_ms = clock_ms(), .patience_ms = patience_ms};
	for (;;) {
		enum pull_origin before = p->origin;
		TRY(receive(p, said));
		if (p->origin != before)
			co_trim(); /* connecting and the beginning go deeper than what follows */
		if (pull_is_unwanted(p))
			return err_fail(ERR_ENDED, "nobody watches any more");
		if (must_reask(p) && clock_ms() >= w.began_ms + REASK_MS)
			return err_fail(ERR_TIMEOUT, "another server waits for the stream too");
		w.deadline = resume_due(&p->resume);
		if (must_reask(p))
			pull_look_again_at(&w, w.began_ms + REASK_MS);
		pull_look_again_at(&w, pull_unwanted_at(p));
		TRY(pull_check_silence(p, &w));
		err e = co_wait(w.deadline);
		if (e == ERR_TIMEOUT)
			sock_force_read(p->in.sock); /* no verdict before what has come is read */
		else if (e)
			return e;
	}
}
