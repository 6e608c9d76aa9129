/* asker - asks the API of a test server, over a pair of sockets. Layer: test, for the tests of api. */
#pragma once
#include "api/api.h"
#include "base/mem.h"
#include "node/json.h"
#include "support/test_server.h"
#include "unit/http/peer.h"

#include <stdlib.h>
#include <string.h>

static struct http_router router;
static struct server *server;
static struct buf heard;
static unsigned ports; /* that are asked; 0: that of the API */

/* The status of the answer; its body is *body, borrowed until the next call. */
static int ask(const char *method, const char *target, const char *headers, const char **body)
{
	struct http_session s = {.server = server,
				 .router = &router,
				 .conf = server->conf,
				 .ports = ports ? ports : HTTP_PORT_API,
				 .cors = ""};
	struct sock *client;
	char *text = mem_printf("%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, target, headers);
	buf_free(&heard);
	peer_pair(&client, &s.sock);
	peer_send(client, text);
	s.conn = http_conn_new(s.sock);
	assert_int_equal(http_recv_request(s.conn, &s.request, clock_after(PEER_MS)), OK);
	(void)http_router_serve(&router, &s);
	http_message_free(&s.request);
	http_conn_free(&s.conn);
	free(s.caller);
	sock_close(&s.sock);
	const char *all = peer_recv_all(client, &heard), *end = strstr(all, "\r\n\r\n");
	sock_close(&client);
	free(text);
	assert_non_null(end);
	*body = end + 4;
	return (int)strtol(all + 9, NULL, 10);
}

static json_t *ask_json(const char *method, const char *target)
{
	const char *body;
	int status = ask(method, target, "", &body);
	if (status != 200)
		fail_msg("%s %s: %d", method, target, status);
	json_t *answer = json_loads(body, 0, NULL);
	if (!answer)
		fail_msg("%s %s is not JSON: %s", method, target, body);
	return answer;
}

/* "a.b.0.c" of a value, as a text. */
static const char *at(const json_t *value, const char *path)
{
	static char text[256];
	char part[64];
	while (value && *path) {
		size_t n = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(part))
					     : json_object_get(value, part);
		path += n + (path[n] == '.');
	}
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, sizeof(text), "%s",
			 !value                  ? "missing"
			 : json_is_true(value)   ? "true"
			 : json_is_false(value)  ? "false"
			 : json_is_null(value)   ? "null"
			 : json_is_real(value)   ? "real"
			 : json_is_object(value) ? "object"
						 : "array");
	return text;
}
