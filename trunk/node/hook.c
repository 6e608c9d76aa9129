#include "node/hook.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/client.h"
#include "node/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_text_zero(struct span body)
{
	while (body.n && strchr(" \t\r\n", body.p[body.n - 1]))
		body.n--;
	return span_is(body, "0");
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A sentence of the service goes to clients and into the log: one line, without control characters. */
static void put_sentence(char why[static HOOK_WHY_MAX], const char *text)
{
	size_t n = 0;
	for (; *text && n < HOOK_WHY_MAX - 1; text++)
		why[n++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
	if (is_continuation(*text)) { /* of a character that was cut in two */
		while (n > 0 && is_continuation(why[n - 1]))
			n--;
		n -= n > 0;
	}
	why[n] = '\0';
}

static void put_refusal(char why[static HOOK_WHY_MAX], const json_t *root, long long code)
{
	static const char *const names[] = {"reason", "msg", "message"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *text = json_string_value(json_object_get(root, names[i]));
		if (text && *text) {
			put_sentence(why, text);
			return;
		}
	}
	snprintf(why, HOOK_WHY_MAX, "the web service refuses it (code %lld)", code);
}

static enum hook_verdict verdict_of_json(const json_t *root, char why[static HOOK_WHY_MAX])
{
	const json_t *code = json_object_get(root, "code");
	if (!json_is_integer(code)) {
		snprintf(why, HOOK_WHY_MAX, "the web service's answer has no integer code");
		return HOOK_NO_ANSWER;
	}
	if (json_integer_value(code) == 0)
		return HOOK_ALLOWED;
	put_refusal(why, root, json_integer_value(code));
	return HOOK_REFUSED;
}

/* A plain number that is not 0 is a refusal, as SRS's first services gave it. */
static bool is_number(struct span body, long long *value)
{
	char text[24], *end;
	if (body.n == 0 || body.n >= sizeof(text))
		return false;
	memcpy(text, body.p, body.n);
	text[body.n] = '\0';
	*value = strtoll(text, &end, 10);
	return end != text && strspn(end, " \t\r\n") == strlen(end);
}

enum hook_verdict hook_verdict_of(int status, struct span body, char why[static HOOK_WHY_MAX])
{
	long long number;
	if (status >= 400 && status < 500) {
		snprintf(why, HOOK_WHY_MAX, "the web service refuses it (status %d)", status);
		return HOOK_REFUSED;
	}
	if (status != 200 && status != 201) {
		snprintf(why, HOOK_WHY_MAX, "the web service answers with status %d", status);
		return HOOK_NO_ANSWER;
	}
	if (is_text_zero(body))
		return HOOK_ALLOWED;
	if (is_number(body, &number)) {
		put_refusal(why, NULL, number);
		return HOOK_REFUSED;
	}
	json_t *root = json_read(body);
	enum hook_verdict verdict = HOOK_NO_ANSWER;
	if (json_is_object(root))
		verdict = verdict_of_json(root, why);
	else
		snprintf(why, HOOK_WHY_MAX, "the web service's answer is neither 0 nor an object");
	json_decref(root);
	return verdict;
}

static err request_to(const struct http_url *url, const struct hook_call *call, int *status,
		      struct buf *body)
{
	char type[96];
	if (call->content_type)
		snprintf(type, sizeof(type), "Content-Type: %s\r\n", call->content_type);
	struct http_request_opts opts = {
		.method = call->content_type ? "POST" : "GET",
		.host = {.port = url->port, .has_port = true},
		.target = url->path,
		.headers = call->content_type ? type : NULL,
		.body = call->body,
		.body_max = call->answer_max ? call->answer_max : HOOK_ANSWER_MAX,
		.deadline = call->deadline,
		.at_once = HOOK_CONNECTIONS,
		.tls = strcmp(url->schema, "https") == 0 ? call->tls : NULL,
		.tls_name = call->tls_name,
	};
	snprintf(opts.host.host, sizeof(opts.host.host), "%s", url->host);
	return http_request(&opts, status, body);
}

static err request(const struct hook_call *call, int *status, struct buf *body)
{
	struct http_url *url = mem_new(struct http_url); /* too large for a stack */
	err e = http_url_parse(url, call->url);
	if (!e)
		e = request_to(url, call, status, body);
	free(url);
	return e;
}

static struct hook_count counts[HOOK_COUNTS];

const struct hook_count *hook_counts(void)
{
	return counts;
}

/* The last row takes what does not fit. */
static void count(const char *event, enum hook_verdict verdict, int64_t ms)
{
	struct hook_count *c = counts;
	event = event ? event : "other";
	while (c < counts + HOOK_COUNTS - 1 && c->event && strcmp(c->event, event) != 0)
		c++;
	c->event = c->event ? c->event : event;
	c->verdicts[verdict]++;
	histogram_add(&c->seconds, ms);
}

err hook_post(const struct hook_call *call, enum hook_verdict *verdict,
	      char why[static HOOK_WHY_MAX])
{
	int64_t began = clock_ms();
	struct buf own = {0};
	struct buf *body = call->answer ? call->answer : &own;
	int status;
	why[0] = '\0';
	err e = request(call, &status, body);
	if (!call->content_type && (e == OK || e == ERR_LIMIT)) {
		*verdict = HOOK_ALLOWED; /* it was fetched; what does not fit is not read */
		e = OK;
	} else if (e == OK)
		*verdict = hook_verdict_of(status, buf_span(body), why);
	else
		*verdict = HOOK_NO_ANSWER;
	if (e)
		put_sentence(why, err_trail(e));
	buf_free(&own);
	if (e == ERR_STOPPED)
		return e;
	count(call->event, *verdict, clock_ms() - began);
	return OK;
}
