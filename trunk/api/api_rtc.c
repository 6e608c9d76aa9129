/* WebRTC as this server sees it: its ports, its sessions, and those that ended a moment ago, with the reason when
 * one has not come about. */
#include "api/api_list.h"
#include "api/api_route.h"
#include "base/mem.h"
#include "rtc/rx.h"
#include "service/rtc_hub.h"
#include "service/rtc_past.h"
#include "service/rtc_sender.h"
#include "service/rtc_session.h"
#include "service/rtc_sharing.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char *stage_name(enum rtc_stage stage)
{
	static const char *const names[] = {"asked", "answered", "connected", "over"};
	return names[stage];
}

/* "udp 192.0.2.1:8000,tcp …" as a list. */
static void put_list(json_t *object, const char *key, const char *text)
{
	json_t *list = json_array();
	while (text && *text) {
		size_t n = strcspn(text, ",");
		char *one = mem_strndup(text, n);
		json_array_append_new(list, json_string(one));
		free(one);
		text += n + (text[n] == ',');
	}
	json_object_set_new(object, key, list);
}

/* ---- a session ---- */

static void put_path(json_t *object, const struct rtc_path *path)
{
	char text[ADDR_TEXT_MAX];
	if (!path) {
		json_object_set_new(object, "path", json_null());
		return;
	}
	json_t *p = json_put_object(object, "path");
	json_put_text(p, "transport", path->stream ? "tcp" : "udp");
	addr_text(text, &path->peer);
	json_put_text(p, "peer", text);
	addr_text(text, &path->local);
	json_put_text(p, "local", text);
}

static void put_link(json_t *object, const struct rtc_session *s)
{
	static const struct rtc_link_counts no_counts;
	static const struct ice_counts no_checks;
	const struct rtc_link_counts *c = s->link ? rtc_link_counts(s->link) : &no_counts;
	const struct ice_counts *checks = s->link ? rtc_link_ice_counts(s->link) : &no_checks;
	put_path(object, s->link ? rtc_link_path(s->link) : NULL);
	json_put_text(object, "cipher", s->link ? rtc_link_cipher(s->link) : "");
	json_put_int(object, "checks", checks->checks);
	json_put_int(object, "forged_checks", checks->forged);
	json_put_int(object, "recv_packets", c->recv_packets);
	json_put_int(object, "recv_bytes", c->recv_bytes);
	json_put_int(object, "send_packets", c->send_packets);
	json_put_int(object, "send_bytes", c->send_bytes);
	json_put_int(object, "send_dropped", c->send_dropped);
	json_put_int(object, "replayed", c->replayed);
	json_put_int(object, "bad_packets", c->bad);
	json_put_text(object, "why_not_connected", s->link ? rtc_link_why(s->link) : "");
}

static void put_received(json_t *object, const struct rx *rx)
{
	const struct rx_counts *c = rx_counts(rx);
	json_t *in = json_put_object(object, "received");
	json_put_int(in, "packets", c->packets);
	json_put_int(in, "lost", c->lost);
	json_put_int(in, "asked_again", c->nacks);
	json_put_int(in, "repaired", c->repaired);
	json_put_int(in, "late", c->duplicate);
	json_put_int(in, "unknown", c->unknown);
	json_put_int(in, "pictures", c->pictures);
	json_put_int(in, "pictures_dropped", c->pictures_dropped);
	json_put_int(in, "key_frames_asked", c->plis);
	json_put_int(in, "round_trip_ms", rx_rtt_ms(rx));
	json_put_int(in, "allowed_kbps", rx_estimate_kbps(rx));
}

static void put_sent(json_t *object, const struct rtc_sender *sender)
{
	const struct rtc_sender_counts *c = rtc_sender_counts(sender);
	uint64_t left_out, kept;
	json_t *out = json_put_object(object, "sent");
	json_put_int(out, "packets", c->packets);
	json_put_int(out, "refused", c->refused);
	json_put_int(out, "asked_again", c->nacks);
	json_put_int(out, "repeated", c->repeated);
	json_put_int(out, "unrepeatable", c->unrepeatable);
	json_put_int(out, "key_frames_asked", c->plis);
	json_put_int(out, "pictures_left_out", c->skips);
	rtc_sender_bframes(sender, &left_out, &kept);
	json_put_int(out, "bframes_left_out", (int64_t)left_out);
	json_put_int(out, "bframes_sent", (int64_t)kept);
	json_put_int(out, "loss_percent", rtc_sender_loss(sender) * 100 / 256);
	json_put_int(out, "round_trip_ms", rtc_sender_rtt_ms(sender));
	json_put_int(out, "estimated_kbps", rtc_sender_estimate(sender));
}

