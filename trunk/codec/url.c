/* A session is named by two texts, tcUrl and the name in play or publish, and clients have put
 * the parts of an address into them in every order. So both are first cleaned (blanks, the
 * "...vhost..." of players that cannot type a '?'), then cut into a path and a query each; the
 * two paths together are app and stream, the two queries together the parameters. */
#include "codec/url.h"
#include "base/mem.h"
#include "codec/url_front.h"

#include <stdlib.h>
#include <strings.h>

/* One more byte is the NUL. */
enum { TEXT_MAX = URL_MAX - 1 };

static char *text_of(struct span s)
{
	return s.n ? mem_strndup((const char *)s.p, s.n) : mem_strdup("");
}

/* Appends without the bytes of the set. */
static void put_without(struct buf *b, struct span s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_one_of(s.p[i], set))
			buf_u8(b, s.p[i]);
}

/* Without blanks, and with "...vhost...X" as the parameter that it stands for. */
static err clean(struct buf *out, const char *text)
{
	static const char mark[] = "...vhost...";
	struct buf bare = {.max = URL_MAX};
	put_without(&bare, span_str(text), " \r\n\t");
	bool has_query = false;
	for (struct span s = buf_span(&bare); s.n;) {
		if (span_starts(s, mark)) {
			buf_put(out, has_query ? "&vhost=" : "?vhost=", 7);
			has_query = true;
			s = span_rest(s, sizeof(mark) - 1);
			continue;
		}
		has_query |= byte_is_one_of(*s.p, "?#");
		buf_u8(out, *s.p);
		s = span_rest(s, 1);
	}
	bool ok = buf_ok(&bare) && buf_ok(out);
	buf_free(&bare);
	return ok ? OK
		  : err_fail(ERR_LIMIT, "a URL or stream name of more than %d bytes", TEXT_MAX);
}

/* The pieces of the two texts; all of them are borrowed. */
struct pieces {
	struct url_front front;
	struct span path, query;
	struct span name, name_query;
};

static void split_query(struct span *path, struct span *query, struct span s)
{
	size_t n = span_find(s, "?#");
	*path = span_head(s, n);
	*query = span_rest(s, n + 1);
}

/* "app?k=v/stream" in one text: the stream stands behind the parameters. */
static void move_query_behind_stream(struct pieces *p)
{
	size_t at = p->query.n;
	while (at > 0 && p->query.p[at - 1] != '/')
		at--;
	if (at == 0)
		return;
	p->name = span_rest(p->query, at);
	p->query.n = at - 1;
}

static err parse_pieces(struct pieces *p, struct span tc_url, struct span stream)
{
	TRY(url_front_parse(&p->front, tc_url));
	split_query(&p->path, &p->query, p->front.behind);
	split_query(&p->name, &p->name_query, stream);
	p->name = span_trim(p->name, "/");
	p->query = span_trim(p->query, "/&");
	p->name_query = span_trim(p->name_query, "&");
	if (p->name.n == 0)
		move_query_behind_stream(p);
	return OK;
}

static bool is_blank_or_control(uint8_t c)
{
	return c <= ' ' || c == 0x7F;
}

/* Percent-decoded, as HTTP names are. What is no escape stays as it is written, and so do escapes of
 * control characters; blanks vanish, escaped or not. */
static void put_decoded(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = url_escaped_byte(span_rest(s, i));
		if (c < 0 || (c != ' ' && is_blank_or_control((uint8_t)c))) {
			buf_u8(b, s.p[i]);
			continue;
		}
		if (c != ' ')
			buf_u8(b, (uint8_t)c);
		i += 2;
	}
}

/* The parts of a path but the empty ones and "_definst_", each behind a slash. */
static void put_path(struct buf *b, struct span escaped)
{
	struct buf path = {.max = URL_MAX};
	put_decoded(&path, escaped);
	for (struct span s = buf_span(&path); s.n;) {
		size_t n = span_find(s, "/");
		struct span part = span_head(s, n);
		s = span_rest(s, n + 1);
		if (part.n == 0 || span_is(part, "_definst_"))
			continue;
		buf_u8(b, '/');
		buf_put(b, part.p, part.n);
	}
	buf_free(&path);
}

/* "/a/b/c": the last part is the stream, also when its name was not told; one part alone is
 * the app then. */
static void set_names(struct target *t, struct span path, bool has_name)
{
	size_t last = path.n;
	while (last > 0 && path.p[last - 1] != '/')
		last--;
	if (last <= 1 && !has_name) {
		t->app = text_of(span_rest(path, 1));
		t->stream = text_of((struct span){0});
	} else {
		t->app = text_of(span_trim(span_head(path, last), "/"));
		t->stream = text_of(span_rest(path, last));
	}
	if (!*t->app) {
		free(t->app);
		t->app = mem_strdup(DEFAULT_APP);
	}
}

