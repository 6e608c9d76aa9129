#include "service/gb_call.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/gb_handover.h"
#include "service/gb_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	LOOK_MS = 500,    /* how often it is looked whether somebody watches */
	FAILURES_MAX = 5, /* in a row, of a device that does not answer */
	PAUSE_MIN_MS = 200,
	CALLS_MAX = GB_STREAMS_MAX,
};

const char *gb_call_state_text(enum gb_call_state state)
{
	static const char *const texts[] = {
		[GB_CALL_INVITING] = "inviting",
		[GB_CALL_ANSWERED] = "answered",
		[GB_CALL_LIVE] = "live",
		[GB_CALL_PAUSING] = "pausing",
	};
	return texts[state];
}

static const struct conf_caster *conf_of(const struct gb_call *c)
{
	return c->hub->caster;
}

static void say_why(struct gb_call *c, const char *text)
{
	snprintf(c->why, sizeof(c->why), "%s", text);
}

/* ---- what the device answers ---- */

static void on_answer(void *ctx, const struct sip_message *m)
{
	struct gb_call *c = ctx;
	if (m->status < 200)
		return;
	c->status = m->status;
	if (m->status < 300 && sip_dialog_take(&c->dialog, m) == OK) {
		gb_answer_read(&c->answer, m->body);
		c->in_dialog = true;
		(void)sip_call_ack(c->invite);
	} else {
		c->has_failed = true;
		snprintf(c->why, sizeof(c->why), "the device refuses: %d %s", m->status,
			 sip_status_text(m->status));
	}
	co_wake(c->co);
}

static void on_failure(void *ctx, err why)
{
	struct gb_call *c = ctx;
	c->has_failed = true;
	say_why(c, why == ERR_TIMEOUT ? "the device does not answer"
				      : "the device cannot be reached: its connection has ended");
	co_wake(c->co);
}

/* ---- what the media does ---- */

static void on_begin(void *ctx)
{
	struct gb_call *c = ctx;
	c->has_begun = true;
	co_wake(c->co);
}

static void on_end(void *ctx, const char *why)
{
	struct gb_call *c = ctx;
	c->has_ended = true;
	say_why(c, why);
	co_wake(c->co);
}

static const struct gb_stream_ops stream_ops = {on_begin, on_end};

/* ---- those who want it ---- */

static bool is_watched(const struct gb_call *c)
{
	const struct source *source =
		c->stream && c->stream->feed ? c->stream->feed->feed.publication.source : NULL;
	return c->waiting || (source && source->player_count + source->relay_count > 0);
}

/* Hangs up when nobody has watched for a while. */
static bool is_idle(struct gb_call *c)
{
	int64_t now = clock_ms();
	if (!c->on_demand)
		return false;
	if (is_watched(c))
		c->watched_ms = now;
	return now >= c->watched_ms + conf_of(c)->sip.idle_ms;
}

static void tell_waiting(struct gb_call *c, bool failed)
{
	struct making *m, *next;
	DL_FOREACH_SAFE (c->waiting, m, next) {
		if (failed) {
			DL_DELETE(c->waiting, m);
			m->of = NULL;
			snprintf(m->why, sizeof(m->why), "%s", c->why);
		}
		m->failed = failed;
		m->begun = !failed;
		co_wake(m->co);
	}
}

/* ---- an attempt ---- */

static const struct gb_device *device_of(const struct gb_call *c)
{
	const struct gb_device *d = gb_device_find(&c->hub->registrar.devices, c->device);
	return d && d->is_online && d->flow ? d : NULL;
}

static err send_invite(struct gb_call *c, const struct gb_device *d)
{
	struct gb_registrar *r = &c->hub->registrar;
	struct buf subject = {.max = 256}, body = {.max = 2048};
	char us[SIP_ID_MAX], them[SIP_ID_MAX], ip[ADDR_TEXT_MAX];
	struct gb_offer offer = {.owner = c->channel,
				 .ip = ip,
				 .port = gb_hub_media_port(c->hub),
				 .media = (enum gb_media)conf_of(c)->media,
				 .ssrc = c->stream->ssrc};
	gb_hub_address(c->hub, d->flow, ip);
	gb_registrar_uri(r, r->server_id, us);
	gb_registrar_uri(r, c->channel, them);
	gb_offer_write(&body, &offer);
	buf_printf(&subject, "Subject: ");
	gb_subject_write(&subject, c->channel, offer.ssrc, r->server_id);
	buf_printf(&subject, "\r\n");
	err e = sip_dialog_begin(&c->dialog, us, them);
	if (!e)
		e = sip_send(c->hub->endpoint, d->flow, &c->dialog,
			     &(struct sip_request){.method = "INVITE",
						   .headers = buf_text(&subject),
						   .content_type = "Application/SDP",
						   .body = buf_span(&body),
						   .timeout_ms = (int)conf_of(c)->sip.timeout_ms,
						   .on_answer = on_answer,
						   .on_failure = on_failure,
						   .ctx = c},
			     &c->invite);
	buf_free(&body);
	buf_free(&subject);
	if (!e)
		log_info("GB28181: channel %s of device %s is called, media to %s:%d, SSRC %010u",
			 c->channel, c->device, ip, offer.port, offer.ssrc);
	return e;
}

