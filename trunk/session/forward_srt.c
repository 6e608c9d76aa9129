/* A forwarded stream over SRT: the destination listens, and is called. It gets MPEG-TS as players do, made once for
 * all. */
#include "base/mem.h"
#include "conf/conf.h"
#include "net/dns.h"
#include "session/forward_way.h"
#include "session/srt_options.h"
#include "session/srt_sender.h"
#include "session/srt_url.h"

#include <stdlib.h>

struct srt_way {
	struct forward_way base;
	struct srt_link *link;
	struct srt_sender sender;
};

static struct srt_way *way_of(struct forward_way *way)
{
	return container_of(way, struct srt_way, base);
}

static struct forward_way *on_make(void)
{
	return &mem_new(struct srt_way)->base;
}

/* ---- an attempt ---- */

static err call(struct srt_way *w, const struct srt_url *url, struct srt_options *options,
		int64_t deadline)
{
	struct dns_answer answer = {0};
	struct addr to = {0};
	err e = dns_lookup(&answer, url->at.host, url->at.port, deadline);
	if (!e)
		to = answer.addrs[0];
	dns_answer_fini(&answer);
	return e ? e : srt_link_connect(&w->link, &to, url->stream_id, options);
}

static err on_open(struct forward_way *way, int64_t deadline)
{
	struct srt_way *w = way_of(way);
	struct srt_url *url = mem_new(struct srt_url);
	struct srt_options options = srt_options_of(way->order->conf, NULL);
	options.passphrase = ""; /* that of this server's own ports is no other's business */
	err e = srt_url_parse(url, &options, way->order->place->srt);
	if (!e)
		e = call(w, url, &options, deadline);
	free(url);
	return e;
}

/* ---- while it takes the stream ---- */

static void on_join(struct forward_way *way, struct cursor *cursor)
{
	struct srt_way *w = way_of(way);
	srt_link_attach(w->link);
	srt_sender_init(&w->sender, w->link);
	source_cursor_open(way->order->source, cursor,
			   &(struct cursor_opts){.format = way->order->ts, .from_start = true});
}

static err on_take(struct forward_way *way)
{
	return srt_sender_take(&way_of(way)->sender);
}

static err on_send(struct forward_way *way, struct cursor *cursor)
{
	int64_t sent = 0;
	err e = srt_sender_send(&way_of(way)->sender, cursor, &way->monitor, &sent);
	way->order->source->send_bytes += sent;
	return e;
}

static err on_check(struct forward_way *way, int64_t stalled_ms, int64_t *deadline)
{
	return srt_sender_check(&way_of(way)->sender, &way->monitor, stalled_ms, deadline);
}

static void on_finish(struct forward_way *way, int64_t ms)
{
	srt_sender_finish(&way_of(way)->sender, ms);
}

static int64_t on_sent(const struct forward_way *way)
{
	const struct srt_link *link = container_of_const(way, struct srt_way, base)->link;
	return link ? srt_link_send_bytes(link) : 0;
}

static void on_free(struct forward_way *way)
{
	struct srt_way *w = way_of(way);
	srt_link_close(&w->link);
	free(w);
}

const struct forward_way_ops forward_srt = {
	.make = on_make,
	.open = on_open,
	.join = on_join,
	.take = on_take,
	.send = on_send,
	.check = on_check,
	.finish = on_finish,
	.sent = on_sent,
	.free = on_free,
};
