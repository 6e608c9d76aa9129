/* An HTTP-FLV player. First the mount patterns say which stream the path means, then locate says
 * where it is, then the player waits on one gate for media, the end of the client, room in the
 * socket, a deadline, a stop. The head of the answer waits for the first media, so that a stream
 * that turns out not to exist can still be a 404; but it waits for a second at most. */
#include "service/flv.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/flv_feed.h"
#include "cluster/upstream_request.h"
#include "codec/flv.h"
#include "node/notice.h"
#include "node/outlet.h"
#include "service/access.h"
#include "service/flv_chunks.h"
#include "service/flv_mount.h"
#include "service/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD_MS = 1000,    /* the head of the answer does not wait longer for a publisher */
	GUESS_MS = 500,    /* nor the head of the file for the second kind of media */
	DRAIN_MS = 1500,   /* for what is left when the stream has ended */
	INPUT_STEPS = 16,  /* reads, before others have a turn */
	INPUT_BYTES = 512, /* of what nobody wants to know */
};

struct player {
	struct http_session *s;
	const struct conf_vhost *vhost;
	struct target target;
	struct source *source;
	struct viewer viewer;
	struct locate *where; /* it was found */
	struct consumer consumer;
	struct client client;
	struct chunks out;
	struct outlet outlet;
	char *path, *via; /* as another server says that fetches it, see upstream.h; "" */
	bool is_relay;    /* another server: signed, where there is a secret */
	char *page_url, *tc_url, *url;
	int64_t head_due_ms, over_ms;
	bool has_head;  /* the head of the answer is on its way */
	bool has_flags; /* the head of the file is */
};

/* ---- which stream ---- */

static bool serves(struct mount *mount, const struct conf_vhost *vhost, const char *host,
		   const char *path)
{
	return vhost && vhost->enabled && vhost->http_remux.enabled &&
	       mount_match(mount, vhost->http_remux.mount, host, vhost->name, path);
}

/* The vhost of the request's host, else one that the path names. */
static const struct conf_vhost *find_vhost(struct mount *mount, const struct conf *conf,
					   const char *host, const char *path)
{
	const struct conf_vhost *vhost = conf_vhost_find(conf, host);
	if (serves(mount, vhost, host, path))
		return vhost;
	for (int i = 0; i < conf->vhost_count; i++) {
		vhost = &conf->vhosts[i];
		if (mount_names_vhost(vhost->http_remux.mount) && serves(mount, vhost, host, path))
			return vhost;
	}
	return NULL;
}

/* "http://host", and the vhost that it or the query names. The host of a client that names none
 * is the address it has reached. */
static err read_host(char **base, char **vhost, const struct http_session *s)
{
	char local[ADDR_TEXT_MAX];
	struct target t = {0};
	addr_text(local, &s->sock->local);
	*base = mem_printf("http://%s", *s->request->host ? s->request->host : local);
	char *name = mem_printf("x?%s", s->request->query);
	err e = target_parse(&t, *base, name);
	if (!e)
		*vhost = mem_strdup(t.vhost);
	free(name);
	target_fini(&t);
	return e;
}

static err read_names(struct player *p, const struct mount *m, const char *base)
{
	const struct http_message *request = p->s->request;
	p->tc_url = mem_printf("%s/%.*s", base, (int)m->app.n, (const char *)m->app.p);
	char *name = mem_printf("%.*s%s%s", (int)m->stream.n, (const char *)m->stream.p,
				*request->query ? "?" : "", request->query);
	err e = target_parse(&p->target, p->tc_url, name);
	free(name);
	return e;
}

/* p->vhost stays NULL when the path is no stream's. */
static err find_stream(struct player *p)
{
	char *base = NULL, *host = NULL;
	struct mount mount = {0};
	err e = read_host(&base, &host, p->s);
	if (!e)
		p->vhost = find_vhost(&mount, p->s->conf, host, p->s->request->path);
	if (!e && p->vhost)
		e = read_names(p, &mount, base);
	free(base);
	free(host);
	return e;
}

/* ---- what the client says ---- */

