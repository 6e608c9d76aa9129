/* WHIP, WHEP and SRS's form of them, request by request, against a real hub. */
#include "codec/url.h"
#include "conf/tree.h"
#include "service/whip.h"
#include "support/rtc_guest.h"
#include "support/test_server.h"
#include "unit/http/peer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct server *server;
static struct http_router router;
static struct buf heard;
static char *offer, *play_offer;

static int setup(void **state)
{
	int code = co_setup(state);
	struct rtc_guest guest = {0};
	char *block = test_server_vhost("rtc { enabled on; rtmp_to_rtc on; }");
	char *conf = mem_printf("rtc_server { enabled on; candidate 127.0.0.1; }\n%s", block);
	server = test_server_new(conf);
	rtc_guest_open_hub(server);
	whip_mount(&router, server->rtc);
	rtc_peer_open(&guest.peer);
	offer = rtc_guest_offer(&guest, true);
	play_offer = rtc_guest_offer(&guest, false);
	rtc_peer_close(&guest.peer);
	free(block);
	free(conf);
	return code;
}

static int teardown(void **state)
{
	free(offer);
	free(play_offer);
	http_router_fini(&router);
	rtc_guest_close_hub(server);
	test_server_free(&server);
	buf_free(&heard);
	return co_teardown(state);
}

/* Sends one request through the router; the whole answer. */
static const char *ask(const char *method, const char *path, const char *lines, const char *body)
{
	struct sock *client;
	struct http_session s = {.server = server,
				 .router = &router,
				 .ports = HTTP_PORT_API,
				 .conf = server->conf,
				 .cors = ""};
	char *text = mem_printf("%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s"
				"Content-Length: %zu\r\n\r\n%s",
				method, path, lines, strlen(body), body);
	peer_pair(&client, &s.sock);
	/* of no family that an address could have */
	assert_true(addr_literal(&s.sock->peer, "192.0.2.1", 4000));
	assert_true(addr_literal(&s.sock->local, "127.0.0.1", 1985));
	peer_send(client, text);
	s.conn = http_conn_new(s.sock);
	assert_int_equal(http_recv_request(s.conn, &s.request, clock_after(PEER_MS)), OK);
	assert_int_equal(http_router_serve(&router, &s), OK);
	http_conn_free(&s.conn);
	http_message_free(&s.request);
	sock_close(&s.sock);
	buf_clear(&heard);
	const char *all = peer_recv_all(client, &heard);
	sock_close(&client);
	free(text);
	return all;
}

static const char sdp[] = "Content-Type: application/sdp\r\n";
static const char fragment[] = "Content-Type: application/trickle-ice-sdpfrag\r\n";

static void assert_status(const char *answer, int status)
{
	if (atoi(answer + strlen("HTTP/1.1 ")) != status)
		fail_msg("instead of %d: %.300s", status, answer);
}

/* The value of a header of the last answer; malloc'ed. */
static char *header(const char *answer, const char *name)
{
	const char *at = strstr(answer, name);
	assert_non_null(at);
	at += strlen(name) + 2;
	return mem_strndup(at, strcspn(at, "\r\n"));
}

static void servers_of_ice_are_named(void **state)
{
	(void)state;
	struct conf_rtc_server *conf = &server->conf->rtc_server;
	text_list_add(&conf->ice_servers, span_str("stun:stun.example.com"));
	text_list_add(&conf->ice_servers, span_str("turns:me:pass=word@[2001:db8::1]:5349"));
	text_list_add(&conf->ice_servers, span_str("turn:turn.example.com?transport=tcp"));
	const char *a = ask("POST", "/rtc/v1/whep/?stream=a", sdp, play_offer);
	assert_status(a, 201);
	assert_non_null(strstr(a, "Link: <stun:stun.example.com>; rel=\"ice-server\"\r\n"));
	assert_non_null(
		strstr(a, "Link: <turns:[2001:db8::1]:5349>; rel=\"ice-server\"; username="
			  "\"me\"; credential=\"pass=word\"; credential-type=\"password\"\r\n"));
	assert_non_null(
		strstr(a, "Link: <turn:turn.example.com?transport=tcp>; rel=\"ice-server\"\r\n"));
	free(conf->ice_secret);
	conf->ice_secret = mem_strdup("secret");
	a = ask("POST", "/rtc/v1/whep/?stream=a", sdp, play_offer);
	assert_non_null(strstr(a, "Link: <stun:stun.example.com>; rel=\"ice-server\"\r\n"));
	const char *timed = strstr(a, "transport=tcp>; rel=\"ice-server\"; username=\"");
	assert_non_null(timed);
	long long end = atoll(strstr(timed, "username") + 10);
	assert_in_range(end - time(NULL), 86390, 86400);
}