/* Until something has happened, or it is ended. */
static err wait(struct gb_call *c, const bool *what, int64_t deadline)
{
	while (!*what && clock_ms() < deadline && !c->is_over && !c->has_failed && !c->has_ended &&
	       !c->starts_over) {
		int64_t look = clock_after(LOOK_MS);
		err e = co_wait(look < deadline ? look : deadline);
		if (e == ERR_STOPPED)
			return e;
		if (is_idle(c)) {
			say_why(c, "nobody watches");
			c->is_over = true;
		}
	}
	bool has_ended = c->is_over || c->has_failed || c->has_ended || c->starts_over;
	return *what && !c->is_over ? OK : has_ended ? ERR_CLOSED : ERR_TIMEOUT;
}

/* The device's media address by its SDP; behind a NAT the address that its messages come from. */
static void connect_to_device(struct gb_call *c, const struct gb_device *d)
{
	struct addr to = *sip_flow_peer(d->flow), said;
	if (*c->answer.ip && addr_literal(&said, c->answer.ip, 1) && addr_reach(&said) > 0)
		to = said;
	addr_set_port(&to, c->answer.port);
	if (c->answer.port)
		gb_media_connect(c->stream, &to, conf_of(c)->sip.timeout_ms);
}

static err open_stream(struct gb_call *c, const struct gb_device *d)
{
	const struct gb_stream_opts opts = {.name = c->name,
					    .ssrc = gb_hub_ssrc(c->hub),
					    .from = sip_flow_peer(d->flow),
					    .ops = &stream_ops,
					    .ctx = c};
	return gb_stream_open(&c->stream, c->hub, &opts);
}

/* The device's own words for the SSRC and for where it sends from count. */
static void take_answer(struct gb_call *c)
{
	struct addr said;
	if (c->answer.has_ssrc)
		gb_stream_set_ssrc(c->stream, c->answer.ssrc);
	if (*c->answer.ip && addr_literal(&said, c->answer.ip, 1) && !c->stream->feed)
		c->stream->also_from = said;
}

static err say_error(struct gb_call *c, err e)
{
	if (e)
		say_why(c, err_trail(e));
	return e;
}

static err converse(struct gb_call *c)
{
	int64_t deadline = clock_after(conf_of(c)->sip.timeout_ms);
	const struct gb_device *d = device_of(c);
	if (!d || !sip_flow_is_open(d->flow)) {
		say_why(c, "the device is off line");
		return ERR_CLOSED;
	}
	TRY(say_error(c, open_stream(c, d)));
	TRY(say_error(c, send_invite(c, d)));
	c->hub->invited++;
	err e = wait(c, &c->in_dialog, deadline);
	if (e == ERR_TIMEOUT)
		say_why(c, "the device does not answer");
	TRY(e);
	c->state = GB_CALL_ANSWERED;
	take_answer(c);
	d = device_of(c);
	if (d && conf_of(c)->media == CASTER_TCP_ACTIVE)
		connect_to_device(c, d);
	e = wait(c, &c->has_begun, clock_after(conf_of(c)->sip.timeout_ms));
	if (e == ERR_TIMEOUT)
		say_why(c, "the device has answered, but no media came");
	TRY(e);
	c->state = GB_CALL_LIVE;
	c->failures = 0;
	tell_waiting(c, false);
	return wait(c, &c->has_ended, CLOCK_NEVER);
}

static void say_goodbye(struct gb_call *c)
{
	const struct gb_device *d = gb_device_find(&c->hub->registrar.devices, c->device);
	if (c->in_dialog && d && d->flow)
		(void)sip_send(c->hub->endpoint, d->flow, &c->dialog,
			       &(struct sip_request){.method = "BYE"}, NULL);
	c->in_dialog = false;
	sip_call_release(&c->invite);
}

static void close_stream(struct gb_call *c)
{
	if (c->is_handed && c->stream && c->stream->feed)
		publication_stop(&c->stream->feed->feed.publication, OUTCOME_DRAINED, "%s", c->why);
	gb_stream_close(&c->stream, c->why);
}

