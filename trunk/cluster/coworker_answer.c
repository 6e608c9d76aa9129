#include "cluster/coworker_answer.h"
#include "codec/url.h"

#include <stdio.h>
#include <string.h>

/* It becomes a part of URLs. */
static bool is_host(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
	return *text && strlen(text) < HOST_MAX && strspn(text, letters) == strlen(text);
}

static void read_address(char out[static HOST_MAX + 8], const json_t *origin, const char *name,
			 int port)
{
	struct hostport hp;
	const char *text = json_string_value(json_object_get(origin, name));
	if (text && strlen(text) < HOST_MAX && hostport_parse(&hp, text, port) == OK &&
	    is_host(hp.host))
		hostport_text(out, &hp);
}

static int64_t integer(const json_t *object, const char *name)
{
	int64_t value = json_integer_value(json_object_get(object, name));
	return value > 0 ? value : 0;
}

static void read_text(char *out, size_t cap, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	snprintf(out, cap, "%s", text ? text : "");
}

/* {"code":0,"data":{"origin":{"ip":"…","port":1935, …}}}; an origin of null means "not here".
 * Asked with "whoever", a server of our kind says in data.self where it is all the same.
 * Members that SRS does not send (http, server, service, since_ms, silent_ms, unanswered_ms) may be
 * missing. */
err coworker_answer_read(struct coworker_answer *out, const json_t *root)
{
	const json_t *code = json_object_get(root, "code"), *data = json_object_get(root, "data");
	const json_t *here = json_object_get(data, "origin");
	const json_t *origin = json_is_object(here) ? here : json_object_get(data, "self");
	const char *ip = json_string_value(json_object_get(origin, "ip"));
	int64_t port = integer(origin, "port");
	if (!json_is_integer(code) || json_integer_value(code) != 0)
		return err_fail(ERR_PROTOCOL, "it answered something else than code 0");
	read_text(out->server, sizeof(out->server), data, "server");
	read_text(out->service, sizeof(out->service), data, "service");
	out->draining = json_is_true(json_object_get(data, "draining"));
	if (!ip || !is_host(ip) || port == 0 || port > 65535)
		return err_fail(ERR_NOTFOUND, "it does not have the stream");
	struct hostport hp = {.port = (int)port};
	snprintf(hp.host, sizeof(hp.host), "%s", ip);
	hostport_text(out->rtmp, &hp);
	read_address(out->http, origin, "http", PORT_HTTP);
	read_address(out->https, origin, "https", PORT_HTTPS);
	read_address(out->rtmps, origin, "rtmps", PORT_HTTPS);
	out->since_ms = integer(origin, "since_ms");
	out->silent_ms = integer(origin, "silent_ms");
	out->unanswered_ms = integer(origin, "unanswered_ms");
	return origin == here ? OK : err_plain(ERR_NOTFOUND);
}
