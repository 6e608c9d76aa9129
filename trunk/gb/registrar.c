#include "gb/registrar.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SWEEP_MS = 1000,
	EXPIRES_DEFAULT_S = 3600,
	EXPIRES_MAX_S = 86400,
	EXPIRES_SLACK_MS = 30000, /* behind the end of a registration, since clocks differ */
	QUIET_MS = 6000,
	LINES = 512,
	ASK_AGAIN_MS = 30000,
};

/* ---- its rules ---- */

void gb_registrar_configure(struct gb_registrar *r, const struct gb_registrar_opts *opts)
{
	free(r->server_id);
	free(r->password);
	r->opts = *opts;
	r->server_id = mem_strdup(opts->server_id);
	r->password = mem_strdup(opts->password);
	r->opts.server_id = r->server_id;
	r->opts.password = r->password;
	snprintf(r->realm, sizeof(r->realm), "%.10s", r->server_id);
}

void gb_registrar_uri(const struct gb_registrar *r, const char *id, char out[static SIP_ID_MAX])
{
	snprintf(out, SIP_ID_MAX, "sip:%s@%s", id, r->realm);
}

static bool may_log(const struct gb_registrar *r)
{
	return !r->opts.may_log || r->opts.may_log(r->opts.ctx);
}

/* ---- who left ---- */

static void leave(struct gb_registrar *r, struct gb_device *d, const char *why)
{
	if (!d->is_online)
		return;
	d->is_online = false;
	d->left_why = why;
	d->since_ms = clock_ms();
	d->since_wall_ms = clock_wall_ms();
	if (may_log(r))
		log_info("GB28181 device %s is off line: %s", d->id, why);
	r->ops->on_left(r->opts.ctx, d);
}

void gb_registrar_dismiss(struct gb_registrar *r, const char *why)
{
	for (struct map_iter it = map_begin(r->devices.by_id); map_next(&it);)
		leave(r, it.value, why);
}

static const char *why_left(const struct gb_registrar *r, const struct gb_device *d, int64_t now)
{
	if (now >= d->expires_ms + EXPIRES_SLACK_MS)
		return "its registration has expired";
	if (now >= d->heard_ms + GB_KEEPALIVES_MISSED * r->opts.keepalive_ms)
		return "it has sent no keepalive";
	return NULL;
}

/* Channels whose catalogue was not answered are asked for again. */
static void sweep_device(struct gb_registrar *r, struct gb_device *d, int64_t now)
{
	const char *why = why_left(r, d, now);
	if (why) {
		leave(r, d, why);
		return;
	}
	bool is_asked = d->catalog.asked_ms > 0;
	bool is_heard = d->catalog.wanted >= 0 && d->catalog.got >= d->catalog.wanted;
	if (is_asked && !is_heard && now >= d->catalog.asked_ms + ASK_AGAIN_MS &&
	    sip_flow_is_open(d->flow))
		gb_registrar_ask_catalog(r, d);
}

static void on_sweep(struct timer *timer)
{
	struct gb_registrar *r = container_of(timer, struct gb_registrar, sweep);
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(r->devices.by_id); map_next(&it);) {
		struct gb_device *d = it.value;
		if (d->is_online)
			sweep_device(r, d, now);
		else if (now >= d->since_ms + GB_OFFLINE_KEPT_MS)
			gb_device_remove(&r->devices, d);
	}
	timer_set(&r->sweep, now + SWEEP_MS);
}

/* ---- answers ---- */

static void answer(struct sip_incoming *in, int status, const char *headers, bool untrusted)
{
	(void)sip_answer(in, &(struct sip_answer){
				     .status = status, .headers = headers, .untrusted = untrusted});
}

/* Of a device that is on line, from where it is. NULL: a stranger, or one that lies. */
static struct gb_device *known_sender(struct gb_registrar *r, const struct sip_incoming *in)
{
	char id[GB_ID + 1];
	struct span user = in->message->from.uri.user;
	if (user.n != GB_ID)
		return NULL;
	memcpy(id, user.p, GB_ID);
	id[GB_ID] = '\0';
	struct gb_device *d = gb_device_find(&r->devices, id);
	return d && d->is_online && d->flow && sip_flow_same_host(d->flow, in->flow) ? d : NULL;
}

