/* Offer and answer, and the way to the keys. */
#include "http/client.h"
#include "rtc_bench.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 65536, AT_ONCE = 64 };

static const char section[] = "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
			      "a=ice-ufrag:" RTC_PEER_UFRAG "\r\na=ice-pwd:" RTC_PEER_PWD "\r\n";

static char *make_offer(const struct rtc_client *c, bool publish)
{
	const char *direction = publish ? "sendonly" : "recvonly";
	return mem_printf(
		"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
		"a=fingerprint:%s\r\na=setup:active\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n%sa=mid:0\r\na=%s\r\n"
		"a=rtpmap:111 opus/48000/2\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 108\r\n%sa=mid:1\r\na=%s\r\n"
		"a=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack\r\na=rtcp-fb:108 nack pli\r\n"
		"a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;"
		"profile-level-id=42e01f\r\n",
		dtls_identity_fingerprint(c->peer.identity), section, direction, section,
		direction);
}

static bool value_of(char *out, size_t cap, const char *text, const char *key)
{
	const char *at = strstr(text, key);
	if (!at)
		return false;
	at += strlen(key);
	snprintf(out, cap, "%.*s", (int)strcspn(at, "\r\n"), at);
	return true;
}

static err request(const char *method, const char *target, struct span body, int *status,
		   struct buf *answer, struct http_field *field)
{
	struct http_url url;
	TRY(http_url_parse(&url, opt.url));
	struct http_request_opts opts = {
		.method = method,
		.target = target ? target : url.path,
		.headers = "Content-Type: application/sdp\r\n",
		.body = body,
		.body_max = ANSWER_MAX,
		.deadline = clock_after(15000),
		.at_once = AT_ONCE,
		.field = field,
	};
	snprintf(opts.host.host, sizeof(opts.host.host), "%s", url.host);
	opts.host.port = url.port;
	return http_request(&opts, status, answer);
}

/* "a=candidate:1 1 udp 2130706431 127.0.0.1 8000 typ host" */
static err take_answer(struct rtc_client *c, const char *text)
{
	char ufrag[64], pwd[64], fingerprint[160], candidate[256], host[64] = "";
	int port = 0;
	if (!value_of(ufrag, sizeof(ufrag), text, "a=ice-ufrag:") ||
	    !value_of(pwd, sizeof(pwd), text, "a=ice-pwd:") ||
	    !value_of(fingerprint, sizeof(fingerprint), text, "a=fingerprint:") ||
	    !value_of(candidate, sizeof(candidate), text, " udp ") ||
	    sscanf(candidate, "%*u %63s %d", host, &port) != 2 || strcmp(host, "127.0.0.1") != 0)
		return err_fail(ERR_PROTOCOL, "the answer names no UDP port at 127.0.0.1");
	rtc_peer_answer(&c->peer, port, ufrag, pwd, fingerprint, true);
	return OK;
}

static err ask(struct rtc_client *c, bool publish)
{
	int status = 0;
	struct buf answer = {0};
	struct http_field location = {.name = "Location"};
	char *offer = make_offer(c, publish);
	err e = request("POST", NULL, span_str(offer), &status, &answer, &location);
	free(offer);
	if (!e && status != 201)
		e = err_fail(ERR_DENIED, "%d: %.80s", status, buf_text(&answer));
	if (!e)
		e = take_answer(c, buf_text(&answer));
	snprintf(c->location, sizeof(c->location), "%s", location.value);
	buf_free(&answer);
	return e;
}

err rtc_client_join(struct rtc_client *c, bool publish, int64_t ms)
{
	c->begin_us = now_us();
	rtc_peer_open(&c->peer);
	TRY(ask(c, publish));
	if (!rtc_peer_connect(&c->peer, ms))
		return err_fail(ERR_TIMEOUT, "no connection after the answer");
	c->connected_us = c->checked_us = c->reported_us = now_us();
	return OK;
}

void rtc_client_leave(struct rtc_client *c, bool by_http)
{
	int status = 0;
	struct buf answer = {0};
	if (by_http && *c->location)
		(void)request("DELETE", c->location, span_str(""), &status, &answer, NULL);
	buf_free(&answer);
	rtc_peer_close(&c->peer);
}
