#include "service/gb_stream.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/au.h"
#include "service/aac_maker.h"
#include "session/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { FORMER_MS = 30000 };

static struct gb_stream *find_ssrc(const struct gb_hub *h, uint32_t ssrc)
{
	struct gb_stream *s;
	DL_FOREACH (h->streams, s)
		if (s->ssrc == ssrc && !s->is_closed)
			return s;
	return NULL;
}

static bool is_expected(const struct gb_hub *h, const char *name)
{
	const struct gb_stream *s;
	DL_FOREACH (h->streams, s)
		if (strcmp(s->name, name) == 0 && !s->is_closed)
			return true;
	return false;
}

static void stream_free(struct gb_stream *s)
{
	DL_DELETE(s->hub->streams, s);
	s->hub->stream_count--;
	own_publish_fini(&s->publish);
	free(s);
}

static bool has_come(const struct gb_stream *s)
{
	return s->feed || s->flow;
}

/* The SSRC of an ended stream: its device may send for a while. */
static bool was_ours(const struct gb_hub *h, uint32_t ssrc)
{
	for (size_t i = 0; i < GB_FORMER; i++)
		if (h->former[i].ssrc == ssrc && clock_ms() < h->former[i].until)
			return true;
	return false;
}

static void note_former(struct gb_hub *h, uint32_t ssrc)
{
	h->former[h->former_at++ % GB_FORMER] = (struct gb_former){ssrc, clock_after(FORMER_MS)};
}

err gb_publish_init(struct own_publish *out, const struct gb_hub *hub, const char *name,
		    const struct addr *from)
{
	const char *output = hub->caster->output, *mark = "[stream]";
	const char *at = strstr(output, mark);
	char *url = mem_printf("%.*s%s%s", (int)(at - output), output, name, at + strlen(mark));
	err e = own_publish_init(out, hub->server, "gb28181-publish", url, from);
	free(url);
	return e;
}

/* A camera has no page and no link; its address is looked at as that of every publisher. */
static bool is_allowed(const struct gb_stream *s, const struct addr *from)
{
	return security_allows(&s->publish.request.vhost->security, true, from);
}

static err begin_publish(struct gb_stream *s, const struct gb_stream_opts *opts)
{
	TRY(gb_publish_init(&s->publish, s->hub, opts->name, opts->from));
	if (opts->from && !is_allowed(s, opts->from))
		return err_fail(ERR_DENIED, "this address may not publish here (security)");
	return OK;
}

err gb_stream_open(struct gb_stream **out, struct gb_hub *hub, const struct gb_stream_opts *opts)
{
	if (find_ssrc(hub, opts->ssrc) || is_expected(hub, opts->name))
		return err_fail(ERR_FULL, "the stream %s or the SSRC %010u is expected already",
				opts->name, opts->ssrc);
	if (hub->is_ending)
		return err_fail(ERR_FULL, "the server ends");
	if (hub->stream_count >= GB_STREAMS_MAX)
		return err_fail(ERR_FULL, "%d streams of cameras are expected already",
				hub->stream_count);
	struct gb_stream *s = mem_new(struct gb_stream);
	s->hub = hub;
	s->ssrc = opts->ssrc;
	s->ops = opts->ops;
	s->ctx = opts->ctx;
	s->is_bound = opts->from != NULL;
	if (opts->from)
		s->from = *opts->from;
	snprintf(s->name, sizeof(s->name), "%s", opts->name);
	DL_APPEND(hub->streams, s);
	hub->stream_count++;
	err e = begin_publish(s, opts);
	if (e) {
		stream_free(s);
		return e;
	}
	*out = s;
	return OK;
}

void gb_stream_close(struct gb_stream **stream, const char *why)
{
	struct gb_stream *s = *stream;
	*stream = NULL;
	if (!s)
		return;
	s->is_closed = true;
	note_former(s->hub, s->ssrc);
	if (s->feed)
		publication_stop(&s->feed->feed.publication, OUTCOME_ENDED, "%s", why);
	else if (!s->flow)
		stream_free(s);
}

void gb_stream_fail(struct gb_stream *s, const char *why)
{
	if (!s->is_closed && !has_come(s))
		s->ops->on_end(s->ctx, why);
}

/* ---- packets ---- */

static bool same_ip(const struct addr *a, const struct addr *b)
{
	char x[ADDR_TEXT_MAX], y[ADDR_TEXT_MAX];
	addr_ip(x, a);
	addr_ip(y, b);
	return strcmp(x, y) == 0;
}