/* ---- where a device is ---- */

static void hear(struct gb_device *d, struct sip_flow *flow)
{
	d->heard_ms = clock_ms();
	sip_flow_accept(flow);
	if (d->flow && sip_flow_same(d->flow, flow))
		return;
	struct sip_flow *before = d->flow;
	d->flow = sip_flow_ref(flow);
	sip_flow_unref(&before);
}

/* ---- REGISTER ---- */

static bool is_near(const struct sip_incoming *in)
{
	enum { PUBLIC_FROM = 3 };
	const struct addr *peer = sip_flow_peer(in->flow);
	return addr_is_loopback(peer) || addr_reach(peer) < PUBLIC_FROM;
}

static void challenge(struct gb_registrar *r, struct sip_incoming *in, const char *whom, bool stale)
{
	struct buf lines = {.max = LINES};
	if (sip_digest_challenge(r->digest, &lines, r->realm, whom, stale) == OK)
		answer(in, 401, buf_text(&lines), true);
	buf_free(&lines);
}

static void refuse(struct gb_registrar *r, struct sip_incoming *in, const char *id, const char *why)
{
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, sip_flow_peer(in->flow));
	r->counts.refused++;
	if (may_log(r))
		log_warn("GB28181 device '%s' at %s may not register: %s", log_quote(id), peer,
			 why);
	answer(in, 403, NULL, true);
}

static bool has_password(struct gb_registrar *r, struct sip_incoming *in, const char *id,
			 const char *password)
{
	struct sip_credentials *said = mem_new(struct sip_credentials);
	char whom[ADDR_TEXT_MAX];
	addr_ip(whom, sip_flow_peer(in->flow));
	enum sip_verdict v = sip_credentials_parse(said, in->message->authorization);
	if (v == SIP_GOOD)
		v = sip_digest_check(r->digest, said, in->message,
				     &(struct sip_proof){.realm = r->realm,
							 .username = id,
							 .password = password,
							 .whom = whom});
	free(said);
	if (v == SIP_MISSING || v == SIP_STALE)
		challenge(r, in, whom, v == SIP_STALE);
	else if (v != SIP_GOOD)
		refuse(r, in, id, sip_verdict_text(v));
	return v == SIP_GOOD;
}

/* Answered already when not. */
static bool may_register(struct gb_registrar *r, struct sip_incoming *in, const char *id)
{
	bool listed = false;
	const char *password =
		r->opts.password_of ? r->opts.password_of(r->opts.ctx, id, &listed) : NULL;
	if (r->opts.only_listed && !listed) {
		refuse(r, in, id, "it is not listed (stream_caster.sip.device)");
		return false;
	}
	if (!password)
		password = r->password;
	if (*password)
		return has_password(r, in, id, password);
	if (r->opts.open || is_near(in))
		return true;
	refuse(r, in, id,
	       "without a password only devices of private networks may "
	       "(stream_caster.sip.password)");
	return false;
}

/* Devices set their clocks by it (GB/T 28181 9.10). */
static void put_date(struct buf *lines)
{
	int64_t now = clock_wall_ms();
	time_t s = (time_t)(now / 1000);
	struct tm tm;
	char text[32];
	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(lines, "Date: %s.%03d\r\n", text, (int)(now % 1000));
}

static void accept_registration(struct sip_incoming *in, int64_t expires)
{
	struct buf lines = {.max = 2 * LINES};
	put_date(&lines);
	if (in->message->has_contact)
		buf_printf(&lines, "Contact: <%.*s>\r\n", (int)in->message->contact.text.n,
			   (const char *)in->message->contact.text.p);
	buf_printf(&lines, "Expires: %lld\r\n", (long long)expires);
	answer(in, 200, buf_text(&lines), false);
	buf_free(&lines);
}

