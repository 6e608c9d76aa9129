#include "support/rtc_guest.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char section[] = "c=IN IP4 0.0.0.0\r\n"
			      "a=rtcp-mux\r\na=rtcp-rsize\r\n"
			      "a=ice-ufrag:" RTC_PEER_UFRAG "\r\na=ice-pwd:" RTC_PEER_PWD "\r\n";

void rtc_guest_open_hub(struct server *server)
{
	struct udp *udp = NULL;
	struct hostport at = {.host = "127.0.0.1"};
	check(udp_open(&udp, &(struct udp_opts){.at = at, .what = "test"}) == OK);
	server->rtc = rtc_hub_new(server);
	rtc_hub_listen(server->rtc, &udp);
}

void rtc_guest_close_hub(struct server *server)
{
	co_group_stop(&server->sessions);
	rtc_hub_free(&server->rtc);
}

char *rtc_guest_offer(const struct rtc_guest *g, bool publish)
{
	const char *direction = publish ? "sendonly" : "recvonly";
	const char *fingerprint = dtls_identity_fingerprint(g->peer.identity);
	return mem_printf(
		"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
		"a=fingerprint:%s\r\na=setup:actpass\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n%sa=mid:0\r\na=%s\r\n"
		"a=rtpmap:111 opus/48000/2\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 108\r\n%sa=mid:1\r\na=%s\r\n"
		"a=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack\r\na=rtcp-fb:108 nack pli\r\n"
		"a=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\n",
		fingerprint, section, direction, section, direction);
}

static void make_ask(struct rtc_guest *g, struct rtc_ask *ask, const char *stream, bool publish)
{
	char *name = mem_printf("%s?k=v", stream);
	*ask = (struct rtc_ask){
		.publish = publish,
		.trickle = true,
		.tc_url = mem_strdup("webrtc://h/live"),
		.url = mem_strdup("/rtc/v1/whip/"),
		.page_url = mem_strdup(""),
		.offer = rtc_guest_offer(g, publish),
		.host = mem_strdup("127.0.0.1"),
		.address = mem_strdup(""),
		.ufrag = mem_strdup(""),
		.pwd = mem_strdup(""),
		.path = mem_strdup(""),
		.via = mem_strdup(""),
	};
	check(target_parse(&ask->target, ask->tc_url, name) == OK);
	check(addr_literal(&ask->peer, g->ip ? g->ip : "192.0.2.1", 4000));
	free(name);
}

/* The value of "a=name:" in the answer. */
static void value_of(char *out, size_t cap, struct buf *answer, const char *name)
{
	char *key = mem_printf("a=%s:", name);
	const char *at = strstr(buf_text(answer), key);
	check(at != NULL);
	at += strlen(key);
	snprintf(out, cap, "%.*s", (int)strcspn(at, "\r\n"), at);
	free(key);
}

bool rtc_guest_ask(struct rtc_guest *g, struct server *server, const char *stream, bool publish)
{
	char ufrag[64], pwd[64], fingerprint[160];
	struct rtc_ask ask;
	rtc_peer_open(&g->peer);
	make_ask(g, &ask, stream, publish);
	g->e = rtc_session_start(&g->session, server->rtc, server->conf, &ask, &g->refusal);
	if (!g->e)
		g->e = rtc_session_wait(g->session);
	if (g->e || !g->session->link)
		return false;
	value_of(ufrag, sizeof(ufrag), &g->session->answer, "ice-ufrag");
	value_of(pwd, sizeof(pwd), &g->session->answer, "ice-pwd");
	value_of(fingerprint, sizeof(fingerprint), &g->session->answer, "fingerprint");
	rtc_peer_answer(&g->peer, rtc_port_number(rtc_hub_port(server->rtc)), ufrag, pwd,
			fingerprint, true);
	return true;
}

bool rtc_guest_join(struct rtc_guest *g, struct server *server, const char *stream, bool publish)
{
	if (!rtc_guest_ask(g, server, stream, publish) || !rtc_peer_connect(&g->peer, 5000))
		return false;
	int64_t deadline = clock_after(3000);
	while (g->session->stage == RTC_ANSWERED && clock_ms() < deadline)
		(void)co_sleep(1);
	return g->session->stage == RTC_CONNECTED;
}

bool rtc_guest_is_over(struct rtc_guest *g, int64_t ms)
{
	int64_t deadline = clock_after(ms);
	while (g->session->stage != RTC_OVER && clock_ms() < deadline) {
		(void)co_sleep(2);
		rtc_peer_poll(&g->peer);
	}
	return g->session->stage == RTC_OVER;
}

void rtc_guest_close(struct rtc_guest *g)
{
	rtc_session_unref(&g->session);
	rtc_peer_close(&g->peer);
	*g = (struct rtc_guest){0};
}
