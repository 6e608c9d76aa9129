#include "session/forward_place.h"
#include "base/mem.h"
#include "session/srt_url.h"
#include "srt/bridge.h"

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

static err take_server(struct forward_place *p, const char *server, const struct target *own)
{
	struct hostport hp;
	int port = p->protocol->tls ? PORT_HTTPS : PORT_RTMP;
	TRY(hostport_parse(&hp, server, port));
	if (strlen(hp.host) == 0 || hp.port <= 0)
		return err_fail(ERR_PROTOCOL, "it names no server");
	hostport_text(p->name, &hp);
	p->target = target_copy(own);
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
	err e = take_server(
		p, server,
		&(struct target){.host = "", .vhost = "", .app = "", .stream = "", .param = ""});
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

/* ---- an SRT listener ---- */

/* In a stream id a name with these would say more than a name. */
static bool fits_stream_id(const char *name)
{
	return name[strcspn(name, ",&;?=#%")] == '\0';
}

/* Replaces what stands in brackets; false: a name that does not fit. */
static bool put_names(struct buf *b, const char *url, const struct target *own)
{
	const struct {
		const char *word, *name;
	} names[] = {{"[vhost]", own->vhost}, {"[app]", own->app}, {"[stream]", own->stream}};
	while (*url) {
		size_t i = 0, n = 0;
		for (i = 0; i < 3; i++)
			if (strncmp(url, names[i].word, n = strlen(names[i].word)) == 0)
				break;
		if (i == 3) {
			buf_u8(b, (uint8_t)*url++);
			continue;
		}
		if (!fits_stream_id(names[i].name))
			return false;
		buf_put(b, (const uint8_t *)names[i].name, strlen(names[i].name));
		url += n;
	}
	return true;
}

static err check_srt(struct forward_place *p)
{
	char mode[16] = "caller";
	struct srt_options options = {0};
	struct srt_url *url = mem_new(struct srt_url);
	const char *query = strchr(p->srt, '?');
	err e = srt_url_parse(url, &options, p->srt);
	if (!e)
		hostport_text(p->name, &url->at);
	free(url);
	if (e)
		return err_fail(ERR_PROTOCOL, "%s", err_trail(e));
	if (query && (!param_get(mode, sizeof(mode), query, "mode") || strcmp(mode, "caller") == 0))
		return OK;
	return query ? err_fail(ERR_PROTOCOL, "a destination of SRT is called: mode is no other")
		     : OK;
}

static err take_srt(struct forward_place *p, const char *text, const struct target *own)
{
	struct buf b = {.max = URL_MAX};
	if (!srt_bridge_is_built())
		return err_fail(ERR_PROTOCOL, "this program has no SRT");
	bool fits = put_names(&b, text, own);
	p->srt = fits && buf_ok(&b) ? mem_strdup(buf_text(&b)) : NULL;
	buf_free(&b);
	return p->srt ? check_srt(p)
		      : err_fail(ERR_PROTOCOL, "the stream's name does not fit into a stream id");
}

/* ---- all of them ---- */

static char *shown_url(const struct forward_place *p, const struct target *own)
{
	if (p->srt)
		return mem_printf("srt://%s", p->name);
	bool same = strcmp(p->target.stream, own->stream) == 0;
	return mem_printf("%s://%s/%s/%s", p->protocol->tls ? "rtmps" : "rtmp", p->name,
			  p->target.app, same ? own->stream : "...");
}

static err parse(struct forward_place *p, const char *text, const struct target *own)
{
	const char *server = behind_schema(text);
	if (srt_url_is(text))
		return take_srt(p, text, own);
	size_t schema = (size_t)(server - text);
	if (schema && strncmp(text, "rtmp://", schema) != 0 &&
	    strncmp(text, "rtmps://", schema) != 0)
		return err_fail(ERR_PROTOCOL, "it is none of rtmp, rtmps or srt");
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
	free(p->srt);
	free(p->shown);
	*p = (struct forward_place){0};
}
