#include "gb/manscdp.h"
#include "base/utf8.h"

#include <ctype.h>
#include <iconv.h>
#include <string.h>

enum { UTF8_PER_BYTE = 2 /* of GB18030, at most, and less */, BODY_MAX = 256 * 1024 };

bool gb_is_id(struct span id)
{
	if (id.n != GB_ID)
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (!isdigit(id.p[i]))
			return false;
	return true;
}

/* ---- characters ---- */

static bool is_utf8(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = 1;
		if (s.p[i] >= 0x80)
			n = utf8_printable((const char *)s.p + i, s.n - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

/* Bytes that are no character become question marks. */
static void convert(struct buf *out, struct span body)
{
	iconv_t c = iconv_open("UTF-8", "GB18030");
	char *in = (char *)(uintptr_t)body.p;
	size_t left = body.n;
	if (c == (iconv_t)-1) {
		for (size_t i = 0; i < body.n; i++)
			buf_u8(out, body.p[i] < 0x80 ? body.p[i] : '?');
		return;
	}
	while (left > 0) {
		char piece[512], *to = piece;
		size_t room = sizeof(piece);
		size_t done = iconv(c, &in, &left, &to, &room);
		buf_put(out, piece, sizeof(piece) - room);
		if (done == (size_t)-1 && room == sizeof(piece) && left > 0) {
			buf_u8(out, '?');
			in++;
			left--;
		}
	}
	iconv_close(c);
}

/* ---- elements ---- */

static bool is_name(uint8_t byte)
{
	return isalnum(byte) || byte == '_' || byte == '-' || byte == '.' || byte == ':';
}

static struct span find(struct span s, const char *text)
{
	const uint8_t *at = s.n ? memmem(s.p, s.n, text, strlen(text)) : NULL;
	return at ? span_rest(s, (size_t)(at - s.p)) : (struct span){0};
}

/* Behind comments, processing instructions and text: at the next '<'. */
static struct span skip_to_tag(struct span s)
{
	for (;;) {
		s = find(s, "<");
		if (span_starts(s, "<!--"))
			s = span_rest(find(s, "-->"), 3);
		else if (span_starts(s, "<?"))
			s = span_rest(find(s, "?>"), 2);
		else
			return s;
	}
}

static size_t name_length(struct span s)
{
	size_t n = 0;
	while (n < s.n && is_name(s.p[n]))
		n++;
	return n;
}

static bool span_same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The end tag that belongs to a start tag of that name; elements of one name may be nested. */
static struct span find_end(struct span s, struct span name)
{
	for (int depth = 0;;) {
		s = skip_to_tag(s);
		if (s.n == 0)
			return s;
		bool ends = s.n > 1 && s.p[1] == '/';
		struct span tag = span_rest(s, ends ? 2 : 1);
		bool is_ours = span_same(span_head(tag, name_length(tag)), name);
		struct span close = find(tag, ">");
		bool is_empty = close.n > 0 && close.p > tag.p && close.p[-1] == '/';
		if (is_ours && ends && depth-- == 0)
			return close.n ? s : close;
		depth += is_ours && !ends && !is_empty;
		s = close;
	}
}

bool manscdp_next(struct span *rest, struct span *name, struct span *inside)
{
	struct span s = skip_to_tag(*rest);
	*rest = (struct span){0};
	if (s.n < 2 || !is_name(s.p[1]))
		return false;
	s = span_rest(s, 1);
	*name = span_head(s, name_length(s));
	struct span close = find(s, ">");
	if (close.n == 0)
		return false;
	struct span behind = span_rest(close, 1);
	if (close.p[-1] == '/') {
		*inside = (struct span){0};
		*rest = behind;
		return true;
	}
	struct span end = find_end(behind, *name);
	if (end.n == 0)
		return false;
	*inside = span_of(behind.p, (size_t)(end.p - behind.p));
	*rest = span_rest(find(end, ">"), 1);
	return true;
}

/* ---- documents ---- */

bool manscdp_read(struct manscdp *out, struct span body)
{
	out->text.max = UTF8_PER_BYTE * BODY_MAX;
	if (body.n == 0 || body.n > BODY_MAX || find(body, "<!DOCTYPE").n ||
	    find(body, "<!ENTITY").n)
		return false;
	if (is_utf8(body))
		buf_put(&out->text, body.p, body.n);
	else
		convert(&out->text, body);
	struct span rest = buf_span(&out->text);
	return buf_ok(&out->text) && manscdp_next(&rest, &out->root, &out->inside);
}

void manscdp_fini(struct manscdp *m)
{
	buf_free(&m->text);
	*m = (struct manscdp){0};
}

struct span manscdp_field(struct span inside, const char *name)
{
	struct span found, text;
	while (manscdp_next(&inside, &found, &text))
		if (span_is(found, name))
			return span_trim(text, " \t\r\n");
	return (struct span){0};
}

/* Decodes one character; returns how many bytes of the text it took. */
static size_t decode(struct span s, char *out)
{
	static const struct {
		const char *name;
		char is;
	} entities[] = {
		{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
	*out = (char)*s.p;
	for (size_t i = 0; *s.p == '&' && i < sizeof(entities) / sizeof(*entities); i++) {
		if (span_starts(s, entities[i].name)) {
			*out = entities[i].is;
			return strlen(entities[i].name);
		}
	}
	return 1;
}

void manscdp_text(char *out, size_t room, struct span inside, const char *name)
{
	struct span text = manscdp_field(inside, name);
	size_t n = 0;
	while (text.n > 0) {
		char byte;
		size_t used = decode(text, &byte), more = 1;
		if (used == 1) {
			more = utf8_printable((const char *)text.p, text.n);
			used = more ? more : 1;
		}
		if (n + more >= room)
			break;
		if (more > 1)
			memcpy(out + n, text.p, more);
		else if (more == 1)
			out[n] = byte;
		n += more;
		text = span_rest(text, used);
	}
	out[n] = '\0';
}

int64_t manscdp_number(struct span inside, const char *name)
{
	enum { DIGITS = 9 };
	struct span text = manscdp_field(inside, name);
	int64_t value = 0;
	if (text.n == 0 || text.n > DIGITS)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		if (!isdigit(text.p[i]))
			return -1;
		value = 10 * value + text.p[i] - '0';
	}
	return value;
}

void manscdp_write_query(struct buf *out, const char *command, unsigned sn, const char *id)
{
	buf_printf(out,
		   "<?xml version=\"1.0\" "
		   "encoding=\"GB2312\"?>\r\n<Query>\r\n<CmdType>%s</CmdType>\r\n"
		   "<SN>%u</SN>\r\n<DeviceID>%s</DeviceID>\r\n</Query>\r\n",
		   command, sn, id);
}