/* Whether what was agreed with the device before is forgotten at its end. */
static bool begins_anew(struct gb_device *d, const struct sip_incoming *in)
{
	char call_id[sizeof(d->call_id)];
	snprintf(call_id, sizeof(call_id), "%.*s", (int)in->message->call_id.n,
		 (const char *)in->message->call_id.p);
	bool moved = !d->flow || !sip_flow_same(d->flow, in->flow);
	bool is_new = !d->is_online || (moved && strcmp(d->call_id, call_id) != 0);
	memcpy(d->call_id, call_id, sizeof(call_id));
	return is_new;
}

/* From there, for so long. */
static void be_online(struct gb_registrar *r, struct gb_device *d, struct sip_flow *flow,
		      int64_t expires_ms)
{
	char peer[ADDR_TEXT_MAX];
	bool was_online = d->is_online;
	hear(d, flow);
	d->expires_ms = clock_ms() + expires_ms;
	d->is_online = true;
	if (was_online)
		return;
	d->since_ms = clock_ms();
	d->since_wall_ms = clock_wall_ms();
	d->left_why = NULL;
	addr_text(peer, sip_flow_peer(flow));
	if (may_log(r))
		log_info("GB28181 device %s is on line, at %s by %s", d->id, peer,
			 sip_transport_name(sip_flow_transport(flow)));
}

static void welcome(struct gb_registrar *r, struct gb_device *d, bool is_new)
{
	if (is_new && r->opts.catalog)
		gb_registrar_ask_catalog(r, d);
	r->ops->on_registered(r->opts.ctx, d, is_new);
}

static void come(struct gb_registrar *r, struct gb_device *d, struct sip_incoming *in,
		 int64_t expires)
{
	bool is_new = begins_anew(d, in);
	struct span agent = sip_header_value(in->message, "User-Agent");
	snprintf(d->agent, sizeof(d->agent), "%.*s", (int)agent.n, (const char *)agent.p);
	be_online(r, d, in->flow, expires * 1000);
	welcome(r, d, is_new);
}

void gb_registrar_adopt(struct gb_registrar *r, const char *id, const char *call_id,
			struct sip_flow *flow, int64_t expires_ms)
{
	struct gb_device *d = gb_device_get(&r->devices, id, clock_ms());
	if (!d || d->is_online)
		return;
	snprintf(d->call_id, sizeof(d->call_id), "%s", call_id);
	be_online(r, d, flow, expires_ms);
	welcome(r, d, true);
}

static void on_register(struct gb_registrar *r, struct sip_incoming *in)
{
	char id[GB_ID + 1];
	const struct sip_message *m = in->message;
	snprintf(id, sizeof(id), "%.*s", (int)m->from.uri.user.n, (const char *)m->from.uri.user.p);
	if (!gb_is_id(m->from.uri.user)) {
		r->counts.unknown++;
		return;
	}
	if (!may_register(r, in, id))
		return;
	int64_t expires = m->expires < 0 ? EXPIRES_DEFAULT_S : m->expires;
	expires = expires > EXPIRES_MAX_S ? EXPIRES_MAX_S : expires;
	struct gb_device *d = expires > 0 ? gb_device_get(&r->devices, id, clock_ms())
					  : gb_device_find(&r->devices, id);
	if (!d && expires > 0) {
		refuse(r, in, id, "there are too many devices");
		return;
	}
	r->counts.registrations++;
	accept_registration(in, expires);
	if (expires > 0) {
		come(r, d, in, expires);
	} else if (d) {
		d->quiet_until_ms = clock_ms() + QUIET_MS;
		leave(r, d, "it has unregistered");
	}
}

/* ---- MESSAGE ---- */

static void take_catalog(struct gb_registrar *r, struct gb_device *d, const struct manscdp *m)
{
	struct span rest = manscdp_field(m->inside, "DeviceList"), name, item;
	int64_t sn = manscdp_number(m->inside, "SN"), sum = manscdp_number(m->inside, "SumNum");
	if (sn != d->catalog.sn || d->catalog.asked_ms == 0)
		return;
	d->catalog.wanted = sum < 0 ? 0 : sum;
	while (manscdp_next(&rest, &name, &item)) {
		d->catalog.got++;
		if (span_is(name, "Item"))
			(void)gb_channel_take(&r->devices, d, item);
	}
	if (d->catalog.got < d->catalog.wanted)
		return;
	r->counts.catalogs++;
	gb_channels_settle(&r->devices, d);
	if (may_log(r))
		log_info("GB28181 device %s has %zu channels", d->id, d->channel_count);
}

