#include "sip/write.h"
#include "sip/field.h"

#include <stdio.h>

/* ---- pieces ---- */

static bool is_control(uint8_t c)
{
	return c < ' ' || c == 0x7f;
}

static void put(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\t')
			buf_put(out, " ", 1);
		else if (!is_control(text.p[i]))
			buf_put(out, text.p + i, 1);
}

static void put_text(struct buf *out, const char *text)
{
	put(out, span_str(text));
}

static void put_header(struct buf *out, const char *name, struct span value)
{
	put_text(out, name);
	buf_put(out, ": ", 2);
	put(out, value);
	buf_put(out, "\r\n", 2);
}

static bool is_line(struct span line)
{
	struct span name = sip_until(&line, ':');
	if (!sip_is_token(name) || !line.p)
		return false;
	for (size_t i = 0; i < line.n; i++)
		if (is_control(line.p[i]) && line.p[i] != '\t')
			return false;
	return true;
}

bool sip_lines_ok(const char *lines)
{
	while (*lines) {
		const char *end = strstr(lines, "\r\n");
		if (!end || !is_line(span_of(lines, (size_t)(end - lines))))
			return false;
		lines = end + 2;
	}
	return true;
}

static void put_rest(struct buf *out, const char *headers, const char *content_type,
		     struct span body)
{
	if (headers && sip_lines_ok(headers))
		buf_put(out, headers, strlen(headers));
	if (content_type)
		put_header(out, "Content-Type", span_str(content_type));
	buf_printf(out, "Content-Length: %zu\r\n\r\n", body.n);
	buf_put(out, body.p, body.n);
}

/* ---- responses ---- */

static void put_top_via(struct buf *out, struct span top, const struct sip_via *via,
			const struct addr *peer)
{
	char ip[ADDR_TEXT_MAX], host[HOST_MAX];
	put(out, span_trim(sip_until(&top, ';'), " \t"));
	while (top.n) {
		struct span one = sip_until_outside(&top, ';'), rest = one;
		struct span name = span_trim(sip_until(&rest, '='), " \t");
		if (sip_is_word(name, "rport") || sip_is_word(name, "received"))
			continue;
		buf_put(out, ";", 1);
		put(out, span_trim(one, " \t"));
	}
	addr_ip(ip, peer);
	snprintf(host, sizeof(host), strchr(ip, ':') ? "[%s]" : "%s", ip);
	if (via->has_rport || !span_is(via->host, host))
		buf_printf(out, ";received=%s", ip);
	if (via->has_rport)
		buf_printf(out, ";rport=%d", addr_port(peer));
}

static void put_vias(struct buf *out, const struct sip_message *request, const struct addr *peer)
{
	const struct sip_header *h = sip_header_next(request, NULL, "Via");
	if (!h)
		return;
	struct span others = h->value, top = sip_until_outside(&others, ',');
	buf_put(out, "Via: ", 5);
	put_top_via(out, top, &request->via, peer);
	if (others.n) {
		buf_put(out, ",", 1);
		put(out, others);
	}
	buf_put(out, "\r\n", 2);
	while ((h = sip_header_next(request, h, "Via")))
		put_header(out, "Via", h->value);
}

void sip_write_response(struct buf *out, const struct sip_message *request,
			const struct sip_answer *answer, const struct addr *peer, const char *tag,
			const char *agent)
{
	const char *reason = answer->reason ? answer->reason : sip_status_text(answer->status);
	buf_printf(out, "SIP/2.0 %d ", answer->status);
	put_text(out, reason);
	buf_put(out, "\r\n", 2);
	put_vias(out, request, peer);
	put_header(out, "From", request->from.text);
	buf_put(out, "To: ", 4);
	put(out, request->to.text);
	if (request->to.tag.n == 0)
		buf_printf(out, ";tag=%s", tag);
	buf_put(out, "\r\n", 2);
	put_header(out, "Call-ID", request->call_id);
	buf_printf(out, "CSeq: %u ", request->cseq);
	put(out, request->cseq_method_name);
	buf_put(out, "\r\n", 2);
	if (agent)
		put_header(out, "User-Agent", span_str(agent));
	put_rest(out, answer->headers, answer->content_type, answer->body);
}

/* ---- requests ---- */

static void put_party(struct buf *out, const char *name, const char *uri, const char *tag)
{
	buf_printf(out, "%s: <", name);
	put_text(out, uri);
	buf_put(out, ">", 1);
	if (*tag) {
		buf_put(out, ";tag=", 5);
		put_text(out, tag);
	}
	buf_put(out, "\r\n", 2);
}

void sip_write_request(struct buf *out, const struct sip_outline *r)
{
	put_text(out, r->method);
	buf_put(out, " ", 1);
	put_text(out, r->uri);
	buf_printf(out, " SIP/2.0\r\nVia: SIP/2.0/%s ", sip_transport_name(r->transport));
	put_text(out, r->sent_by);
	buf_printf(out, ";rport;branch=%s\r\n", r->branch);
	put_party(out, "From", r->from_uri, r->from_tag);
	put_party(out, "To", r->to_uri, r->to_tag);
	put_header(out, "Call-ID", span_str(r->call_id));
	buf_printf(out, "CSeq: %u %s\r\nMax-Forwards: 70\r\n", r->cseq, r->method);
	if (r->contact)
		put_party(out, "Contact", r->contact, "");
	if (r->agent)
		put_header(out, "User-Agent", span_str(r->agent));
	put_rest(out, r->headers, r->content_type, r->body);
}

/* ---- words ---- */

const char *sip_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} known[] = {
		{100, "Trying"},
		{180, "Ringing"},
		{200, "OK"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{413, "Request Entity Too Large"},
		{415, "Unsupported Media Type"},
		{423, "Interval Too Brief"},
		{480, "Temporarily Unavailable"},
		{481, "Call/Transaction Does Not Exist"},
		{486, "Busy Here"},
		{487, "Request Terminated"},
		{488, "Not Acceptable Here"},
		{500, "Server Internal Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == status)
			return known[i].text;
	return "";
}