static err attempt(struct gb_call *c)
{
	c->state = GB_CALL_INVITING;
	c->starts_over = c->has_failed = c->has_begun = c->has_ended = false;
	c->status = 0;
	c->answer = (struct gb_answer){0};
	err e = converse(c);
	say_goodbye(c);
	close_stream(c);
	return e;
}

/* ---- one after the other ---- */

/* Whether it is worth trying again. */
static bool is_wanted(struct gb_call *c)
{
	if (c->is_over || c->failures >= FAILURES_MAX || !device_of(c) ||
	    c->hub->server->drain.state != DRAIN_OFF)
		return false;
	if (c->status >= 300 && !c->starts_over)
		return false;
	return c->on_demand ? is_watched(c) || c->watched_ms + LOOK_MS > clock_ms() : true;
}

static err pause(struct gb_call *c)
{
	int64_t ms = conf_of(c)->sip.reinvite_ms;
	int64_t until = clock_after(ms < PAUSE_MIN_MS ? PAUSE_MIN_MS : ms);
	c->state = GB_CALL_PAUSING;
	while (!c->is_over && !c->starts_over && clock_ms() < until) {
		err e = co_wait(until);
		if (e == ERR_STOPPED)
			return e;
	}
	return OK;
}

/* Its registrations do not call it again before its time. */
static void refrain(const struct gb_call *c)
{
	struct gb_device *d = gb_device_find(&c->hub->registrar.devices, c->device);
	int64_t until = clock_after(conf_of(c)->sip.reinvite_ms);
	if (d && d->quiet_until_ms < until)
		d->quiet_until_ms = until;
}

static void note_failure(struct gb_call *c)
{
	c->failures++;
	if (c->status >= 300)
		refrain(c);
	if (c->status)
		c->hub->refused++;
	else
		c->hub->unanswered++;
	log_warn("GB28181: channel %s of device %s does not come: %s", c->channel, c->device,
		 c->why);
	tell_waiting(c, true);
}

static void call_free(struct gb_call *c)
{
	say_goodbye(c);
	tell_waiting(c, true);
	close_stream(c);
	DL_DELETE(c->hub->calls, c);
	(void)map_remove(c->hub->by_channel, c->channel);
	c->hub->call_count--;
	c->hub->ended++;
	gb_handover_release(c->hub, c->device);
	free(c);
}

static void call_main(void *arg)
{
	struct gb_call *c = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	for (;;) {
		err e = attempt(c);
		if (e == ERR_STOPPED)
			break;
		if (!c->has_begun && !c->is_over && !c->starts_over)
			note_failure(c);
		if (!is_wanted(c))
			break;
		if (!c->starts_over && pause(c) == ERR_STOPPED)
			break;
	}
	log_info("GB28181: the call of channel %s of device %s has ended: %s", c->channel,
		 c->device, *c->why ? c->why : "the server ends");
	call_free(c);
}

/* ---- from outside ---- */

struct gb_call *gb_call_find(const struct gb_hub *hub, const char *channel)
{
	return map_get(hub->by_channel, channel);
}

struct gb_call *gb_call_start(struct gb_hub *hub, const struct gb_device *device,
			      const char *channel, const char *name, bool on_demand)
{
	if (hub->is_ending || hub->call_count >= CALLS_MAX)
		return NULL;
	struct gb_call *c = mem_new(struct gb_call);
	c->hub = hub;
	c->on_demand = on_demand;
	c->watched_ms = clock_ms();
	c->since_wall_ms = clock_wall_ms();
	snprintf(c->device, sizeof(c->device), "%s", device->id);
	snprintf(c->channel, sizeof(c->channel), "%s", channel);
	snprintf(c->name, sizeof(c->name), "%s", name);
	DL_APPEND(hub->calls, c);
	map_set(hub->by_channel, c->channel, c);
	hub->call_count++;
	c->co = co_start_in(&hub->server->services, "gb call", call_main, c);
	if (c->co)
		return c;
	call_free(c);
	return NULL;
}

void gb_call_registered(struct gb_call *c, bool is_new_life)
{
	c->failures = 0;
	if (!is_new_life)
		return;
	/* Over TCP the end of the media connection says good-bye as well. */
	if (c->state != GB_CALL_LIVE || conf_of(c)->media != CASTER_UDP)
		c->in_dialog = false;
	c->starts_over = c->state != GB_CALL_LIVE;
	co_wake(c->co);
}

void gb_call_hung_up(struct gb_call *c)
{
	c->in_dialog = false;
	gb_call_end(c, "the device has ended the call");
}

void gb_call_end(struct gb_call *c, const char *why)
{
	if (c->is_over)
		return;
	c->is_over = true;
	say_why(c, why);
	co_wake(c->co);
}
