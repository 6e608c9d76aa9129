/* A session is named by two texts, tcUrl and the name in play or publish, and clients have put
 * the parts of an address into them in every order. So both are first cleaned (blanks, the
 * "...vhost..." of players that cannot type a '?'), then cut into a path and a query each; the
 * two paths together are app and stream, the two queries together the parameters. */
#include "codec/url.h"
#include "base/mem.h"

#include <stdlib.h>

/* One more byte is the NUL. */
enum { TEXT_MAX = URL_MAX - 1 };

static bool is_one_of(uint8_t byte, const char *set)
{
	return byte && strchr(set, byte);
}

/* The index of the first byte that is in the set, or n. */
static size_t find(struct span s, const char *set)
{
	size_t i = 0;
	while (i < s.n && !is_one_of(s.p[i], set))
		i++;
	return i;
}

static struct span head(struct span s, size_t n)
{
	return span_of(s.p, n);
}

/* Behind the first n bytes. */
static struct span rest(struct span s, size_t n)
{
	return n < s.n ? span_of(s.p + n, s.n - n) : (struct span){0};
}

static bool starts(struct span s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static struct span trim(struct span s, const char *set)
{
	while (s.n && is_one_of(s.p[0], set))
		s = rest(s, 1);
	while (s.n && is_one_of(s.p[s.n - 1], set))
		s.n--;
	return s;
}

static char *text_of(struct span s)
{
	return s.n ? mem_strndup((const char *)s.p, s.n) : mem_strdup("");
}

/* Appends without the bytes of the set. */
static void put_without(struct buf *b, struct span s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_one_of(s.p[i], set))
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
		if (starts(s, mark)) {
			buf_put(out, has_query ? "&vhost=" : "?vhost=", 7);
			has_query = true;
			s = rest(s, sizeof(mark) - 1);
			continue;
		}
		has_query |= is_one_of(*s.p, "?#");
		buf_u8(out, *s.p);
		s = rest(s, 1);
	}
	bool ok = buf_ok(&bare) && buf_ok(out);
	buf_free(&bare);
	return ok ? OK
		  : err_fail(ERR_LIMIT, "a URL or stream name of more than %d bytes", TEXT_MAX);
}

/* The pieces of the two texts; all of them are borrowed. */
struct pieces {
	struct span schema, host, path, query;
	struct span name, name_query;
	int port;
};

static err parse_port(int *port, struct span digits)
{
	int v = 0;
	for (size_t i = 0; i < digits.n && v <= 65535; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return err_fail(ERR_PROTOCOL, "a port that is no number");
		v = v * 10 + (digits.p[i] - '0');
	}
	if (v < 1 || v > 65535)
		return err_fail(ERR_PROTOCOL, "a port outside of 1 to 65535");
	*port = v;
	return OK;
}

/* "host", "host:port", "[v6]", "[v6]:port"; *port stays where there is none. */
static err parse_authority(struct span *host, int *port, struct span s)
{
	size_t n = find(s, ":");
	*host = head(s, n);
	struct span behind = rest(s, n);
	if (starts(s, "[")) {
		n = find(s, "]");
		if (n == s.n)
			return err_fail(ERR_PROTOCOL, "an address with an open bracket");
		*host = head(rest(s, 1), n - 1);
		behind = rest(s, n + 1);
	}
	if (behind.n && *behind.p != ':')
		return err_fail(ERR_PROTOCOL, "something between an address and its port");
	return behind.n ? parse_port(port, rest(behind, 1)) : OK;
}

static int default_port(struct span schema)
{
	if (span_is(schema, "http"))
		return PORT_HTTP;
	return span_is(schema, "https") || span_is(schema, "rtmps") ? PORT_HTTPS : PORT_RTMP;
}