static json_t *session(const struct rtc_session *s)
{
	char ip[ADDR_TEXT_MAX];
	json_t *object = json_object();
	char *key = request_key(&s->request, &s->ask.target);
	addr_ip(ip, &s->ask.peer);
	json_put_text(object, "id", s->id);
	json_put_text(object, "type", s->request.type);
	json_put_text(object, "stream", key);
	json_put_text(object, "ip", ip);
	json_put_text(object, "state", stage_name(s->stage));
	json_put_int(object, "age_ms", clock_ms() - s->since_ms);
	json_put_int(object, "connect_ms", s->connected_ms ? s->connected_ms - s->answered_ms : -1);
	put_list(object, "candidates", s->candidates);
	put_link(object, s);
	if (s->rx)
		put_received(object, s->rx);
	if (s->sender)
		put_sent(object, s->sender);
	free(key);
	return object;
}

static json_t *past(const struct rtc_past *p)
{
	json_t *object = json_object();
	json_put_text(object, "id", p->id);
	json_put_text(object, "type", p->type);
	json_put_text(object, "stream", p->stream);
	json_put_text(object, "ip", p->ip);
	json_put_int(object, "ended_ms", p->ended_wall_ms);
	json_put_int(object, "lasted_ms", p->lasted_ms);
	json_put_int(object, "connect_ms", p->connect_ms);
	put_list(object, "candidates", p->candidates);
	json_put_int(object, "checks", p->checks);
	json_put_int(object, "forged_checks", p->forged);
	json_put_text(object, "why", p->why);
	return object;
}

/* ---- the ports ---- */

/* What crossed between the processes of an upgrade in place. */
static void put_crossed(json_t *object, const struct rtc_hub *h)
{
	struct crossing_counts c;
	size_t waiting;
	rtc_sharing_counts(h, &c, &waiting);
	json_t *crossed = json_put_object(object, "crossed");
	json_put_int(crossed, "handed", c.handed);
	json_put_int(crossed, "taken", c.taken);
	json_put_int(crossed, "dropped", c.dropped);
	json_put_int(crossed, "waiting_bytes", (int64_t)waiting);
}

static void put_hub(json_t *object, const struct rtc_hub *h)
{
	static const struct rtc_port_counts none;
	const struct rtc_port *port = rtc_hub_port(h);
	const struct rtc_port_counts *c = port ? rtc_port_counts(port) : &none;
	json_put_int(object, "udp_port", port ? rtc_port_number(port) : 0);
	json_put_int(object, "tcp_port", h->tcp_port);
	json_put_text(object, "fingerprint",
		      h->identity ? dtls_identity_fingerprint(h->identity) : "");
	json_put_int(object, "sessions", h->count);
	json_put_int(object, "half_open", h->half_open);
	json_put_int(object, "opened", h->opened);
	json_put_int(object, "connected", h->connected);
	json_put_int(object, "never_connected", h->never_connected);
	json_t *in = json_put_object(object, "datagrams");
	json_put_int(in, "stun", c->stun);
	json_put_int(in, "dtls", c->dtls);
	json_put_int(in, "media", c->media);
	json_put_int(in, "unknown_name", c->unknown_name);
	json_put_int(in, "unknown_peer", c->unknown_peer);
	json_put_int(in, "malformed", c->malformed);
	json_put_int(in, "other", c->other);
	json_put_int(in, "send_dropped", c->send_dropped);
	put_crossed(object, h);
}

static void open_sessions(struct api_list *list, struct api_call *call)
{
	const struct rtc_session *s;
	DL_FOREACH (call->server->rtc->sessions, s)
		api_list_add_name(list, s->token, true);
}

static json_t *next_session(struct api_list *list, struct api_call *call)
{
	const char *token;
	while ((token = api_list_next_name(list))) {
		const struct rtc_session *s = rtc_session_find(call->server->rtc, token);
		if (s)
			return session(s);
	}
	return NULL;
}

enum api_code api_rtc(struct api_call *call)
{
	static const struct api_list list = {
		.name = "sessions",
		.open = open_sessions,
		.next = next_session,
		.close = api_list_close_names,
	};
	json_t *ended = json_array();
	const struct rtc_past *p;
	put_hub(json_put_object(call->answer, "rtc"), call->server->rtc);
	for (int i = 0; (p = rtc_past_get(i)); i++)
		json_array_append_new(ended, past(p));
	json_object_set_new(call->answer, "ended", ended);
	api_list_begin(call, &list);
	return API_OK;
}
