#include "codec/sdp.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { PORT_MAX = 65535 };

/* ---- words ---- */

struct span sdp_until(struct span *text, char separator)
{
	const uint8_t *at = text->n ? memchr(text->p, separator, text->n) : NULL;
	size_t n = at ? (size_t)(at - text->p) : text->n;
	struct span head = span_head(*text, n);
	*text = span_rest(*text, n + 1);
	return head;
}

struct span sdp_word(struct span *text)
{
	*text = span_trim(*text, " ");
	return sdp_until(text, ' ');
}

struct span sdp_parameter(struct span text, const char *key)
{
	while (text.n) {
		struct span value = sdp_until(&text, ';');
		struct span name = span_trim(sdp_until(&value, '='), " ");
		if (name.n == strlen(key) && strncasecmp((const char *)name.p, key, name.n) == 0)
			return span_trim(value, " ");
	}
	return (struct span){0};
}

/* ---- reading ---- */

static err read_attribute(struct sdp_attrs *attrs, struct span value, int *left)
{
	if ((*left)-- <= 0)
		return err_fail(ERR_LIMIT, "more than %d attributes", SDP_ATTRS_MAX);
	struct span name = sdp_until(&value, ':');
	if (name.n == 0)
		return err_fail(ERR_PROTOCOL, "an attribute without a name");
	vec_reserve(attrs->v, attrs->room, attrs->count + 1);
	attrs->v[attrs->count++] = (struct sdp_attr){name, span_trim(value, " ")};
	return OK;
}

static int count_words(struct span text)
{
	int n = 0;
	while (sdp_word(&text).n)
		n++;
	return n;
}

/* The port may be a range, "9/2", as nobody does it for WebRTC. */
static err read_section(struct sdp *sdp, struct span value)
{
	if (sdp->count == SDP_SECTIONS_MAX)
		return err_fail(ERR_LIMIT, "more than %d media sections", SDP_SECTIONS_MAX);
	vec_reserve(sdp->sections, sdp->room, sdp->count + 1);
	struct sdp_section *s = &sdp->sections[sdp->count++];
	*s = (struct sdp_section){0};
	s->kind = sdp_word(&value);
	int64_t port = span_number(sdp_word(&value), PORT_MAX);
	s->port = (int)port;
	s->protocol = sdp_word(&value);
	s->formats = span_trim(value, " ");
	int formats = count_words(s->formats);
	if (port < 0 || s->protocol.n == 0 || formats == 0)
		return err_fail(ERR_PROTOCOL,
				"a media line needs kind, port, protocol and formats");
	return formats <= SDP_FORMATS_MAX
		       ? OK
		       : err_fail(ERR_LIMIT, "more than %d formats", SDP_FORMATS_MAX);
}

static bool has_controls(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return true;
	return false;
}

static err read_line(struct sdp *sdp, struct span line, int *attrs_left)
{
	if (line.n < 2 || line.p[1] != '=')
		return err_fail(ERR_PROTOCOL, "a line is \"x=…\"");
	if (has_controls(line))
		return err_fail(ERR_PROTOCOL, "a line has control characters");
	struct span value = span_trim(span_rest(line, 2), " ");
	if (line.p[0] == 'm')
		return read_section(sdp, value);
	if (line.p[0] == 'a')
		return read_attribute(sdp->count ? &sdp->sections[sdp->count - 1].attrs
						 : &sdp->attrs,
				      value, attrs_left);
	return OK;
}

err sdp_parse(struct sdp *sdp, struct span text)
{
	int attrs_left = SDP_ATTRS_MAX;
	*sdp = (struct sdp){0};
	if (text.n > SDP_BYTES_MAX)
		return err_fail(ERR_LIMIT, "a session description of %zu bytes", text.n);
	if (!span_starts(text, "v=0"))
		return err_fail(ERR_PROTOCOL, "a session description begins with \"v=0\"");
	for (int number = 1; text.n; number++) {
		struct span line = sdp_until(&text, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue;
		err e = read_line(sdp, line, &attrs_left);
		if (e)
			return err_add(e, "line %d", number);
	}
	return OK;
}

void sdp_fini(struct sdp *sdp)
{
	free(sdp->attrs.v);
	for (int i = 0; i < sdp->count; i++)
		free(sdp->sections[i].attrs.v);
	free(sdp->sections);
	*sdp = (struct sdp){0};
}

/* ---- what it says ---- */

const struct sdp_attr *sdp_attr_next(const struct sdp_attrs *attrs, const struct sdp_attr *after,
				     const char *name)
{
	for (int i = after ? (int)(after - attrs->v) + 1 : 0; i < attrs->count; i++)
		if (span_is(attrs->v[i].name, name))
			return &attrs->v[i];
	return NULL;
}

bool sdp_has(const struct sdp_attrs *attrs, const char *name)
{
	return sdp_attr_next(attrs, NULL, name) != NULL;
}

struct span sdp_value(const struct sdp *sdp, const struct sdp_section *section, const char *name)
{
	const struct sdp_attr *a = sdp_attr_next(&section->attrs, NULL, name);
	if (!a)
		a = sdp_attr_next(&sdp->attrs, NULL, name);
	return a ? a->value : (struct span){0};
}

/* ---- writing ---- */

void sdp_write(struct buf *out, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line)) {
		out->bad = true;
		return;
	}
	buf_put(out, line, (size_t)n);
	buf_put(out, "\r\n", 2);
}
