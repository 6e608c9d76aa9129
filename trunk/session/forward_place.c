#include "session/forward_place.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dup_part(const char *from, const char *end)
{
	return mem_strndup(from, (size_t)(end - from));
}

static const char *behind_schema(const char *url)
{
	const char *mark = strstr(url, "://");
	return mark ? mark + 3 : url;
}

const char *forward_url_stream(const char *url)
{
	const char *app = strchr(behind_schema(url), '/');
	if (!app)
		return NULL;
	const char *query = strchr(app, '?'), *last = NULL;
	for (const char *p = app + 1; *p && p != query; p++)
		if (*p == '/')
			last = p;
	if (!last && query)
		last = strrchr(query, '/');
	return last && last[1] ? last + 1 : NULL;
}

/* ---- a server alone ---- */

static void keep_name(struct target *out, const struct target *own)
{
	*out = (struct target){
		.schema = mem_strdup(own->schema),
		.host = mem_strdup(own->host),
		.port = own->port,
		.vhost = mem_strdup(own->vhost),
		.app = mem_strdup(own->app),
		.stream = mem_strdup(own->stream),
		.param = mem_strdup(own->param),
	};
}

static err take_server(struct forward_place *p, const char *server, const struct target *own)
{
	struct hostport hp;
	int port = p->protocol->tls ? PORT_HTTPS : PORT_RTMP;
	TRY(hostport_parse(&hp, server, port));
	if (strlen(hp.host) == 0 || hp.port <= 0)
		return err_fail(ERR_PROTOCOL, "it names no server");
	hostport_text(p->name, &hp);
	keep_name(&p->target, own);
	return OK;
}

/* ---- a whole URL ---- */

static err take_url(struct forward_place *p, const char *url)
{
	const char *stream = forward_url_stream(url);
	const char *host = behind_schema(url), *end = host + strcspn(host, "/");
	if (!stream)
		return err_fail(ERR_PROTOCOL, "it names no stream");
	char *tc_url = dup_part(url, stream - 1), *server = dup_part(host, end);
	err e = take_server(p, server, &(struct target){"", "", 0, "", "", "", ""});
	if (!e) {
		struct target t = {0};
		e = target_parse(&t, tc_url, stream);
		if (!e) {
			target_fini(&p->target);
			p->target = t;
		}
	}
	free(server);
	free(tc_url);
	return e;
}

/* ---- both ---- */

static char *shown_url(const struct forward_place *p, const struct target *own)
{
	bool same = strcmp(p->target.stream, own->stream) == 0;
	return mem_printf("%s://%s/%s/%s", p->protocol->tls ? "rtmps" : "rtmp", p->name,
			  p->target.app, same ? own->stream : "...");
}

static err parse(struct forward_place *p, const char *text, const struct target *own)
{
	const char *server = behind_schema(text);
	size_t schema = (size_t)(server - text);
	if (schema && strncmp(text, "rtmp://", schema) != 0 &&
	    strncmp(text, "rtmps://", schema) != 0)
		return err_fail(ERR_PROTOCOL, "it is none of rtmp or rtmps");
	p->protocol = schema == strlen("rtmps://") ? &link_rtmps : &link_rtmp;
	return schema && server[strcspn(server, "/?")] ? take_url(p, text)
						       : take_server(p, server, own);
}

err forward_place_parse(struct forward_place *out, const char *text, const struct target *own)
{
	*out = (struct forward_place){0};
	err e = parse(out, text, own);
	if (e) {
		forward_place_fini(out);
		return e;
	}
	out->text = mem_strdup(text);
	out->shown = shown_url(out, own);
	return OK;
}

void forward_place_fini(struct forward_place *p)
{
	target_fini(&p->target);
	free(p->text);
	free(p->shown);
	*p = (struct forward_place){0};
}