static void on_message(struct gb_registrar *r, struct gb_device *d, struct sip_incoming *in)
{
	struct manscdp m = {0};
	hear(d, in->flow);
	answer(in, 200, NULL, false);
	if (!manscdp_read(&m, in->message->body)) {
		manscdp_fini(&m);
		return;
	}
	struct span command = manscdp_field(m.inside, "CmdType");
	if (span_is(command, "Keepalive"))
		r->counts.keepalives++;
	else if (span_is(m.root, "Response") && span_is(command, "Catalog"))
		take_catalog(r, d, &m);
	manscdp_fini(&m);
}

void gb_registrar_ask_catalog(struct gb_registrar *r, struct gb_device *d)
{
	struct sip_dialog *dialog = mem_new(struct sip_dialog);
	struct buf body = {.max = 1024};
	char us[SIP_ID_MAX], them[SIP_ID_MAX];
	gb_registrar_uri(r, r->server_id, us);
	gb_registrar_uri(r, d->id, them);
	d->catalog.sn = ++r->sn;
	d->catalog.wanted = -1;
	d->catalog.got = 0;
	d->catalog.asked_ms = clock_ms();
	manscdp_write_query(&body, "Catalog", d->catalog.sn, d->id);
	err e = sip_dialog_begin(dialog, us, them);
	if (!e)
		e = sip_send(r->endpoint, d->flow, dialog,
			     &(struct sip_request){.method = "MESSAGE",
						   .content_type = "Application/MANSCDP+xml",
						   .body = buf_span(&body)},
			     NULL);
	if (e && may_log(r))
		log_warn("GB28181 device %s was not asked for its channels: %s", d->id,
			 err_trail(e));
	buf_free(&body);
	free(dialog);
}

/* ---- requests ---- */

static void on_bye(struct gb_registrar *r, struct gb_device *d, struct sip_incoming *in)
{
	hear(d, in->flow);
	d->quiet_until_ms = clock_ms() + QUIET_MS;
	answer(in, 200, NULL, false);
	r->ops->on_bye(r->opts.ctx, d, in->message);
}

void gb_registrar_take(struct gb_registrar *r, struct sip_incoming *in)
{
	if (in->message->method == SIP_REGISTER) {
		on_register(r, in);
		return;
	}
	struct gb_device *d = known_sender(r, in);
	if (!d) {
		r->counts.unknown++;
		if (in->message->method == SIP_MESSAGE && gb_is_id(in->message->from.uri.user))
			answer(in, 403, NULL, true); /* so that it registers again */
		return;
	}
	switch (in->message->method) {
	case SIP_MESSAGE:
		on_message(r, d, in);
		break;
	case SIP_BYE:
		on_bye(r, d, in);
		break;
	case SIP_OPTIONS:
	case SIP_NOTIFY:
	case SIP_INFO:
		hear(d, in->flow);
		answer(in, 200, NULL, false);
		break;
	default:
		answer(in, 405, NULL, false);
	}
}

/* ---- its life ---- */

err gb_registrar_init(struct gb_registrar *r, const struct gb_registrar_ops *ops,
		      const struct gb_registrar_opts *opts)
{
	*r = (struct gb_registrar){.ops = ops, .sweep.fn = on_sweep};
	TRY(sip_digest_new(&r->digest));
	gb_registrar_configure(r, opts);
	gb_devices_init(&r->devices);
	timer_set(&r->sweep, clock_after(SWEEP_MS));
	return OK;
}

void gb_registrar_fini(struct gb_registrar *r)
{
	timer_cancel(&r->sweep);
	if (r->devices.by_id)
		gb_devices_fini(&r->devices);
	sip_digest_free(&r->digest);
	free(r->server_id);
	free(r->password);
	*r = (struct gb_registrar){0};
}
