/* The host chooses the vhost, its mount says which parts of the path are app and stream; then the
 * same rules as over RTMP make a target of them. */
#include "service/flv_request.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "service/flv_mount.h"
#include "session/signed_link.h"

#include <stdlib.h>

/* Where the page in the program fetches streams, whatever the mount is: below a folder of its own, so that
 * no file and no other stream is hidden. */
static const char page_mount_pattern[] = "[vhost]/page/[app]/[stream].mp4";

static bool serves(struct mount *mount, const struct conf_vhost *vhost, const char *host,
		   const char *path)
{
	return vhost && vhost->enabled && vhost->http_remux.enabled &&
	       mount_match(mount, vhost->http_remux.mount, host, vhost->name, path);
}

static bool serves_page(struct mount *mount, const struct conf *conf,
			const struct conf_vhost *vhost, const char *host, const char *path)
{
	return conf->http_server.page && vhost && vhost->enabled && vhost->http_remux.enabled &&
	       mount_match(mount, page_mount_pattern, host, vhost->name, path);
}

/* The vhost of the request's host, else one that the path names. */
static const struct conf_vhost *find_vhost(struct mount *mount, const struct conf *conf,
					   const char *host, const char *path)
{
	const struct conf_vhost *vhost = conf_vhost_find(conf, host);
	if (serves(mount, vhost, host, path) || serves_page(mount, conf, vhost, host, path))
		return vhost;
	for (int i = 0; i < conf->vhost_count; i++) {
		vhost = &conf->vhosts[i];
		if (mount_names_vhost(vhost->http_remux.mount) && serves(mount, vhost, host, path))
			return vhost;
	}
	return NULL;
}

/* "http://host", and the vhost that it or the query names. */
static err read_host(char **base, char **vhost, const struct http_message *m,
		     const struct addr *local)
{
	char text[ADDR_TEXT_MAX];
	struct target t = {0};
	addr_text(text, local);
	*base = mem_printf("http://%s", *m->host ? m->host : text);
	char *name = mem_printf("x?%s", m->query);
	err e = target_parse(&t, *base, name);
	if (!e)
		*vhost = mem_strdup(t.vhost);
	free(name);
	target_fini(&t);
	return e;
}

/* The path was decoded, and what is made of it is decoded again. */
static char *escaped(struct span name)
{
	struct buf b = {.max = 4 * URL_MAX};
	char *plain = mem_strndup((const char *)name.p, name.n);
	url_escape(&b, plain);
	char *text = mem_strdup(buf_text(&b));
	free(plain);
	buf_free(&b);
	return text;
}

static err read_names(struct flv_request *r, const struct mount *mount, const char *base,
		      const char *query)
{
	char *app = escaped(mount->app), *stream = escaped(mount->stream);
	r->tc_url = mem_printf("%s/%s", base, app);
	char *name = mem_printf("%s%s%s", stream, *query ? "?" : "", query);
	err e = target_parse(&r->target, r->tc_url, name);
	free(app);
	free(stream);
	free(name);
	return e;
}

/* A link that is signed in its path: the proof is no part of the app. */
static void read_proof(struct flv_request *r, const char *path)
{
	r->proof = signed_link_take_proof(&r->vhost->signed_links, r->target.app);
	size_t n = strlen(r->proof);
	bool in_front = n && strncmp(path + 1, r->proof, n) == 0;
	r->path_asked = mem_strdup(path + (in_front ? n + 1 : 0));
}

static char *header_copy(const struct http_message *m, const char *name)
{
	const char *value = http_header_get(m, name);
	return mem_strdup(value ? value : "");
}

static void read_hop(struct flv_request *r, const struct http_message *m)
{
	char *relay = header_copy(m, "X-SRS-Id"), *trace = header_copy(m, "X-SRS-Trace");
	const char *resume = http_header_get(m, ANNOUNCE_RESUME_HEADER);
	r->had_until = resume ? announce_had_until(strtod(resume, NULL)) : 0;
	r->hop = mem_new(struct client_hop);
	announce_hop(r->hop, relay, trace);
	free(relay);
	free(trace);
}

static void read_asker(struct flv_request *r, const struct http_message *m)
{
	r->url = mem_strdup(m->path);
	r->page_url = header_copy(m, "Referer");
	r->path = header_copy(m, ANNOUNCE_PATH_HEADER);
	r->via = header_copy(m, "X-SRS-Via");
	if (*r->path)
		read_hop(r, m);
}

err flv_request_read(struct flv_request *r, const struct conf *conf, const struct http_message *m,
		     const struct addr *local)
{
	char *base = NULL, *host = NULL;
	struct mount mount = {0};
	*r = (struct flv_request){0};
	err e = read_host(&base, &host, m, local);
	if (!e)
		r->vhost = find_vhost(&mount, conf, host, m->path);
	if (!e && r->vhost)
		e = read_names(r, &mount, base, m->query);
	if (!e && r->vhost) {
		read_proof(r, m->path);
		read_asker(r, m);
	}
	free(base);
	free(host);
	return e;
}

void flv_request_fini(struct flv_request *r)
{
	target_fini(&r->target);
	free(r->tc_url);
	free(r->url);
	free(r->path_asked);
	free(r->proof);
	free(r->page_url);
	free(r->path);
	free(r->via);
	free(r->hop);
	*r = (struct flv_request){0};
}
