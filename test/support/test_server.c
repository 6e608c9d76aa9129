#include "support/test_server.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "codec/msg.h"
#include "conf/report.h"
#include "node/arrivals.h"
#include "node/certs.h"
#include "node/guesses.h"
#include "node/hook_queue.h"
#include "node/notice.h"
#include "node/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

char *test_server_vhost(const char *content)
{
	return mem_printf("vhost __defaultVhost__ { %s }", content);
}

static struct conf *load(const char *text)
{
	struct conf *conf = NULL;
	struct conf_report report;
	char *all = mem_printf("listen 1935; max_connections 100; daemon off;\n%s", text);
	conf_report_init(&report);
	if (conf_load_text(&conf, "test.conf", all, &report) != OK)
		fail_msg("%s", buf_text(&report.errors));
	conf_report_fini(&report);
	free(all);
	return conf;
}

struct server *test_server_new(const char *conf)
{
	struct server *s = mem_new(struct server);
	s->conf = load(conf);
	s->started_ms = clock_ms();
	s->server_id = mem_strdup("vid-tested");
	co_new_id(s->service_id);
	co_new_id(s->path_id);
	registry_init(&s->registry);
	stat_init(&s->stat, &s->registry);
	places_init(&s->places);
	places_init(&s->api_places);
	s->cluster = cluster_new(s);
	s->signer = signer_new(s->service_id);
	s->notices = notices_new();
	s->certs = certs_new();
	s->guesses = guesses_new();
	s->arrivals = arrivals_new();
	s->hook_queue = hook_queue_new(&s->messengers, s->certs);
	assert_int_equal(signer_load(s->signer, s->conf), OK);
	return s;
}

void test_server_free(struct server **server)
{
	struct server *s = *server;
	*server = NULL;
	if (!s)
		return;
	co_group_stop(&s->sessions);
	co_group_stop(&s->services);
	co_group_stop(&s->messengers);
	hook_queue_free(&s->hook_queue);
	cluster_free(&s->cluster);
	signer_free(&s->signer);
	notices_free(&s->notices);
	certs_free(&s->certs);
	guesses_free(&s->guesses);
	arrivals_free(&s->arrivals);
	free(s->reload.why);
	stat_fini(&s->stat);
	places_fini(&s->places);
	places_fini(&s->api_places);
	registry_fini(&s->registry);
	conf_unref(&s->conf);
	free(s->server_id);
	free(s);
}

/* ---- a stream ---- */

static void on_lost(struct feeder *feeder)
{
	(void)feeder;
}

static void on_stop(struct client *client, err why)
{
	(void)why;
	container_of(client, struct test_stream, client)->stops++;
}

static struct traffic count(const struct client *client)
{
	(void)client;
	return (struct traffic){.recv = 2000, .send = 100};
}

static const struct client_ops client_ops = {.stop = on_stop, .count = count};

static void publish(struct test_stream *t, enum msg_type type, const uint8_t *body, size_t n)
{
	struct msg *m = msg_new(type, 0, n);
	memcpy(m->payload, body, n);
	(void)source_publish(t->source, &t->feeder, &m, 0);
}

void test_stream_begin(struct test_stream *t, struct server *server, const char *name)
{
	static const uint8_t avc[] = {
		0x17, 0,    0,    0,    0,    1,    0x42, 0xC0, 0x1F, 0xFF, 0xE1, 0,    22,   0x67,
		0x42, 0xC0, 0x1F, 0xDA, 0x01, 0x40, 0x16, 0xE9, 0xA8, 0x08, 0x08, 0x0A, 0x00, 0x00,
		0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 1,    0,    4,    0x68, 0xCE, 0x3C, 0x80};
	static const uint8_t aac[] = {0xAF, 0, 0x12, 0x10};
	static const uint8_t key[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
	*t = (struct test_stream){
		.server = server,
		.feeder = {.kind = FEEDER_PUBLISHER, .on_lost = on_lost},
		.client = {.ops = &client_ops,
			   .type = "fmle-publish",
			   .peer = &t->peer,
			   .page_url = "",
			   .swf_url = "",
			   .tc_url = "rtmp://h/live",
			   .url = "/live/x",
			   .publish = true},
	};
	assert_true(addr_literal(&t->peer, "192.0.2.7", 1935));
	const struct conf_vhost *vhost = &server->conf->vhosts[0];
	t->source = server_source(server, vhost, "live", name);
	assert_true(source_begin(t->source, &t->feeder));
	t->client.source = t->source;
	stat_enter(&server->stat, &t->client);
	publish(t, MSG_VIDEO, avc, sizeof(avc));
	publish(t, MSG_AUDIO, aac, sizeof(aac));
	publish(t, MSG_VIDEO, key, sizeof(key));
}

void test_stream_end(struct test_stream *t)
{
	if (!t->source)
		return;
	stat_leave(&t->server->stat, &t->client);
	if (t->feeder.source)
		source_leave(t->source, &t->feeder, 0);
	source_unref(&t->source);
}
