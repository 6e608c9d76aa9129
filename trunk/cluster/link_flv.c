/* A link over HTTP-FLV, which can only fetch: the request is the question, and its answer is the
 * stream. Redirects are followed here, at most three. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/link.h"
#include "codec/flv.h"
#include "codec/metadata.h"
#include "codec/url.h"
#include "http/client.h"
#include "node/certs.h"
#include "node/signed_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REDIRECTS = 3,
	READ_BYTES = 16384,
	TAG_MAX = 16 * 1024 * 1024,
};

struct flv_link {
	struct link link;
	struct http_conn *http;
	struct flv_reader *reader;
	struct cur left; /* of `bytes`, not yet read */
	uint8_t bytes[READ_BYTES];
};

/* The request, while it is made. */
struct flv_question {
	const struct link_opts *opts;
	struct http_url to;
	char *path;      /* the servers that the request came by */
	const char *via; /* those that wait for its answer */
};

static struct flv_link *of(struct link *link)
{
	return container_of(link, struct flv_link, link);
}

static void hang_up(struct flv_link *l)
{
	http_conn_free(&l->http);
	sock_close(&l->link.sock);
}

static void flv_free(struct link *link)
{
	struct flv_link *l = of(link);
	hang_up(l);
	flv_reader_free(&l->reader);
	free(l);
}

/* ---- the question ---- */

char *link_flv_claim(const char *path, const char *via)
{
	return mem_printf("%zu:%s,%zu:%s", strlen(path), path, strlen(via), via);
}

static char *headers_of(const struct flv_link *l, const struct flv_question *q)
{
	const struct upstream_request *r = q->opts->request;
	struct signer *signer = r->server->signer;
	char resume[64] = "";
	if (r->had_ms)
		snprintf(resume, sizeof(resume), "%s: %lld\r\n", ANNOUNCE_RESUME_HEADER,
			 (long long)upstream_resume_ms(r));
	char *lines = mem_printf("%s: %s\r\nX-SRS-Via: %s\r\nX-SRS-Id: %s\r\nX-SRS-Trace: %s\r\n%s",
				 ANNOUNCE_PATH_HEADER, q->path, q->via, co_id(),
				 r->trace ? r->trace : "", resume);
	char *claim = link_flv_claim(q->path, q->via);
	char *all = sign_lines(signer, lines, r->vhost->name, sign_peer(signer, l->link.name),
			       &(struct sign_what){"GET", q->to.path, span_str(claim)});
	free(claim);
	free(lines);
	return all;
}

static err get(struct flv_link *l, const struct flv_question *q, struct http_message **head)
{
	const struct upstream_request *r = q->opts->request;
	struct hostport hp = {.port = q->to.port};
	snprintf(hp.host, sizeof(hp.host), "%s", q->to.host);
	hostport_text(l->link.name, &hp);
	char *headers = headers_of(l, q);
	err e = http_open(
		&(struct http_request_opts){
			.method = "GET",
			.host = hp,
			.tls = strcmp(q->to.schema, "https") == 0 ? certs_client(r->server->certs)
								  : NULL,
			.tls_name = upstream_tls_name(r),
			.target = q->to.path,
			.headers = headers,
			.deadline = q->opts->deadline,
		},
		&l->link.sock, &l->http, head);
	free(headers);
	return e;
}

/* The request was signed for another server than the one that is there now. */
static bool is_challenge(const struct flv_link *l, const struct http_message *head,
			 struct signer *signer)
{
	const char *receiver = http_header_get(head, SIGN_RECEIVER);
	return head->status == 401 && receiver && signer_on(signer) &&
	       sign_learn(signer, l->link.name, receiver);
}

/* The report of a server of our kind, in front of the stream. */
static void take_report(struct link *link, const struct http_message *head)
{
	const char *run = http_header_get(head, ANNOUNCE_RUN_HEADER);
	const char *lost = http_header_get(head, ANNOUNCE_LOST_HEADER);
	const char *absent = http_header_get(head, ANNOUNCE_ABSENT_HEADER);
	struct stream_report report;
	announce_stream_parse(&report, run ? run : "", lost ? strtod(lost, NULL) : 0,
			      absent ? strtod(absent, NULL) : 0);
	snprintf(link->run, sizeof(link->run), "%s", report.run);
	link->lost_ms = report.lost_ms;
	link->absent_at = report.absent_at;
}

/* One server. ERR_REDIRECT: q->to is the next one. */
static err ask(struct flv_link *l, struct flv_question *q)
{
	struct http_message *head = NULL;
	TRY(get(l, q, &head));
	if (is_challenge(l, head, q->opts->request->server->signer)) {
		http_message_free(&head);
		hang_up(l);
		TRY(get(l, q, &head));
	}
	err e = http_outcome(head->status);
	if (!e || e == ERR_NOTFOUND)
		take_report(&l->link, head);
	if (e == ERR_REDIRECT) {
		const char *location = http_header_get(head, "Location");
		err bad = http_follow(&q->to, location ? location : "");
		e = bad ? bad : e;
	}
	http_message_free(&head);
	if (e)
		hang_up(l);
	return e;
}