static void a_session_begins_changes_and_ends(void **state)
{
	(void)state;
	const char *a = ask("POST", "/rtc/v1/whip/?app=live&stream=a", sdp, offer);
	assert_status(a, 201);
	assert_non_null(strstr(a, "a=setup:passive"));
	char *url = header(a, "Location"), *tag = header(a, "ETag");
	assert_true(strncmp(url, "/rtc/v1/whip/", 13) == 0 && !strchr(url, '?'));
	char *with_tag = mem_printf("%sIf-Match: %s\r\n", fragment, tag);
	assert_status(ask("PATCH", url, with_tag, "a=ice-ufrag:" RTC_PEER_UFRAG "\r\n"), 204);
	assert_status(ask("PATCH", url, sdp, "a=ice-ufrag:x\r\n"), 415);
	assert_status(ask("PATCH", url, fragment, "nonsense"), 400);
	assert_status(ask("PATCH", url, with_tag, "a=ice-ufrag:other\r\na=ice-pwd:short\r\n"), 400);
	a = ask("PATCH", url, with_tag,
		"a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n");
	assert_status(a, 200);
	assert_non_null(strstr(a, "a=ice-ufrag:"));
	assert_status(ask("PATCH", url, with_tag, ""), 412);
	assert_status(ask("DELETE", url, "", ""), 200);
	(void)co_sleep(20);
	assert_status(ask("DELETE", url, "", ""), 404);
	assert_status(ask("PATCH", url, fragment, ""), 404);
	assert_int_equal(server->rtc->count, 0);
	free(url);
	free(tag);
	free(with_tag);
}

static const struct {
	const char *method, *path, *lines;
	const char *body; /* NULL: the offer */
	int status;
} refused[] = {
	{"POST", "/rtc/v1/whip/?stream=a", sdp, "", 400},
	{"POST", "/rtc/v1/whip/?stream=a", sdp, "hello", 400},
	{"POST", "/rtc/v1/whip/?stream=a", "Content-Type: text/html\r\n", NULL, 415},
	{"POST", "/rtc/v1/whep/?stream=a", sdp, NULL, 406},
	{"POST", "/rtc/v1/whip/?stream=a&action=play", sdp, NULL, 406},
	{"POST", "/rtc/v1/whip/?stream=a&codec=av1", sdp, NULL, 406},
	{"POST", "/rtc/v1/whip/?stream=a&codec=vp6", sdp, NULL, 400},
	{"POST", "/rtc/v1/whip/?stream=a&ice-ufrag=abc&ice-pwd=d", sdp, NULL, 400},
	{"POST", "/rtc/v1/whip/nobody", sdp, NULL, 404},
	{"DELETE", "/rtc/v1/whip/nobody", "", "", 404},
	{"DELETE", "/rtc/v1/whip/", "", "", 400},
	{"DELETE", "/rtc/v1/whip/?token=gone", "", "", 200},
	{"GET", "/rtc/v1/whip/", "", "", 405},
};

static void what_cannot_be_had_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_status(ask(refused[i].method, refused[i].path, refused[i].lines,
				  refused[i].body ? refused[i].body : offer),
			      refused[i].status);
	(void)co_sleep(20);
	assert_int_equal(server->rtc->count, 0);
}

static void our_credentials_may_be_chosen(void **state)
{
	(void)state;
	const char *a = ask(
		"POST", "/rtc/v1/whep/?stream=a&ice-ufrag=chosen&ice-pwd=0123456789012345678901",
		"", play_offer);
	assert_status(a, 201);
	assert_non_null(strstr(a, "a=ice-ufrag:chosen\r\n"));
	a = ask("POST", "/rtc/v1/whep/?stream=a&ice-ufrag=chosen&ice-pwd=0123456789012345678901",
		"", play_offer);
	assert_status(a, 500); /* they are another one's */
}

/* The text as a member of JSON. */
static char *json_of(const char *sdp_text, const char *url)
{
	struct buf b = {.max = 65536};
	buf_printf(&b, "{\"streamurl\":\"%s\",\"sdp\":\"", url);
	for (const char *p = sdp_text; *p; p++)
		buf_printf(&b, *p == '\r' ? "\\r" : *p == '\n' ? "\\n" : "%c", *p);
	buf_printf(&b, "\"}");
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static void assert_code(const char *path, char *body, int code)
{
	char want[32];
	const char *a = ask("POST", path, "", body);
	assert_status(a, 200);
	snprintf(want, sizeof(want), "\"code\":%d", code);
	if (!strstr(a, want))
		fail_msg("no code %d: %s", code, a);
	free(body);
}

static void offers_come_in_json_too(void **state)
{
	(void)state;
	assert_code("/rtc/v1/publish/", json_of(offer, "webrtc://127.0.0.1/live/a?k=v"), 0);
	assert_non_null(strstr(buf_text(&heard), "\"sessionid\":"));
	assert_code("/rtc/v1/play/", json_of(play_offer, "webrtc://127.0.0.1:1985/live/a"), 0);
	assert_code("/rtc/v1/play/", json_of(offer, "webrtc://127.0.0.1/live/a"), 5018);
	assert_code("/rtc/v1/play/", json_of("hello", "webrtc://127.0.0.1/live/a"), 5012);
	assert_code("/rtc/v1/play/", json_of(play_offer, "nonsense"), 5019);
	assert_code("/rtc/v1/play/", mem_strdup("{}"), 5019);
	assert_code("/rtc/v1/play/", mem_strdup("nonsense"), 5019);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(servers_of_ice_are_named),   CASE(a_session_begins_changes_and_ends),
		CASE(what_cannot_be_had_is_told), CASE(our_credentials_may_be_chosen),
		CASE(offers_come_in_json_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
