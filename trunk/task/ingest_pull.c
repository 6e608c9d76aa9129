#include "task/ingest_pull.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/upstream_connect.h"
#include "session/forward_place.h"
#include "session/own_publish.h"
#include "session/publication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 8000,
	RETRY_MS = 500, /* after a first failure; no longer than RETRY_MAX_MS after others */
	RETRY_MAX_MS = 30000,
	STEADY_MS = 10000, /* live for so long: the next failure is a first one */
};

struct ingest_pull {
	struct server *server;
	char *name, *url;
	struct forward_place from;
	char *http_path; /* NULL: it is RTMP */
	struct own_publish publish;
	struct co *co;
	bool is_over, asks_for_life;
	struct link *link;
	struct link_refusal said;
	int redirects; /* in a row */
	char redirected[600];
	struct publication publication;
	/* for the API */
	bool is_live;
	int64_t since_ms, since_wall_ms;
	int failures;
	char reason[256];
};

/* ---- what the publication asks ---- */

static struct ingest_pull *pull_of(struct publication *p)
{
	return container_of(p, struct ingest_pull, publication);
}

static const struct ingest_pull *pull_of_const(const struct publication *p)
{
	return container_of_const(p, struct ingest_pull, publication);
}

/* The ping is sent by the pull's own coroutine. */
static void on_probe(struct publication *p)
{
	pull_of(p)->asks_for_life = true;
	co_wake(pull_of(p)->co);
}

static int64_t on_last_heard(const struct publication *p)
{
	return sock_recv_ms(pull_of_const(p)->link->sock);
}

static int64_t on_arrived(const struct publication *p)
{
	const struct sock *sock = pull_of_const(p)->link->sock;
	return sock_recv_bytes(sock) + sock_unread(sock);
}

static bool on_has_left(const struct publication *p)
{
	return sock_hung_up(pull_of_const(p)->link->sock);
}

static void on_stop(struct publication *p)
{
	co_wake(pull_of(p)->co);
}

