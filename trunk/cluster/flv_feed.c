#include "cluster/flv_feed.h"
#include "base/mem.h"
#include "codec/flv.h"
#include "codec/url.h"
#include "http/client.h"
#include "net/dns.h"
#include "node/signed_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REDIRECTS = 3,
	READ_BYTES = 16384,
	TAG_MAX = 16 * 1024 * 1024,
};

struct flv_feed {
	struct sock *sock;
	struct http_conn *http;
	struct flv_reader *reader;
	struct cur left; /* of `bytes`, not yet read */
	char name[HOST_MAX + 8];
	uint8_t bytes[READ_BYTES];
};

static void hang_up(struct flv_feed *f)
{
	http_conn_free(&f->http);
	sock_close(&f->sock);
}

void flv_feed_free(struct flv_feed **feed)
{
	struct flv_feed *f = *feed;
	*feed = NULL;
	if (!f)
		return;
	hang_up(f);
	flv_reader_free(&f->reader);
	free(f);
}

const char *flv_feed_name(const struct flv_feed *f)
{
	return f->name;
}

struct sock *flv_feed_sock(struct flv_feed *f)
{
	return f->sock;
}

/* ---- the question ---- */

static err take_redirect(struct http_url *to, const struct http_message *head)
{
	const char *location = http_header_get(head, "Location");
	if (!location)
		return err_fail(ERR_PROTOCOL, "the server redirects to nowhere");
	TRY(http_url_parse(to, location));
	if (strcmp(to->schema, "http") != 0)
		return err_fail(ERR_DENIED, "the server redirects to %s, and there is no TLS yet",
				to->schema);
	return OK;
}

static err judge(const struct http_message *head)
{
	switch (head->status) {
	case 200:
		return OK;
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return ERR_REDIRECT;
	case 404:
		return err_fail(ERR_NOTFOUND, "the server says 404");
	default:
		return err_fail(ERR_DENIED, "the server says %d", head->status);
	}
}

char *flv_feed_claim(const char *path, const char *via)
{
	return mem_printf("%zu:%s,%zu:%s", strlen(path), path, strlen(via), via);
}

static char *headers_of(const struct flv_feed *f, const struct http_url *to,
			const struct flv_feed_opts *opts)
{
	char *lines = mem_printf("X-SRS-Path: %s\r\nX-SRS-Via: %s\r\n", opts->path, opts->via);
	char *claim = flv_feed_claim(opts->path, opts->via);
	char *all = sign_lines(opts->signer, lines, opts->vhost, sign_peer(opts->signer, f->name),
			       &(struct sign_what){"GET", to->path, span_str(claim)});
	free(claim);
	free(lines);
	return all;
}

static err get(struct flv_feed *f, const struct http_url *to, const struct flv_feed_opts *opts,
	       struct http_message **head)
{
	struct hostport hp = {.port = to->port};
	snprintf(hp.host, sizeof(hp.host), "%s", to->host);
	hostport_text(f->name, &hp);
	char *headers = headers_of(f, to, opts);
	err e = http_open(
		&(struct http_request_opts){
			.method = "GET",
			.host = hp,
			.target = to->path,
			.headers = headers,
			.deadline = opts->deadline,
		},
		&f->sock, &f->http, head);
	free(headers);
	return e;
}

/* The request was signed for another server than the one that is there now. */
static bool is_challenge(const struct flv_feed *f, const struct http_message *head,
			 const struct flv_feed_opts *opts)
{
	const char *receiver = http_header_get(head, SIGN_RECEIVER);
	return head->status == 401 && receiver && signer_on(opts->signer) &&
	       sign_learn(opts->signer, f->name, receiver);
}

/* One server. ERR_REDIRECT: *to is the next one. */
static err ask(struct flv_feed *f, struct http_url *to, const struct flv_feed_opts *opts)
{
	struct http_message *head = NULL;
	TRY(get(f, to, opts, &head));
	if (is_challenge(f, head, opts)) {
		http_message_free(&head);
		hang_up(f);
		TRY(get(f, to, opts, &head));
	}
	err e = judge(head);
	if (e == ERR_REDIRECT) {
		err bad = take_redirect(to, head);
		e = bad ? bad : e;
	}
	http_message_free(&head);
	if (e)
		hang_up(f);
	return e;
}

static err first_url(struct http_url *to, const struct flv_feed_opts *opts)
{
	struct hostport hp;
	TRY(hostport_parse(&hp, opts->hostport, PORT_HTTP));
	snprintf(to->schema, sizeof(to->schema), "http");
	snprintf(to->host, sizeof(to->host), "%s", hp.host);
	to->port = hp.port;
	if (strlen(opts->target) >= sizeof(to->path))
		return err_fail(ERR_LIMIT, "the name of the stream is too long");
	snprintf(to->path, sizeof(to->path), "%s", opts->target);
	return OK;
}

err flv_feed_open(struct flv_feed **out, const struct flv_feed_opts *opts)
{
	struct flv_feed *f = mem_new(struct flv_feed);
	struct http_url *to = mem_new(struct http_url);
	err e = first_url(to, opts);
	for (int n = 0; !e && !f->sock; n++) {
		e = ask(f, to, opts);
		if (e == ERR_REDIRECT)
			e = n < REDIRECTS ? OK
					  : err_fail(ERR_LOOP, "more than %d redirects", REDIRECTS);
	}
	free(to);
	f->reader = flv_reader_new(TAG_MAX);
	if (e)
		flv_feed_free(&f);
	*out = f;
	return e;
}

/* ---- the stream ---- */

static err read_more(struct flv_feed *f)
{
	size_t n = 0;
	err e = http_try_body(f->http, f->bytes, sizeof(f->bytes), &n);
	if (!e && n == 0)
		return err_fail(ERR_ENDED, "the server has ended the stream");
	f->left = cur_of(f->bytes, n);
	return e;
}

err flv_feed_next(struct flv_feed *f, struct msg **out)
{
	for (*out = NULL; !*out;) {
		if (f->left.n == 0)
			TRY(read_more(f));
		TRY(flv_read(f->reader, &f->left, out));
	}
	return OK;
}