/* "schema://" and the authority; *behind is what follows. */
static err parse_front(struct span *schema, struct span *host, int *port, struct span *behind,
		       struct span s)
{
	size_t n = find(s, ":");
	*schema = head(s, n);
	*behind = rest(s, n);
	if (n == 0 || !starts(*behind, "://"))
		return err_fail(ERR_PROTOCOL, "a URL without a schema");
	*behind = rest(*behind, 3);
	n = find(*behind, "/?#");
	*port = default_port(*schema);
	TRY(parse_authority(host, port, head(*behind, n)));
	*behind = rest(*behind, n);
	return OK;
}

static void split_query(struct span *path, struct span *query, struct span s)
{
	size_t n = find(s, "?#");
	*path = head(s, n);
	*query = rest(s, n + 1);
}

/* "app?k=v/stream" in one text: the stream stands behind the parameters. */
static void move_query_behind_stream(struct pieces *p)
{
	size_t at = p->query.n;
	while (at > 0 && p->query.p[at - 1] != '/')
		at--;
	if (at == 0)
		return;
	p->name = rest(p->query, at);
	p->query.n = at - 1;
}

static err parse_pieces(struct pieces *p, struct span tc_url, struct span stream)
{
	struct span behind;
	TRY(parse_front(&p->schema, &p->host, &p->port, &behind, tc_url));
	split_query(&p->path, &p->query, behind);
	split_query(&p->name, &p->name_query, stream);
	p->name = trim(p->name, "/");
	p->query = trim(p->query, "/&");
	p->name_query = trim(p->name_query, "&");
	if (p->name.n == 0)
		move_query_behind_stream(p);
	return OK;
}

/* The parts of a path but the empty ones and "_definst_", each behind a slash. */
static void put_path(struct buf *b, struct span s)
{
	while (s.n) {
		size_t n = find(s, "/");
		struct span part = head(s, n);
		s = rest(s, n + 1);
		if (part.n == 0 || span_is(part, "_definst_"))
			continue;
		buf_u8(b, '/');
		buf_put(b, part.p, part.n);
	}
}

/* "/a/b/c": the last part is the stream, also when its name was not told; one part alone is
 * the app then. */