static void set_param(struct target *t, const struct pieces *p)
{
	struct buf b = {.max = 2 * URL_MAX + 2};
	if (p->name_query.n || p->query.n)
		buf_u8(&b, '?');
	buf_put(&b, p->name_query.p, p->name_query.n);
	if (p->name_query.n && p->query.n)
		buf_u8(&b, '&');
	buf_put(&b, p->query.p, p->query.n);
	if (span_is(buf_span(&b), "?vhost=" DEFAULT_VHOST))
		buf_clear(&b);
	t->param = text_of(buf_span(&b));
	buf_free(&b);
}

/* The virtual host that the parameters name; NULL when they name none. The caller's. */
static char *named_vhost(const char *param)
{
	if (!*param)
		return NULL;
	char *named = mem_alloc(URL_MAX);
	bool is_named = param_get(named, URL_MAX, param, "vhost") ||
			param_get(named, URL_MAX, param, "domain");
	if (is_named && *named && strcmp(named, DEFAULT_VHOST) != 0)
		return named;
	free(named);
	return NULL;
}

/* Names of hosts have no case, and the dot of a full one means nothing. */
static void put_host(struct buf *b, struct span host)
{
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--;
	for (size_t i = 0; i < host.n; i++)
		buf_u8(b, host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
}

/* The default vhost is a name of ours, which is written as it is. */
static char *vhost_of(struct span host, const char *param)
{
	struct buf named = {.max = URL_MAX}, b = {.max = URL_MAX};
	char *text = named_vhost(param);
	if (text)
		put_without(&named, span_str(text), "/");
	struct span vhost = named.n ? buf_span(&named) : host;
	if (!span_is(vhost, DEFAULT_VHOST)) {
		put_host(&b, vhost);
		vhost = buf_span(&b);
	}
	free(text);
	text = text_of(vhost);
	buf_free(&named);
	buf_free(&b);
	return text;
}

char *http_vhost(const char *host, const char *query)
{
	struct span name;
	int port = PORT_HTTP;
	if (url_authority_parse(&name, &port, span_str(host)) != OK)
		return NULL;
	char *vhost = vhost_of(name, query);
	if (*vhost)
		return vhost;
	free(vhost);
	return NULL;
}

static err check_target(const struct target *t)
{
	if (!*t->vhost)
		return err_fail(ERR_PROTOCOL, "a URL without a host");
	if (strlen(t->app) > TEXT_MAX || strlen(t->param) > TEXT_MAX)
		return err_fail(ERR_LIMIT, "an app or parameters of more than %d bytes", TEXT_MAX);
	return OK;
}

static err parse_clean(struct target *out, struct span tc_url, struct span stream)
{
	struct pieces p = {0};
	TRY(parse_pieces(&p, tc_url, stream));
	struct buf path = {.max = 2 * URL_MAX + 4};
	put_path(&path, p.path);
	size_t of_app = path.n;
	put_path(&path, p.name);
	struct target t = {
		.is_rtmp = span_is(p.front.schema, "rtmp") || span_is(p.front.schema, "rtmps"),
		.port = p.front.port,
	};
	set_names(&t, buf_span(&path), path.n > of_app);
	set_param(&t, &p);
	t.host = text_of(p.front.host);
	t.vhost = vhost_of(p.front.host, t.param);
	buf_free(&path);
	err e = check_target(&t);
	if (e)
		target_fini(&t);
	else
		*out = t;
	return e;
}

err target_parse(struct target *out, const char *tc_url, const char *stream)
{
	struct buf tc = {.max = TEXT_MAX}, name = {.max = TEXT_MAX};
	err e = clean(&tc, tc_url);
	if (!e)
		e = clean(&name, stream);
	if (!e)
		e = parse_clean(out, buf_span(&tc), buf_span(&name));
	buf_free(&tc);
	buf_free(&name);
	return e;
}

struct target target_copy(const struct target *t)
{
	return (struct target){
		.is_rtmp = t->is_rtmp,
		.port = t->port,
		.host = mem_strdup(t->host),
		.vhost = mem_strdup(t->vhost),
		.app = mem_strdup(t->app),
		.stream = mem_strdup(t->stream),
		.param = mem_strdup(t->param),
	};
}

void target_fini(struct target *t)
{
	free(t->host);
	free(t->vhost);
	free(t->app);
	free(t->stream);
	free(t->param);
	*t = (struct target){0};
}

char *stream_key(const char *vhost, const char *app, const char *stream)
{
	bool is_default = strcmp(vhost, DEFAULT_VHOST) == 0;
	return mem_printf("%s/%s/%s", is_default ? "" : vhost, app, stream);
}

char *stream_cut(const char *stream)
{
	static const char *const known[] = {"flv", "f4v", "m3u8", "ts",  "mp4", "m4s",
					    "m4a", "mp3", "aac",  "mpd", "sdp"};
	const char *dot = strrchr(stream, '.');
	/* A name that is nothing but an extension stays what it is. */
	if (!dot || dot == stream)
		return NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(dot + 1, known[i]) == 0)
			return mem_strndup(stream, (size_t)(dot - stream));
	return NULL;
}
