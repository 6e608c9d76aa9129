#include "cluster/question.h"
#include "base/addr.h"
#include "codec/url.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { GOOD_MAX_MS = 10000, HOPS_MAX = 64, WORDS_MAX = 16384 /* a head of HTTP */ };

static const char play[] = "play", publish[] = "publish";

/* The texts of a question by their names on the wire, in the order in which they are signed, and how long they may be:
 * as those of a client of our own. */
static const struct {
	const char *name;
	size_t offset, max;
} texts[] = {
	{"vhost", offsetof(struct question, vhost), URL_MAX},
	{"app", offsetof(struct question, app), URL_MAX},
	{"stream", offsetof(struct question, stream), URL_MAX},
	{"param", offsetof(struct question, param), URL_MAX},
	{"path", offsetof(struct question, path), WORDS_MAX},
	{"proof", offsetof(struct question, proof), WORDS_MAX},
	{"ip", offsetof(struct question, ip), ADDR_TEXT_MAX - 1},
	{"pageUrl", offsetof(struct question, page_url), WORDS_MAX},
	{"swfUrl", offsetof(struct question, swf_url), WORDS_MAX},
	{"tcUrl", offsetof(struct question, tc_url), WORDS_MAX},
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static const char *text_of(const struct question *q, int i)
{
	return *(const char *const *)((const char *)q + texts[i].offset);
}

void question_claim(struct buf *out, const struct question *q)
{
	buf_printf(out, "%s,%d,%d,", q->publish ? publish : play, q->http, q->hops);
	for (int i = 0; i < TEXTS; i++)
		buf_printf(out, "%zu:%s,", strlen(text_of(q, i)), text_of(q, i));
}

static struct sign_what what_of(struct span claim)
{
	return (struct sign_what){.method = "RELAY", .target = "may", .body = claim};
}

static void put_proof(struct amf *object, const struct question *q, const struct server *server,
		      const char *vhost, const char *to)
{
	struct sign_mark m;
	struct buf claim = {.max = CLAIM_MAX};
	question_claim(&claim, q);
	struct sign_what what = what_of(buf_span(&claim));
	if (buf_ok(&claim) && sign_make(server->signer, &m, vhost, to, &what, clock_wall_ms())) {
		amf_set(object, "srs_to", amf_string(m.to));
		amf_set(object, "srs_time", amf_string(m.time));
		amf_set(object, "srs_nonce", amf_string(m.nonce));
		amf_set(object, "srs_sign", amf_string(m.mac));
	}
	buf_free(&claim);
}

struct amf *question_write(const struct question *q, const struct server *server, const char *vhost,
			   const char *to)
{
	struct amf *object = amf_object();
	amf_set(object, "action", amf_string(q->publish ? publish : play));
	amf_set(object, "http", amf_number(q->http));
	amf_set(object, "hops", amf_number(q->hops));
	for (int i = 0; i < TEXTS; i++)
		amf_set(object, texts[i].name, amf_string(text_of(q, i)));
	put_proof(object, q, server, vhost, to);
	return object;
}

bool question_read(struct question *out, const struct amf *object)
{
	const char *action = amf_get_string(object, "action", "");
	double hops = amf_get_number(object, "hops", 0);
	*out = (struct question){
		.publish = strcmp(action, publish) == 0,
		.http = amf_get_number(object, "http", 0) > 0,
	};
	for (int i = 0; i < TEXTS; i++)
		*(const char **)((char *)out + texts[i].offset) =
			amf_get_string(object, texts[i].name, "");
	for (int i = 0; i < TEXTS; i++)
		if (strlen(text_of(out, i)) > texts[i].max)
			return false;
	if (!(hops >= 0 && hops <= HOPS_MAX))
		return false;
	out->hops = (int)hops;
	return (out->publish || strcmp(action, play) == 0) && *out->app && *out->stream;
}

enum sign_verdict question_check(struct server *server, const struct question *q,
				 const struct amf *object)
{
	struct buf claim = {.max = CLAIM_MAX};
	enum sign_verdict verdict = SIGN_FORGED;
	question_claim(&claim, q);
	struct sign_what what = what_of(buf_span(&claim));
	if (buf_ok(&claim))
		verdict = sign_check(server->signer,
				     &(struct sign_said){
					     .to = amf_get_string(object, "srs_to", NULL),
					     .time = amf_get_string(object, "srs_time", NULL),
					     .nonce = amf_get_string(object, "srs_nonce", NULL),
					     .mac = amf_get_string(object, "srs_sign", NULL),
				     },
				     &what, clock_wall_ms());
	buf_free(&claim);
	return verdict;
}

struct amf *question_answer_write(const struct question_answer *a)
{
	struct amf *object = amf_object();
	amf_set(object, "allowed", amf_number(a->allowed));
	amf_set(object, "good_ms", amf_number((double)a->good_ms));
	amf_set(object, "level", amf_string(a->allowed ? "status" : "error"));
	amf_set(object, "code", amf_string(a->code));
	amf_set(object, "description", amf_string(a->description));
	return object;
}

void question_answer_read(struct question_answer *out, const struct amf *object)
{
	double good_ms = amf_get_number(object, "good_ms", 0);
	*out = (struct question_answer){.allowed = amf_get_number(object, "allowed", 0) == 1};
	if (good_ms > 0)
		out->good_ms = good_ms < GOOD_MAX_MS ? (int64_t)good_ms : GOOD_MAX_MS;
	snprintf(out->code, sizeof(out->code), "%s", amf_get_string(object, "code", ""));
	snprintf(out->description, sizeof(out->description), "%s",
		 amf_get_string(object, "description", ""));
}