static struct traffic on_count(const struct publication *p)
{
	return (struct traffic){.recv = sock_recv_bytes(pull_of_const(p)->link->sock)};
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

static err keep_alive(struct ingest_pull *p)
{
	const struct link_ops *l = p->link->ops;
	if (p->asks_for_life && l->ping)
		l->ping(p->link);
	p->asks_for_life = false;
	return l->flush ? l->flush(p->link) : OK;
}

static err wait_for_more(struct ingest_pull *p)
{
	if (p->is_over)
		return err_fail(ERR_ENDED, "the ingest ends");
	publication_caught_up(&p->publication);
	sock_set_deadline(p->link->sock, publication_deadline(&p->publication));
	TRY(keep_alive(p));
	sock_attach(p->link->sock);
	return publication_wait(&p->publication);
}

static err carry(struct ingest_pull *p, struct link_media *media)
{
	for (;;) {
		if (media->msg)
			source_publish(p->publication.source, &p->publication.in.feeder,
				       &media->msg, media->raw);
		msg_unref(&media->msg);
		TRY(publication_took(&p->publication));
		err e;
		while ((e = p->link->ops->next(p->link, media, &p->said)) == ERR_AGAIN)
			TRY(wait_for_more(p));
		TRY(e);
	}
}

static err publish(struct ingest_pull *p, struct link_media *first)
{
	p->publication = (struct publication){0};
	err e = publication_begin(&p->publication, &ops, &p->publish.request);
	if (!e) {
		read_pacing_open(&p->publication.in, p->link->sock);
		sock_set_quick(p->link->sock, false);
		p->is_live = true;
		p->since_ms = clock_ms();
		p->since_wall_ms = clock_wall_ms();
		e = carry(p, first);
	}
	e = publication_end(&p->publication, e);
	if (p->is_live && clock_ms() - p->since_ms >= STEADY_MS)
		p->failures = p->redirects = 0;
	p->is_live = false;
	return e;
}

/* ---- an attempt ---- */

static struct upstream_request question(const struct ingest_pull *p)
{
	return (struct upstream_request){
		.protocol = p->from.protocol,
		.server = p->server,
		.vhost = p->publish.request.vhost,
		.target = &p->from.target,
		.http_path = p->http_path,
		.tc_vhost = p->from.target.vhost,
		.tls_name = "",
		.page_url = "",
		.swf_url = "",
		.path = "",
		.redirected = p->redirected,
	};
}

/* Nobody is told of a stream that has not come. */
static err first_media(struct ingest_pull *p, struct link_media *first)
{
	int64_t deadline = clock_after(p->publish.request.vhost->publish.firstpkt_timeout_ms);
	for (;;) {
		err e = p->link->ops->next(p->link, first, &p->said);
		if (e != ERR_AGAIN)
			return e;
		if (p->is_over)
			return err_fail(ERR_ENDED, "the ingest ends");
		TRY(keep_alive(p));
		TRY(co_wait(deadline));
	}
}

/* The server of the URL, or the one that it has redirected to. */
static err reach(struct ingest_pull *p, const struct upstream_request *request, int64_t deadline)
{
	struct link_opts opts = {.name = p->from.name, .request = request, .deadline = deadline};
	if (*p->said.redirect)
		return upstream_follow(&p->link, p->from.name, p->redirects++, request, deadline,
				       p->redirected, sizeof(p->redirected), &p->said);
	p->said = (struct link_refusal){0};
	return link_open(&p->link, &opts, &p->said);
}

static err attempt(struct ingest_pull *p)
{
	struct upstream_request request = question(p);
	int64_t deadline = clock_after(CONNECT_MS);
	struct link_media first = {0};
	TRY(reach(p, &request, deadline));
	sock_attach(p->link->sock);
	sock_set_deadline(p->link->sock, deadline);
	TRY(p->link->ops->play(p->link, &request));
	sock_set_deadline(p->link->sock, CLOCK_NEVER);
	TRY(first_media(p, &first));
	err e = publish(p, &first);
	msg_unref(&first.msg);
	return e;
}

/* ---- one after the other ---- */

static void note_failure(struct ingest_pull *p, err e)
{
	char reason[sizeof(p->reason)];
	snprintf(reason, sizeof(reason), "%s", err_trail(e));
	if (p->failures++ == 0 || strcmp(reason, p->reason) != 0)
		/* What follows a '?' is often a password. */
		log_warn("ingest %s: nothing comes from %.*s now: %s", p->name,
			 (int)strcspn(p->url, "?"), p->url, reason);
	memcpy(p->reason, reason, sizeof(reason));
}

static bool is_redirected(const struct ingest_pull *p, err e)
{
	return (e == ERR_REDIRECT || e == ERR_RECONNECT) && *p->said.redirect &&
	       p->redirects < REDIRECTS_MAX;
}

/* The next attempt begins at the server of the URL again. */
static void pause_after(struct ingest_pull *p, err e)
{
	note_failure(p, e);
	int64_t until = clock_after(backoff_ms(p->failures, RETRY_MS, RETRY_MAX_MS));
	*p->said.redirect = *p->redirected = '\0';
	p->redirects = 0;
	while (!p->is_over && clock_ms() < until && co_wait(until) != ERR_STOPPED)
		;
}

static void pull_free(struct ingest_pull *p)
{
	forward_place_fini(&p->from);
	own_publish_fini(&p->publish);
	free(p->http_path);
	free(p->name);
	free(p->url);
	free(p);
}

static void pull_main(void *arg)
{
	struct ingest_pull *p = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	while (!p->is_over && !co_stopping()) {
		err e = attempt(p);
		link_free(&p->link);
		if (p->is_over || e == ERR_STOPPED)
			break;
		if (!is_redirected(p, e))
			pause_after(p, e);
	}
	p->co = NULL;
	if (p->is_over)
		pull_free(p);
}

/* ---- its beginning ---- */

static bool is_http(const char *url)
{
	return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

bool ingest_pull_takes(const char *url)
{
	size_t n = strcspn(url, "?");
	if (is_http(url))
		return n > 4 && strncmp(url + n - 4, ".flv", 4) == 0;
	return strncmp(url, "rtmp://", 7) == 0 || strncmp(url, "rtmps://", 8) == 0;
}

static const struct target nobody = {.host = (char *)(uintptr_t) "",
				     .vhost = (char *)(uintptr_t) "",
				     .app = (char *)(uintptr_t) "",
				     .stream = (char *)(uintptr_t) "",
				     .param = (char *)(uintptr_t) ""};

/* Its path is that of the request as it stands. */
static err parse_http(struct ingest_pull *p)
{
	struct http_url *url = mem_new(struct http_url);
	err e = http_url_parse(url, p->url);
	if (!e) {
		struct hostport hp = {.port = url->port};
		char name[HOST_MAX + 8];
		snprintf(hp.host, sizeof(hp.host), "%s", url->host);
		hostport_text(name, &hp);
		e = forward_place_parse(&p->from, name, &nobody);
		p->http_path = mem_strdup(url->path);
		p->from.protocol = strcmp(url->schema, "https") == 0 ? &link_flvs : &link_flv;
	}
	free(url);
	return e;
}

static err parse(struct ingest_pull *p, const char *output)
{
	if (is_http(p->url))
		TRY(parse_http(p));
	else
		TRY(forward_place_parse(&p->from, p->url, &nobody));
	return own_publish_init(&p->publish, p->server, "ingest", output, NULL);
}

struct ingest_pull *ingest_pull_start(struct server *server, const char *name, const char *url,
				      const char *output)
{
	struct ingest_pull *p = mem_new(struct ingest_pull);
	p->server = server;
	p->name = mem_strdup(name);
	p->url = mem_strdup(url);
	err e = parse(p, output);
	if (e) {
		log_error("ingest %s: %s cannot be fetched for %s: %s", name, log_quote(url),
			  output, err_trail(e));
		pull_free(p);
		return NULL;
	}
	p->since_wall_ms = clock_wall_ms();
	log_info("ingest %s: %.*s is fetched for %s", name, (int)strcspn(url, "?"), url,
		 p->publish.key);
	p->co = co_start_in(&server->services, "ingest", pull_main, p);
	return p;
}

void ingest_pull_end(struct ingest_pull **pull)
{
	struct ingest_pull *p = *pull;
	*pull = NULL;
	if (!p)
		return;
	p->is_over = true;
	if (p->co)
		co_wake(p->co);
	else
		pull_free(p);
}

void ingest_pull_facts(const struct ingest_pull *p, struct ingest_facts *out)
{
	*out = (struct ingest_facts){
		.name = p->name,
		.url = p->url,
		.key = p->publish.key,
		.is_live = p->is_live,
		.since_wall_ms = p->since_wall_ms,
		.failures = p->failures,
		.reason = p->reason,
	};
}