static bool may_feed(const struct gb_stream *s, const struct addr *from)
{
	bool is_known = !s->is_bound || same_ip(&s->from, from) ||
			(s->also_from.len > 0 && same_ip(&s->also_from, from));
	return is_known && is_allowed(s, from);
}

/* Devices choose SSRCs for themselves, and two may have chosen the same one. */
static struct gb_stream *find_fed(const struct gb_hub *h, uint32_t ssrc, const struct addr *from)
{
	struct gb_stream *s;
	DL_FOREACH (h->streams, s)
		if (s->ssrc == ssrc && !s->is_closed && may_feed(s, from))
			return s;
	return NULL;
}

void gb_stream_set_ssrc(struct gb_stream *s, uint32_t ssrc)
{
	const struct gb_stream *other =
		s->is_bound ? find_fed(s->hub, ssrc, &s->from) : find_ssrc(s->hub, ssrc);
	if (!has_come(s) && !other)
		s->ssrc = ssrc;
}

static struct gb_stream *find_only(const struct gb_hub *h, const struct addr *from)
{
	struct gb_stream *s, *only = NULL;
	DL_FOREACH (h->streams, s) {
		if (s->is_closed || has_come(s) || !s->is_bound || !may_feed(s, from))
			continue;
		if (only)
			return NULL;
		only = s;
	}
	return only;
}

struct gb_stream *gb_stream_find(struct gb_hub *h, uint32_t ssrc, const struct addr *from)
{
	struct gb_stream *s = find_fed(h, ssrc, from);
	if (s)
		return s;
	s = was_ours(h, ssrc) ? NULL : find_only(h, from);
	if (s)
		s->ssrc = ssrc;
	return s;
}

/* ---- sound ---- */

enum { AAC_BITRATE = 64000 };

/* G.711, of which browsers and HLS can make nothing. */
static uint32_t telephone_codec(const struct msg *m)
{
	struct au_walk w;
	struct au au;
	au_begin(&w, m);
	bool is = m->type == MSG_AUDIO && au_next(&w, &au) &&
		  (au.codec == CODEC_ALAW || au.codec == CODEC_ULAW);
	return is ? au.codec : 0;
}

static void begin_aac(struct gb_stream *s, uint32_t codec)
{
	const char *reason;
	s->aac = aac_maker_new(&(struct aac_maker_opts){.server = s->hub->server,
							.name = s->publish.key,
							.codec = codec,
							.bitrate = AAC_BITRATE,
							.co = s->feed->feed.co},
			       &reason);
	if (s->aac)
		return;
	s->keeps_sound = true;
	log_warn("%s: its sound stays G.711: %s", s->publish.key, reason);
}

static void take_sound(void *ctx, struct msg **msg, uint32_t raw)
{
	struct gb_stream *s = ctx;
	uint32_t codec = s->keeps_sound ? 0 : telephone_codec(*msg);
	if (codec && !s->aac)
		begin_aac(s, codec);
	if (!codec || !s->aac)
		return;
	aac_maker_take(s->aac, *msg, raw);
	msg_unref(msg);
}

static bool next_sound(void *ctx, struct msg **msg, uint32_t *raw)
{
	struct gb_stream *s = ctx;
	return s->aac && aac_maker_next(s->aac, msg, raw);
}

static const struct gb_sound_ops sound_ops = {take_sound, next_sound};

static void on_live(struct gb_feed *feed)
{
	struct gb_stream *s = feed->ctx;
	if (!s->is_closed)
		s->ops->on_begin(s->ctx);
}

err gb_stream_run(struct gb_stream *s, struct gb_line *line)
{
	if (s->is_closed) { /* before its first packet was looked at */
		stream_free(s);
		return ERR_CLOSED;
	}
	struct gb_feed *feed = mem_new(struct gb_feed);
	feed->line = line;
	feed->on_live = on_live;
	feed->ctx = s;
	feed->sound = s->hub->caster->audio == CASTER_AAC ? &sound_ops : NULL;
	s->feed = feed;
	err e = gb_feed_run(feed, &s->publish.request);
	s->feed = NULL;
	s->flow = NULL;
	aac_maker_free(&s->aac);
	free(feed);
	if (s->is_closed)
		stream_free(s);
	else
		s->ops->on_end(s->ctx, e ? err_trail(e) : "it is over");
	return e;
}