/* The vhost is not named, as in SRS; the path by which the request came is. */
static err first_url(struct flv_question *q)
{
	const struct target *t = q->opts->request->target;
	struct hostport hp;
	size_t n = strlen(t->stream);
	bool named = n > 4 && strcmp(t->stream + n - 4, ".flv") == 0;
	bool tls = q->opts->request->protocol->tls;
	TRY(hostport_parse(&hp, q->opts->name, tls ? PORT_HTTPS : PORT_HTTP));
	snprintf(q->to.schema, sizeof(q->to.schema), "http%s", tls ? "s" : "");
	snprintf(q->to.host, sizeof(q->to.host), "%s", hp.host);
	q->to.port = hp.port;
	if (q->opts->request->http_path) {
		snprintf(q->to.path, sizeof(q->to.path), "%s", q->opts->request->http_path);
		return OK;
	}
	struct buf path = {.max = sizeof(q->to.path) - 1};
	buf_u8(&path, '/');
	url_escape(&path, t->app);
	buf_u8(&path, '/');
	url_escape(&path, t->stream);
	buf_printf(&path, "%s%s", named ? "" : ".flv", t->param);
	bool fits = buf_ok(&path);
	snprintf(q->to.path, sizeof(q->to.path), "%s", fits ? buf_text(&path) : "");
	buf_free(&path);
	return fits ? OK : err_fail(ERR_LIMIT, "the name of the stream is too long");
}

static err ask_in_turn(struct flv_link *l, struct flv_question *q)
{
	TRY(first_url(q));
	for (int n = 0; n <= REDIRECTS; n++) {
		err e = ask(l, q);
		if (e != ERR_REDIRECT)
			return e;
	}
	return err_fail(ERR_LOOP, "more than %d redirects", REDIRECTS);
}

static void refusal_take(struct link_refusal *said, err e, const struct link *link)
{
	if (e != ERR_NOTFOUND && e != ERR_DENIED && e != ERR_LOOP)
		return;
	said->why = e;
	said->absent_at = e == ERR_NOTFOUND ? link->absent_at : 0;
	snprintf(said->description, sizeof(said->description), "%.*s",
		 (int)sizeof(said->description) - 1, err_trail(e));
}

static err flv_open(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	const struct upstream_request *r = opts->request;
	struct flv_link *l = mem_new(struct flv_link);
	struct flv_question *q = mem_new(struct flv_question);
	q->opts = opts;
	q->path = upstream_path(r);
	q->via = r->via ? r->via : "";
	l->link.ops = r->protocol;
	err e = ask_in_turn(l, q);
	free(q->path);
	free(q);
	if (e) {
		refusal_take(said, e, &l->link);
		flv_free(&l->link);
		return e;
	}
	l->reader = flv_reader_new(TAG_MAX);
	*out = &l->link;
	return OK;
}

/* The question was the request. */
static err flv_play(struct link *link, const struct upstream_request *request)
{
	(void)link;
	(void)request;
	return OK;
}

/* ---- the stream ---- */

static err ended(const struct flv_link *l, struct link_refusal *said)
{
	char why[16] = "";
	(void)http_trailer_get(l->http, ANNOUNCE_END_TRAILER, why, sizeof(why));
	*said->redirect = '\0';
	if (strcmp(why, ANNOUNCE_KICKED) == 0)
		return err_fail(ERR_KICKED, "the server has ended this relay deliberately");
	if (strcmp(why, ANNOUNCE_RECONNECT) == 0)
		return err_fail(ERR_RECONNECT, "the server asks to be left");
	return err_fail(ERR_ENDED, "the server has ended the stream");
}

static err read_more(struct flv_link *l, struct link_refusal *said)
{
	size_t n = 0;
	err e = http_try_body(l->http, l->bytes, sizeof(l->bytes), &n);
	if (!e && n == 0)
		return ended(l, said);
	l->left = cur_of(l->bytes, n);
	return e;
}

static void take_message(struct flv_link *l, struct link_media *out, struct msg *m)
{
	uint32_t ts = (uint32_t)m->ts;
	if (m->type != MSG_DATA) {
		link_take(&l->link, out, m, ts);
		return;
	}
	link_take(&l->link, out, metadata_read(msg_span(m)), ts);
	msg_unref(&m);
}

static err flv_next(struct link *link, struct link_media *out, struct link_refusal *said)
{
	struct flv_link *l = of(link);
	for (*out = (struct link_media){0}; !out->msg;) {
		struct msg *m = NULL;
		if (l->left.n == 0)
			TRY(read_more(l, said));
		TRY(flv_read(l->reader, &l->left, &m));
		if (m)
			take_message(l, out, m);
	}
	return OK;
}

#define FLV_OPS .open = flv_open, .play = flv_play, .next = flv_next, .free = flv_free

const struct link_ops link_flv = {.members = MEMBER_FLV, FLV_OPS};
const struct link_ops link_flvs = {.members = MEMBER_FLVS, .tls = true, FLV_OPS};
