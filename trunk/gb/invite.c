#include "gb/invite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gb_offer_write(struct buf *out, const struct gb_offer *o)
{
	const char *family = strchr(o->ip, ':') ? "IP6" : "IP4";
	buf_printf(out, "v=0\r\no=%s 0 0 IN %s %s\r\ns=Play\r\nc=IN %s %s\r\nt=0 0\r\n", o->owner,
		   family, o->ip, family, o->ip);
	buf_printf(out, "m=video %d %s 96\r\na=recvonly\r\na=rtpmap:96 PS/90000\r\n", o->port,
		   o->media == GB_MEDIA_UDP ? "RTP/AVP" : "TCP/RTP/AVP");
	if (o->media != GB_MEDIA_UDP)
		buf_printf(out, "a=setup:%s\r\na=connection:new\r\n",
			   o->media == GB_MEDIA_TCP ? "passive" : "active");
	buf_printf(out, "y=%010u\r\n", o->ssrc);
}

void gb_subject_write(struct buf *out, const char *channel, uint32_t ssrc, const char *server)
{
	buf_printf(out, "%s:%010u,%s:0", channel, ssrc, server);
}

/* ---- answers ---- */

static struct span next_line(struct span *rest)
{
	size_t n = span_find(*rest, "\r\n");
	struct span line = span_head(*rest, n);
	*rest = span_trim(span_rest(*rest, n), "\r\n");
	return line;
}

/* A number at the beginning of the text; -1 without one. */
static int64_t number(struct span s, int64_t max)
{
	int64_t value = -1;
	for (size_t i = 0; i < s.n && isdigit(s.p[i]); i++) {
		value = 10 * (value < 0 ? 0 : value) + s.p[i] - '0';
		if (value > max)
			return -1;
	}
	return value;
}

static void take_media(struct gb_answer *out, struct span value)
{
	int64_t port = number(span_rest(value, strlen("video ")), 65535);
	if (span_starts(value, "video ") && port > 0 && !out->port)
		out->port = (int)port;
}

static void take_address(struct gb_answer *out, struct span value)
{
	struct addr addr;
	char ip[ADDR_TEXT_MAX];
	size_t head = strlen("IN IP4 ");
	struct span text = span_trim(span_rest(value, head), " \t");
	if (!span_starts(value, "IN IP") || text.n == 0 || text.n >= sizeof(ip))
		return;
	memcpy(ip, text.p, text.n);
	ip[text.n] = '\0';
	if (addr_literal(&addr, ip, 1) && !addr_is_any(&addr))
		memcpy(out->ip, ip, sizeof(ip));
}

void gb_answer_read(struct gb_answer *out, struct span sdp)
{
	*out = (struct gb_answer){0};
	while (sdp.n > 0) {
		struct span line = next_line(&sdp), value = span_rest(line, 2);
		if (line.n < 3 || line.p[1] != '=')
			continue;
		int64_t ssrc;
		switch (line.p[0]) {
		case 'y':
			ssrc = number(span_trim(value, " \t"), UINT32_MAX);
			out->has_ssrc |= ssrc > 0;
			out->ssrc = ssrc > 0 ? (uint32_t)ssrc : out->ssrc;
			break;
		case 'm':
			take_media(out, value);
			break;
		case 'c':
			take_address(out, value);
			break;
		default:
			break;
		}
	}
}

uint32_t gb_ssrc(const char *server_id, unsigned own)
{
	enum { AT = 3, DIGITS = 5 };
	char digits[DIGITS + 1] = "";
	if (strlen(server_id) >= AT + DIGITS)
		snprintf(digits, sizeof(digits), "%s", server_id + AT);
	return (uint32_t)strtoul(digits, NULL, 10) * GB_SSRC_OWN + own % GB_SSRC_OWN;
}
