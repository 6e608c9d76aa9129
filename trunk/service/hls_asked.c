#include "service/hls_asked.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The vhost that the request's host, or its query, names. */
static const struct conf_vhost *vhost_of(const struct http_session *s)
{
	const char *host = *s->request->host ? s->request->host : "localhost";
	char *name = http_vhost(host, s->request->query);
	const struct conf_vhost *vhost = name ? conf_vhost_find(s->conf, name) : NULL;
	free(name);
	return vhost;
}

static bool is_session_id(const char *text)
{
	size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz");
	return n == HLS_SESSION_ID && !text[n];
}

/* The parameters that are the player's own: those of HLS itself say nothing about who asks. */
static char *own_param(const char *query)
{
	static const char *const ours[] = {"hls_ctx", "_HLS_msn", "_HLS_part", "_HLS_skip"};
	char *from = mem_printf("?%s", query), *to = mem_alloc(URL_MAX);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		param_remove(to, from, ours[i]);
		free(from);
		from = mem_strdup(to);
	}
	free(to);
	return from;
}

void hls_asked_read(struct hls_asked *a, const struct http_session *s)
{
	char id[HLS_SESSION_ID + 2] = "";
	*a = (struct hls_asked){.vhost = vhost_of(s)};
	a->is_bad = !hls_want_read(&a->want, s->request->query);
	a->param = *s->request->query ? own_param(s->request->query) : mem_strdup("");
	if (param_get(id, sizeof(id), s->request->query, "hls_ctx") && is_session_id(id))
		memcpy(a->session, id,
		       sizeof(a->session)); /* with the NUL that is_session_id() has found */
}

static const char *header(const struct http_session *s, const char *name)
{
	const char *value = http_header_get(s->request, name);
	return value ? value : "";
}

void hls_asked_name(struct hls_asked *a, const struct http_session *s, struct hls_name *name)
{
	const char *host = *s->request->host ? s->request->host : a->vhost->name;
	a->name = *name;
	*name = (struct hls_name){0};
	a->is_list = strcmp(s->request->path + 1, a->name.list_path) == 0;
	a->path_asked = mem_printf("/%s", a->name.list_path);
	a->tc_url = mem_printf("http://%s/%s", host, a->name.app);
	a->target = (struct target){
		.host = mem_strdup(s->request->host),
		.vhost = mem_strdup(a->vhost->name),
		.app = mem_strdup(a->name.app),
		.stream = mem_strdup(a->name.stream),
		.param = mem_strdup(a->param),
	};
	a->request = (struct request){
		.server = s->server,
		.conf = s->conf,
		.vhost = a->vhost,
		.target = &a->target,
		.peer = sock_peer(s->sock),
		.type = "hls-play",
		.tc_url = a->tc_url,
		.page_url = header(s, "Referer"),
		.swf_url = "",
		.url = s->request->path,
		.path_asked = a->path_asked,
		.proof = "",
		.http = true,
		.tls = sock_is_encrypted(s->sock),
		.path = header(s, "X-SRS-Path"),
		.via = header(s, "X-SRS-Via"),
		.redirected = "",
		.says_relay = *header(s, "X-SRS-Path"),
	};
}

void hls_asked_fini(struct hls_asked *a)
{
	hls_name_fini(&a->name);
	target_fini(&a->target);
	free(a->param);
	free(a->tc_url);
	free(a->path_asked);
	*a = (struct hls_asked){0};
}
