/* SRT as this server sees it: its ports, its sessions, and what their lines are like. */
#include "api/api_list.h"
#include "api/api_route.h"
#include "service/srt_hub.h"
#include "service/srt_session.h"
#include "session/srt_feed.h"

#include <stdlib.h>
#include <utlist.h>

static void put_received(json_t *object, const struct srt_figures *f)
{
	json_t *in = json_put_object(object, "received");
	json_put_int(in, "latency_ms", f->recv_latency_ms);
	json_put_int(in, "packets", f->recv_packets);
	json_put_int(in, "lost", f->recv_lost);
	json_put_int(in, "retransmitted", f->recv_retransmitted);
	json_put_int(in, "dropped", f->recv_dropped);
	json_put_int(in, "undecrypted", f->recv_undecrypted);
	json_put_int(in, "buffer_ms", f->recv_buffer_ms);
}

static void put_sent(json_t *object, const struct srt_figures *f)
{
	json_t *out = json_put_object(object, "sent");
	json_put_int(out, "latency_ms", f->send_latency_ms);
	json_put_int(out, "packets", f->send_packets);
	json_put_int(out, "lost", f->send_lost);
	json_put_int(out, "retransmitted", f->send_retransmitted);
	json_put_int(out, "dropped", f->send_dropped);
	json_put_int(out, "buffer_ms", f->send_buffer_ms);
}

/* What its transport stream is like. */
static void put_ts(json_t *object, const struct ts_demux *d)
{
	json_t *ts = json_put_object(object, "ts");
	json_put_int(ts, "program", d->program);
	json_put_int(ts, "packets", (int64_t)d->packets);
	json_put_int(ts, "gaps", (int64_t)d->lost);
	json_put_int(ts, "scrambled", (int64_t)d->scrambled);
	json_put_int(ts, "skipped_bytes", (int64_t)d->skipped);
	json_put_int(ts, "frames", (int64_t)d->out.counts.units);
	json_put_int(ts, "broken_frames", (int64_t)d->out.counts.broken);
}

static json_t *session(const struct srt_session *s)
{
	char ip[ADDR_TEXT_MAX];
	struct srt_figures figures;
	json_t *object = json_object();
	char *key = s->target.stream ? request_key(&s->request, &s->target) : NULL;
	addr_ip(ip, &s->peer);
	srt_link_figures(s->link, &figures);
	json_put_text(object, "id", s->id);
	json_put_text(object, "type", s->request.type ? s->request.type : "");
	json_put_text(object, "stream", key ? key : "");
	json_put_text(object, "ip", ip);
	json_put_int(object, "age_ms", clock_ms() - s->since_ms);
	json_put_bool(object, "encrypted", srt_link_is_encrypted(s->link));
	json_object_set_new(object, "round_trip_ms", json_real(figures.rtt_ms));
	json_put_int(object, "recv_bytes", srt_link_recv_bytes(s->link));
	json_put_int(object, "send_bytes", srt_link_send_bytes(s->link));
	put_received(object, &figures);
	put_sent(object, &figures);
	if (s->feed)
		put_ts(object, s->feed->demux);
	free(key);
	return object;
}

static void put_hub(json_t *object, const struct srt_hub *h)
{
	json_t *ports = json_array();
	for (int i = 0, port; (port = srt_hub_port(h, i)) > 0; i++)
		json_array_append_new(ports, json_integer(port));
	json_put_bool(object, "built", srt_bridge_is_built());
	json_put_text(object, "libsrt", srt_bridge_version());
	json_object_set_new(object, "ports", ports);
	json_put_int(object, "sessions", h->count);
	json_put_int(object, "opened", h->opened);
	json_put_int(object, "refused", h->refused);
	json_put_int(object, "refused_handshakes",
		     h->gate ? (int64_t)srt_gate_refused(h->gate) : 0);
}

static void open_sessions(struct api_list *list, struct api_call *call)
{
	const struct srt_session *s;
	DL_FOREACH (call->server->srt->sessions, s)
		api_list_add_name(list, s->id, true);
}

static json_t *next_session(struct api_list *list, struct api_call *call)
{
	const char *id;
	while ((id = api_list_next_name(list))) {
		const struct srt_session *s = srt_session_find(call->server->srt, id);
		if (s)
			return session(s);
	}
	return NULL;
}

enum api_code api_srt(struct api_call *call)
{
	static const struct api_list list = {
		.name = "sessions",
		.open = open_sessions,
		.next = next_session,
		.close = api_list_close_names,
	};
	put_hub(json_put_object(call->answer, "srt"), call->server->srt);
	api_list_begin(call, &list);
	return API_OK;
}