/* Nothing, or that it has gone. */
static err take_input(void *ctx)
{
	struct player *p = ctx;
	char unwanted[INPUT_BYTES];
	for (int i = 0; i < INPUT_STEPS; i++) {
		size_t n;
		err e = sock_try_recv(p->s->sock, unwanted, sizeof(unwanted), &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

/* ---- the two heads ---- */

/* From here on the request is not needed, nor what reads requests. */
static void put_answer_head(struct player *p)
{
	struct http_session *s = p->s;
	struct buf head = {.max = 4096};
	struct buf extra = {.max = 2048};
	buf_printf(&extra, "Cache-Control: no-cache\r\n%s", s->cors);
	http_write_head(&head, s->request, 200, "video/x-flv", -1, buf_text(&extra));
	chunks_put_raw(&p->out, buf_span(&head));
	p->out.on = s->request->minor > 0;
	p->has_head = true;
	buf_free(&head);
	buf_free(&extra);
	http_message_free(&s->request);
	http_conn_free(&s->conn);
}

static bool metadata_names(const struct source *source, const char *word)
{
	const struct headers *h = source->headers;
	for (int i = 0; h && i < h->count; i++)
		if (h->v[i]->type == MSG_DATA &&
		    memmem(h->v[i]->payload, h->v[i]->n, word, strlen(word)))
			return true;
	return false;
}

/* Whether it is known which kinds of media the stream has. One kind is there and the other is
 * not: then metadata that speak of the one alone are believed, else a while must pass. */
static bool knows_kinds(const struct player *p, int64_t *deadline)
{
	const struct source *source = p->source;
	if (!source_is_live(source) || !cursor_pending(&p->consumer.cursor))
		return false;
	if (!p->vhost->http_remux.guess_has_av || (source->has_audio && source->has_video))
		return true;
	if (!source->has_audio && !source->has_video)
		return false;
	bool audio = metadata_names(source, "audiocodecid");
	bool video = metadata_names(source, "videocodecid");
	if (audio != video && audio == source->has_audio)
		return true;
	int64_t due = source->since_ms + GUESS_MS;
	if (clock_ms() >= due)
		return true;
	*deadline = due < *deadline ? due : *deadline;
	return false;
}

static void put_file_head(struct player *p)
{
	const struct conf_http_remux *remux = &p->vhost->http_remux;
	bool audio = remux->guess_has_av ? p->source->has_audio : remux->has_audio;
	bool video = remux->guess_has_av ? p->source->has_video : remux->has_video;
	struct buf head = {.max = FLV_HEADER_SIZE};
	flv_write_header(&head, audio, video);
	chunks_put(&p->out, buf_span(&head));
	buf_free(&head);
	if (remux->drop_if_not_match)
		cursor_want(&p->consumer.cursor, (uint8_t)((audio ? WIRE_AUDIO : 0) |
							   (video ? WIRE_VIDEO : 0) | WIRE_DATA));
	p->has_flags = true;
}

static void put_heads(struct player *p, int64_t *deadline)
{
	bool known = !p->has_flags && knows_kinds(p, deadline);
	if (!p->has_head && (known || clock_ms() >= p->head_due_ms))
		put_answer_head(p);
	if (p->has_head && known)
		put_file_head(p);
	if (!p->has_head && p->head_due_ms < *deadline)
		*deadline = p->head_due_ms;
}

/* ---- what the client gets ---- */

static err send_some(void *ctx)
{
	struct player *p = ctx;
	struct cursor *cursor = &p->consumer.cursor;
	struct iovec iov[OUTLET_IOV + 2];
	size_t total = 0;
	p->outlet.left = LEFT_NOTHING;
	for (int sends = 0; total < OUTLET_SLICE_BYTES && sends < OUTLET_SLICE_SENDS; sends++) {
		size_t sent = 0, room = chunks_room(&p->out, OUTLET_SLICE_BYTES);
		int n = p->has_flags ? cursor_gather(cursor, iov + 1, OUTLET_IOV, room) : 0;
		int count = chunks_frame(&p->out, iov, n);
		if (count == 0)
			return OK;
		err e = sock_try_sendv(p->s->sock, iov, count, &sent);
		if (e == ERR_AGAIN) {
			p->outlet.left = LEFT_BLOCKED;
			return OK;
		}
		TRY(e);
		cursor_advance(cursor, chunks_sent(&p->out, sent));
		p->source->send_bytes += (int64_t)sent;
		total += sent;
	}
	p->outlet.left = LEFT_MORE;
	return OK;
}

/* Before the heads are out, the answer is made by the player's own coroutine. */
static void on_turn(struct consumer *consumer)
{
	struct player *p = container_of(consumer, struct player, consumer);
	if (p->has_flags)
		outlet_turn(&p->outlet, p->s->sock, consumer->co, send_some, p);
	else
		co_wake(consumer->co);
}

static bool pull_is_over(const struct player *p)
{
	return p->viewer.pull && viewer_state(&p->viewer) >= PULL_NOWHERE;
}

static bool is_over(const struct player *p)
{
	return consumer_ended(&p->consumer) ||
	       (pull_is_over(p) && (!p->has_head || p->vhost->play.notify_unpublish));
}

/* All is sent, or the client does not take it in time. */
static bool is_drained(struct player *p, int64_t *deadline)
{
	if (!p->over_ms)
		p->over_ms = clock_ms();
	int64_t patience = p->over_ms + DRAIN_MS;
	if (p->outlet.left != LEFT_BLOCKED &&
	    (!p->has_flags || !cursor_pending(&p->consumer.cursor)))
		return true;
	*deadline = patience < *deadline ? patience : *deadline;
	return clock_ms() >= patience;
}

/* The end of the body, if the client can be told; else the end of the connection says it. */
static void put_end(struct player *p)
{
	struct iovec iov[2];
	size_t sent;
	if (!p->has_head || chunks_is_open(&p->out))
		return;
	chunks_end(&p->out);
	int count = chunks_frame(&p->out, iov, 0);
	if (count && sock_try_sendv(p->s->sock, iov, count, &sent) != OK)
		err_clear();
}

/* As over RTMP, see play.c. */
static bool goes_on(struct player *p)
{
	if (p->is_relay || !p->has_head || !locate_again(p->where))
		return false;
	consumer_stay(&p->consumer);
	return true;
}

static err step(struct player *p, int64_t *deadline)
{
	TRY(take_input(p));
	if (is_over(p) && !p->over_ms)
		goes_on(p);
	if (!is_over(p))
		put_heads(p, deadline);
	if (p->has_head)
		TRY(send_some(p));
	if (is_over(p) && (!p->has_head || is_drained(p, deadline)))
		return err_fail(ERR_ENDED, "%s",
				pull_is_over(p) ? viewer_why(&p->viewer)
						: "the stream was unpublished");
	TRY(outlet_check_skips(&p->consumer.cursor));
	return outlet_check(&p->outlet, p->s->sock, p->vhost->play.stalled_timeout_ms, deadline);
}

static err play_loop(struct player *p)
{
	for (;;) {
		int64_t deadline = CLOCK_NEVER;
		TRY(step(p, &deadline));
		err e = outlet_wait(&p->outlet, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void open_consumer(struct player *p)
{
	sock_set_lowat(p->s->sock, OUTLET_LOWAT_BYTES);
	sock_keep_alive(p->s->sock, p->vhost->play.stalled_timeout_ms);
	sock_attach(p->s->sock);
	consumer_open(&p->consumer, p->source,
		      &(struct consumer_opts){
			      .format = WIRE_FLV,
			      .from_gop = p->vhost->play.gop_cache,
			      .relay = p->is_relay,
			      .co = co_self(),
			      .on_turn = on_turn,
		      });
}

static void enter_statistics(struct player *p)
{
	p->client.type = "flv-play";
	p->client.relay = p->is_relay;
	p->client.page_url = p->page_url;
	p->client.swf_url = "";
	p->client.tc_url = p->tc_url;
	p->client.url = p->url;
	p->client.source = p->source;
	p->client.sock = &p->s->sock;
	addr_ip(p->client.ip, &p->s->sock->peer);
	stat_enter(&p->s->server->stat, &p->client);
}

/* ---- the answers that are no stream ---- */

static err refuse(struct player *p, int status, const char *sentence)
{
	log_info("HTTP-FLV %s: %d, %s", log_quote(p->url), status, sentence);
	p->s->request->keep_alive = false;
	return http_respond_text(p->s->sock, p->s->request, status, sentence, p->s->cors);
}

static err refuse_pull(struct player *p)
{
	bool nowhere = !pull_is_over(p) || viewer_state(&p->viewer) == PULL_NOWHERE;
	char *why = mem_strdup(pull_is_over(p) ? viewer_why(&p->viewer) : "The stream has ended.");
	err e = refuse(p, nowhere ? 404 : 503, why);
	free(why);
	return e;
}

/* The vhost that the host of this request has chosen must be named there, where the host is
 * another one. */
static bool must_name_vhost(const struct player *p)
{
	char *named = mem_zalloc(URL_MAX);
	const char *query = p->s->request->query;
	bool is_named = param_get(named, URL_MAX, query, "vhost") ||
			param_get(named, URL_MAX, query, "domain");
	free(named);
	return !is_named && strcmp(p->vhost->name, DEFAULT_VHOST) != 0;
}

/* The same path and query there. */
static err redirect(struct player *p, const char *hostport)
{
	struct http_message *request = p->s->request;
	const char *path = request->target, *front = strstr(path, "://");
	if (*path != '/')
		path = front ? strchr(front + 3, '/') : NULL;
	struct buf url = {.max = HTTP_HEAD_MAX + URL_MAX};
	struct buf extra = {.max = HTTP_HEAD_MAX + 2 * URL_MAX};
	buf_printf(&url, "http://%s%s", hostport, path ? path : "/");
	if (must_name_vhost(p))
		buf_printf(&url, "%svhost=%s", *request->query ? "&" : "?", p->vhost->name);
	http_write_header(&extra, "Location", buf_text(&url));
	buf_printf(&extra, "%s", p->s->cors);
	log_info("redirecting to %s", log_quote(buf_text(&url)));
	request->keep_alive = false;
	err e = http_respond(p->s->sock, request, 302, NULL, span_str(""), buf_text(&extra));
	buf_free(&extra);
	buf_free(&url);
	return e;
}

static err answer_head(struct http_session *s)
{
	struct buf head = {.max = 4096};
	http_write_head(&head, s->request, 200, "video/x-flv", -1, s->cors);
	err e = sock_send(s->sock, head.p, head.n);
	s->request->keep_alive &= s->request->minor > 0;
	buf_free(&head);
	return e;
}

/* ---- the story ---- */

static err play_source(struct player *p)
{
	enter_statistics(p);
	open_consumer(p);
	log_info("playing %s over HTTP to %s, stream is %s", p->source->key, p->client.ip,
		 source_is_live(p->source) ? "live" : "not yet there");
	err e = play_loop(p);
	if (e == ERR_ENDED && !p->has_head)
		e = refuse_pull(p);
	else if (e == ERR_ENDED || e == ERR_STOPPED)
		put_end(p);
	if (p->client.kicked)
		e = err_fail(ERR_KICKED, "%s", err_text(ERR_KICKED));
	if (err_severity(e) == ERR_QUIET)
		log_info("playing %s over HTTP to %s ended: %s", p->source->key, p->client.ip,
			 err_trail(e));
	consumer_close(&p->consumer);
	stat_leave(&p->s->server->stat, &p->client);
	return e;
}

/* As for relays over RTMP, see rtmp_service.c. *misdirected: it is one of ours, and has to sign for
 * this server. */
static void judge_relay(struct player *p, bool *misdirected)
{
	char ip[ADDR_TEXT_MAX];
	p->is_relay = *p->path;
	*misdirected = false;
	if (!p->is_relay || !signer_has(p->s->server->signer, p->vhost->name))
		return;
	char *claim = flv_feed_claim(p->path, p->via);
	enum sign_verdict v = access_verdict(p->s, span_str(claim));
	free(claim);
	*misdirected = v == SIGN_MISDIRECTED;
	p->is_relay = v == SIGN_GOOD;
	p->viewer.doubtful = !p->is_relay;
	addr_ip(ip, &p->s->sock->peer);
	if (!p->is_relay && !*misdirected && notice_is_due(p->s->server->notices, ip))
		log_warn("the relay at %s is taken for a player: %s", ip, sign_why(v));
}

static err locate(struct player *p, struct locate *where)
{
	enum found found;
	bool misdirected;
	if (*p->path && !server_welcomes_relay(p->s->server, p->vhost, &p->s->sock->peer))
		return refuse(p, 403, "Other servers are not accepted from this address.");
	judge_relay(p, &misdirected);
	if (misdirected)
		return access_challenge(p->s);
	if (upstream_check_path(p->s->server, p->vhost, p->path, p->via) != OK)
		return refuse(p, 403, err_trail(ERR_LOOP));
	*where = (struct locate){
		.server = p->s->server,
		.vhost = p->vhost,
		.target = &p->target,
		.viewer = &p->viewer,
		.http = true,
		.look = take_input,
		.ctx = p,
		.patience_ms = HEAD_MS,
	};
	err e = locate_play(where, &found);
	p->source = where->source;
	if (e || found == FOUND_HERE)
		return e;
	if (found == FOUND_ELSEWHERE && *where->http_host)
		e = redirect(p, where->http_host);
	else if (found == FOUND_ELSEWHERE)
		e = refuse(p, 404, "The stream is on another server that has no HTTP address.");
	else
		e = refuse(p, found == FOUND_NOWHERE ? 404 : 503, where->why);
	source_unref(&p->source);
	return e;
}

/* The coroutine's stack stays as large as it was at its deepest: what is large is allocated. */
static err play(struct player *p)
{
	const char *page = http_header_get(p->s->request, "Referer");
	const char *path = http_header_get(p->s->request, "X-SRS-Path");
	const char *via = http_header_get(p->s->request, "X-SRS-Via");
	struct locate *where = mem_new(struct locate);
	p->page_url = mem_strdup(page ? page : "");
	p->path = mem_strdup(path ? path : "");
	p->via = mem_strdup(via ? via : "");
	p->viewer = (struct viewer){
		.conf = p->s->conf,
		.target = &p->target,
		.page_url = p->page_url,
		.swf_url = "",
		.path = p->path,
		.via = p->via,
		.http = true,
		.co = co_self(),
	};
	p->head_due_ms = clock_after(HEAD_MS);
	sock_attach(p->s->sock);
	p->where = where;
	err e = locate(p, where);
	if (!e && p->source)
		e = play_source(p);
	free(where);
	return e;
}

static err serve(struct player *p, bool *found)
{
	struct http_session *s = p->s;
	if (find_stream(p) != OK) {
		*found = true;
		s->request->keep_alive = false;
		return http_respond_text(s->sock, s->request, 400, err_trail(ERR_PROTOCOL),
					 s->cors);
	}
	*found = p->vhost != NULL;
	if (!*found)
		return OK;
	p->url = mem_strdup(s->request->path);
	if (s->request->method == HTTP_METHOD_HEAD)
		return answer_head(s);
	if (s->request->method != HTTP_METHOD_GET)
		return refuse(p, 405, "Only GET and HEAD are possible here.");
	s->request->keep_alive = false;
	err e = play(p);
	/* The connection ends in any case; one that has ended its stream has ended well. */
	return e == ERR_ENDED ? OK : e;
}

static bool may_be_stream(const char *path)
{
	size_t n = strlen(path);
	return n > 4 && strcmp(path + n - 4, ".flv") == 0;
}

err flv_serve(struct http_session *s, bool *found)
{
	*found = false;
	if (!may_be_stream(s->request->path))
		return OK;
	struct player *p = mem_new(struct player);
	p->s = s;
	chunks_init(&p->out);
	err e = serve(p, found);
	edge_detach(&p->viewer);
	source_unref(&p->source);
	chunks_fini(&p->out);
	target_fini(&p->target);
	free(p->page_url);
	free(p->path);
	free(p->via);
	free(p->tc_url);
	free(p->url);
	free(p);
	return e;
}
