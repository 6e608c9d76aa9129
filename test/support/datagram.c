#include "support/datagram.h"
#include "base/mem.h"
#include "live/reader.h"

#include <stdlib.h>

/* ---- datagrams ---- */

void datagram_send(struct datagram_peer *d, struct msg *m)
{
	if (m && d->in.count < DATAGRAMS_MAX)
		d->in.v[(d->in.first + d->in.count++) % DATAGRAMS_MAX] = m;
	d->traffic.recv += m ? m->n : 1;
	d->heard_ms = clock_ms();
	if (d->co)
		co_wake(d->co);
}

static struct msg *take(struct datagram_peer *d)
{
	if (d->in.count == 0)
		return NULL;
	struct msg *m = d->in.v[d->in.first];
	d->in.first = (d->in.first + 1) % DATAGRAMS_MAX;
	d->in.count--;
	return m;
}

/* ---- publishing ---- */

static struct datagram_peer *publisher_of(struct publication *p)
{
	return container_of(p, struct datagram_peer, publication);
}

static const struct datagram_peer *publisher_of_const(const struct publication *p)
{
	return container_of_const(p, struct datagram_peer, publication);
}

static void on_probe(struct publication *p)
{
	struct datagram_peer *d = publisher_of(p);
	d->probes++;
	if (d->answers_probes) {
		d->traffic.recv++;
		d->heard_ms = clock_ms() + 1;
	}
}

static int64_t on_last_heard(const struct publication *p)
{
	return publisher_of_const(p)->heard_ms;
}

static int64_t on_arrived(const struct publication *p)
{
	return publisher_of_const(p)->traffic.recv;
}

static bool on_has_left(const struct publication *p)
{
	return publisher_of_const(p)->has_left;
}

static void on_publication_stop(struct publication *p)
{
	co_wake(publisher_of(p)->co);
}

static struct traffic on_publication_count(const struct publication *p)
{
	return publisher_of_const(p)->traffic;
}

static const struct publication_ops publication_ops = {
	.probe = on_probe,
	.last_heard_ms = on_last_heard,
	.arrived = on_arrived,
	.has_left = on_has_left,
	.stop = on_publication_stop,
	.count = on_publication_count,
};

static err publish_loop(struct datagram_peer *d)
{
	struct publication *p = &d->publication;
	while (!d->has_left) {
		struct msg *m = take(d);
		if (m) {
			uint32_t ts = (uint32_t)m->ts;
			(void)source_publish(p->source, &p->in.feeder, &m, ts);
			TRY(publication_took(p));
			continue;
		}
		publication_caught_up(p);
		TRY(publication_wait(p));
	}
	return OK;
}

static err publish(struct datagram_peer *d)
{
	err e = publication_begin(&d->publication, &publication_ops, &d->request);
	d->is_begun = e == OK;
	if (!e)
		e = publish_loop(d);
	e = publication_end(&d->publication, e);
	d->outcome = d->publication.outcome;
	return e;
}

/* ---- playing ---- */

static struct datagram_peer *player_of(struct viewing *v)
{
	return container_of(v, struct datagram_peer, viewing);
}

static err on_input(struct viewing *v)
{
	if (player_of(v)->has_left)
		viewing_close(v);
	return OK;
}

static void on_join(struct viewing *v)
{
	struct datagram_peer *d = player_of(v);
	v->has_told = true;
	d->is_begun = true;
	consumer_open(
		&v->consumer, v->source,
		&(struct consumer_opts){.kind = CONSUMER_PLAYER, .instant = true, .co = v->co});
	reader_open(&d->reader, v->source, &(struct reader_opts){.from_start = true});
}

/* Each message is a datagram; nothing ever waits to be sent. */
static err on_send(struct viewing *v)
{
	struct datagram_peer *d = player_of(v);
	struct reading got;
	v->monitor.left = LEFT_NOTHING;
	while (reader_next(&d->reader, &got)) {
		d->played++;
		d->last_ts = (uint32_t)got.msg->ts;
		d->traffic.send += got.msg->n;
	}
	return OK;
}

static bool on_pending(const struct viewing *v)
{
	(void)v;
	return false;
}

static err on_check(struct viewing *v, int64_t *deadline)
{
	(void)v;
	(void)deadline;
	return OK;
}

static void on_leave(struct viewing *v)
{
	reader_close(&player_of(v)->reader);
}

static void on_viewing_stop(struct viewing *v)
{
	co_wake(v->co);
}

static struct traffic on_viewing_count(const struct viewing *v)
{
	return container_of_const(v, struct datagram_peer, viewing)->traffic;
}

static const struct viewing_ops viewing_ops = {
	.input = on_input,
	.join = on_join,
	.leave = on_leave,
	.send = on_send,
	.pending = on_pending,
	.check = on_check,
	.stop = on_viewing_stop,
	.count = on_viewing_count,
};

static err play(struct datagram_peer *d)
{
	err e = viewing_find(&d->viewing, &viewing_ops, &d->request, -1);
	if (!e)
		e = viewing_play(&d->viewing);
	if (d->viewing.outcome)
		d->outcome = *d->viewing.outcome;
	viewing_end(&d->viewing);
	return e;
}

/* ---- the conversation ---- */

static err admit(struct datagram_peer *d)
{
	return admit_stream(&(struct admission){
		.request = &d->request,
		.place = &d->place,
		.outcome = &d->outcome,
		.token = &(struct token_words){.app = d->app,
					       .tc_url = "rtmp://h/live",
					       .page_url = "",
					       .swf_url = ""},
	});
}

static void make_request(struct datagram_peer *d, const struct addr *peer)
{
	d->target = (struct target){
		.host = mem_strdup(d->vhost),
		.vhost = mem_strdup(d->vhost),
		.app = mem_strdup(d->app),
		.stream = mem_strdup(d->stream),
		.param = mem_strdup(""),
	};
	d->request = (struct request){
		.server = d->server,
		.conf = d->server->conf,
		.vhost = conf_vhost_find(d->server->conf, d->vhost),
		.target = &d->target,
		.peer = peer,
		.type = d->publish ? "datagram-publish" : "datagram-play",
		.tc_url = "datagram://h/live",
		.page_url = "",
		.swf_url = "",
		.url = "/live/x",
		.path_asked = "",
		.proof = "",
		.publish = d->publish,
		.path = d->path,
		.via = "",
		.redirected = "",
		.says_relay = *d->path != '\0',
	};
}

static void converse(void *arg)
{
	struct datagram_peer *d = arg;
	struct addr peer;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	if (!addr_literal(&peer, "192.0.2.1", 4000) ||
	    !server_take_place(d->server, &d->place, "datagram", &peer)) {
		d->end = ERR_FULL;
		d->is_over = true;
		return;
	}
	make_request(d, &peer);
	d->end = admit(d);
	if (!d->end)
		d->end = d->publish ? publish(d) : play(d);
	place_give(&d->place);
	for (struct msg *m; (m = take(d));)
		msg_unref(&m);
	target_fini(&d->target);
	d->is_over = true;
}

void datagram_start(struct datagram_peer *d, struct server *server, const char *stream,
		    bool publish)
{
	d->server = server;
	d->stream = stream;
	d->publish = publish;
	d->vhost = d->vhost ? d->vhost : DEFAULT_VHOST;
	d->app = d->app ? d->app : "live";
	d->path = d->path ? d->path : "";
	d->heard_ms = clock_ms();
	d->co = co_start("datagram", converse, d);
}

void datagram_stop(struct datagram_peer *d)
{
	d->has_left = true;
	if (d->co)
		co_wake(d->co);
	co_join_within(&d->co, 5000);
}