static void set_names(struct target *t, struct span path, bool has_name)
{
	size_t last = path.n;
	while (last > 0 && path.p[last - 1] != '/')
		last--;
	if (last <= 1 && !has_name) {
		t->app = text_of(rest(path, 1));
		t->stream = text_of((struct span){0});
	} else {
		t->app = text_of(trim(head(path, last), "/"));
		t->stream = text_of(rest(path, last));
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
	char *named = mem_alloc(URL_MAX);
	bool is_named = param_get(named, URL_MAX, param, "vhost") ||
			param_get(named, URL_MAX, param, "domain");
	if (is_named && *named && strcmp(named, DEFAULT_VHOST) != 0)
		return named;
	free(named);
	return NULL;
}

static void set_host(struct target *t, const struct pieces *p)
{
	struct buf b = {.max = URL_MAX};
	char *named = named_vhost(t->param);
	if (named)
		put_without(&b, span_str(named), "/");
	t->host = text_of(p->host);
	t->vhost = text_of(b.n ? buf_span(&b) : p->host);
	free(named);
	buf_free(&b);
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
	struct target t = {.port = p.port};
	t.schema = text_of(p.schema);
	set_names(&t, buf_span(&path), path.n > of_app);
	set_param(&t, &p);
	set_host(&t, &p);
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

void target_fini(struct target *t)
{
	free(t->schema);
	free(t->host);
	free(t->vhost);
	free(t->app);
	free(t->stream);
	free(t->param);
	*t = (struct target){0};
}

char *stream_key(const char *vhost, const char *app, const char *stream)
{
	const char *dot = strrchr(stream, '.');
	/* A name that is nothing but an extension stays what it is. */
	int n = (int)(dot && dot > stream ? (size_t)(dot - stream) : strlen(stream));
	bool is_default = strcmp(vhost, DEFAULT_VHOST) == 0;
	return mem_printf("%s/%s/%.*s", is_default ? "" : vhost, app, n, stream);
}

/* Takes the next "name=value" from *s; false behind the last one. */
static bool next_param(struct span *one, struct span *name, struct span *s)
{
	if (s->n == 0)
		return false;
	size_t n = find(*s, "&");
	*one = head(*s, n);
	*name = head(*one, find(*one, "="));
	*s = rest(*s, n + 1);
	return true;
}

static struct span params(const char *param)
{
	return span_str(*param == '?' ? param + 1 : param);
}

bool param_get(char *out, size_t cap, const char *param, const char *name)
{
	struct span s = params(param), one, key;
	while (next_param(&one, &key, &s))
		if (span_is(key, name))
			return url_unescape(out, cap, rest(one, key.n + 1)) == OK;
	return false;
}

/* Text that is too long for the output, which no target holds, loses its last parameters. */
void param_remove(char out[static URL_MAX], const char *param, const char *name)
{
	struct span s = params(param), one, key;
	size_t n = 0;
	while (next_param(&one, &key, &s)) {
		if (one.n == 0 || span_is(key, name) || n + 1 + one.n > TEXT_MAX)
			continue;
		out[n] = n ? '&' : '?';
		memcpy(out + n + 1, one.p, one.n);
		n += 1 + one.n;
	}
	out[n] = '\0';
}

static bool is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       is_one_of(c, "-._~:/@,"); /* the last four mean nothing in a query or a path */
}

void url_escape(struct buf *b, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	for (; *s; s++) {
		uint8_t c = (uint8_t)*s;
		if (is_unreserved(c)) {
			buf_u8(b, c);
			continue;
		}
		buf_u8(b, '%');
		buf_u8(b, (uint8_t)digits[c >> 4]);
		buf_u8(b, (uint8_t)digits[c & 15]);
	}
}

/* -1 for what is no hexadecimal digit. */
static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

err url_unescape(char *out, size_t cap, struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int c = s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return err_fail(ERR_PROTOCOL, "a broken %% in a URL");
			c = high << 4 | low;
			i += 2;
		}
		if (c == 0)
			return err_fail(ERR_PROTOCOL, "a NUL in a URL");
		if (n + 1 >= cap)
			return err_fail(ERR_LIMIT, "a URL's part of more than %zu bytes", cap);
		out[n++] = (char)c;
	}
	if (cap == 0)
		return err_fail(ERR_LIMIT, "no room for a URL's part");
	out[n] = '\0';
	return OK;
}

/* Blanks and control characters could end a header line of the request that is made of it. */
static err check_http_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7F)
			return err_fail(ERR_PROTOCOL, "a blank or control character in a URL");
	return OK;
}

static err put_text(char *out, size_t cap, struct span s)
{
	if (s.n >= cap)
		return err_fail(ERR_LIMIT, "a URL's part of more than %zu bytes", cap - 1);
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return OK;
}

/* The path is made absolute, and loses the fragment, which is the client's own business. */
static err put_http_path(char *out, size_t cap, struct span s)
{
	s = head(s, find(s, "#"));
	if (s.n && *s.p == '/')
		return put_text(out, cap, s);
	out[0] = '/';
	return put_text(out + 1, cap - 1, s);
}

err http_url_parse(struct http_url *out, const char *text)
{
	struct span schema, host, path, all = span_str(text);
	int port;
	if (all.n > TEXT_MAX + sizeof(out->host))
		return err_fail(ERR_LIMIT, "a URL of more than %d bytes", TEXT_MAX);
	TRY(check_http_text(all));
	TRY(parse_front(&schema, &host, &port, &path, all));
	if (!span_is(schema, "http") && !span_is(schema, "https"))
		return err_fail(ERR_PROTOCOL, "a URL that is not of HTTP");
	if (host.n == 0 || find(host, "@") < host.n)
		return err_fail(ERR_PROTOCOL, "a URL without a host, or with a user");
	struct http_url *url = mem_new(struct http_url);
	url->port = port;
	err e = put_text(url->schema, sizeof(url->schema), schema);
	if (!e)
		e = put_text(url->host, sizeof(url->host), host);
	if (!e)
		e = put_http_path(url->path, sizeof(url->path), path);
	if (!e)
		*out = *url;
	free(url);
	return e;
}
