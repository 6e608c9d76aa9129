/* Percent-encoding, and the parameters of a query. */
#include "base/mem.h"
#include "codec/url.h"

enum { TEXT_MAX = URL_MAX - 1 }; /* one more byte is the NUL */

/* Takes the next "name=value" from *s; false behind the last one. */
static bool next_param(struct span *one, struct span *name, struct span *s)
{
	if (s->n == 0)
		return false;
	size_t n = span_find(*s, "&");
	*one = span_head(*s, n);
	*name = span_head(*one, span_find(*one, "="));
	*s = span_rest(*s, n + 1);
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
			return url_unescape(out, cap, span_rest(one, key.n + 1)) == OK;
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
	       byte_is_one_of(c, "-._~:/@,"); /* the last four mean nothing in a query or a path */
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

int url_escaped_byte(struct span s)
{
	int high = s.n >= 3 && s.p[0] == '%' ? hex(s.p[1]) : -1;
	int low = high >= 0 ? hex(s.p[2]) : -1;
	return low >= 0 ? high << 4 | low : -1;
}

char *url_name(const char *plain)
{
	struct buf b = {.max = 4 * strlen(plain) + 1};
	for (const char *s = plain; *s; s++) {
		buf_u8(&b, (uint8_t)*s);
		if (url_escaped_byte(span_str(s)) >= 0)
			buf_put(&b, "25", 2);
	}
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

err url_unescape(char *out, size_t cap, struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int c = s.p[i];
		if (c == '%') {
			c = url_escaped_byte(span_rest(s, i));
			i += 2;
		}
		if (c < 0)
			return err_fail(ERR_PROTOCOL, "a broken %% in a URL");
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
