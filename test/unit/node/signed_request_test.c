/* The end that is asked: requests as they come over a socket, and what is said to those that are not
 * signed. */
#include "node/signed_request.h"
#include "unit/http/peer.h"

#include <string.h>

static char secret[] = "alpha", other_secret[] = "beta", none[] = "", vhost_name[] = "a";

static struct signer *signer_of(const char *id, char *with)
{
	struct conf_vhost vhost = {.name = vhost_name,
				   .cluster = {.secret = with, .secret_file = none}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	struct signer *signer = signer_new(id);
	assert_int_equal(signer_load(signer, &conf), OK);
	return signer;
}

/* What arrives at the other end of a connection. */
static struct http_message *arrived(const char *target, const char *lines)
{
	struct sock *client, *server;
	struct http_message *m = NULL;
	char *text = mem_printf("GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, lines);
	peer_pair(&client, &server);
	peer_send(client, text);
	struct http_conn *conn = http_conn_new(server);
	assert_int_equal(http_recv_request(conn, &m, clock_after(PEER_MS)), OK);
	http_conn_free(&conn);
	sock_close(&client);
	sock_close(&server);
	free(text);
	return m;
}

static void a_signature_is_good_for_what_and_whom_it_was_made(void **state)
{
	(void)state;
	static const struct {
		const char *to, *target, *body;
		char *secret;
		enum sign_verdict want;
	} cases[] = {
		{"here", "/x?a=b", "", secret, SIGN_GOOD},
		{"here", "/x?a=b", "", other_secret, SIGN_FORGED},
		{"here", "/x?a=c", "", secret, SIGN_FORGED},
		{"here", "/x?a=b", "more", secret, SIGN_FORGED},
		{"there", "/x?a=b", "", secret, SIGN_MISDIRECTED},
		{"here", "/x?a=b", "", none, SIGN_MISSING},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct signer *here = signer_of("here", secret);
		struct signer *asker = signer_of("asker", cases[i].secret);
		char *lines = sign_lines(asker, "", NULL, cases[i].to,
					 &(struct sign_what){.method = "GET",
							     .target = cases[i].target,
							     .body = span_str(cases[i].body)});
		struct http_message *m = arrived("/x?a=b", lines);
		assert_int_equal(signed_request_check(here, m, span_str("")), cases[i].want);
		assert_int_equal(sign_count(here, cases[i].want), 1);
		http_message_free(&m);
		free(lines);
		signer_free(&asker);
		signer_free(&here);
	}
}

static void only_who_is_misdirected_learns_who_we_are(void **state)
{
	(void)state;
	struct http_message *m = arrived("/x", "Connection: close\r\n");
	for (int v = SIGN_MISSING; v < SIGN_VERDICTS; v++) {
		struct sock *client, *server;
		struct buf heard = {0};
		peer_pair(&client, &server);
		assert_int_equal(
			signed_request_refuse(server, m, (enum sign_verdict)v, "here", "A: b\r\n"),
			OK);
		sock_close(&server);
		const char *answer = peer_recv_all(client, &heard);
		assert_int_equal(strncmp(answer, "HTTP/1.1 401 ", 13), 0);
		assert_int_equal(peer_count(answer, SIGN_RECEIVER ": here\r\n"),
				 v == SIGN_MISDIRECTED);
		assert_non_null(strstr(answer, "A: b\r\n"));
		assert_non_null(strstr(answer, "{\"code\":1102,\"why\":\""));
		assert_non_null(strstr(answer, sign_why((enum sign_verdict)v)));
		buf_free(&heard);
		sock_close(&client);
	}
	http_message_free(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_good_for_what_and_whom_it_was_made),
		cmocka_unit_test(only_who_is_misdirected_learns_who_we_are),
	};
	return cmocka_run_group_tests(tests, co_setup, co_teardown);
}
