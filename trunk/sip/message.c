/* A parser for whole messages: where they end is found by sip_frame(), or by the datagram. Both read header lines
 * by the same function, so that they cannot disagree. */
#include "sip/message.h"
#include "sip/field.h"

#include <strings.h>

#define BLANKS " \t"
enum { CSEQ_MAX = INT32_MAX, EXPIRES_MAX = INT32_MAX, STATUS_MIN = 100, STATUS_MAX = 699 };

/* ---- names ---- */

static const char *const methods[] = {
	[SIP_REGISTER] = "REGISTER", [SIP_INVITE] = "INVITE", [SIP_ACK] = "ACK",
	[SIP_BYE] = "BYE",           [SIP_CANCEL] = "CANCEL", [SIP_MESSAGE] = "MESSAGE",
	[SIP_OPTIONS] = "OPTIONS",   [SIP_INFO] = "INFO",     [SIP_SUBSCRIBE] = "SUBSCRIBE",
	[SIP_NOTIFY] = "NOTIFY",
};

enum sip_method sip_method_of(struct span name)
{
	for (int i = SIP_REGISTER; i <= SIP_NOTIFY; i++)
		if (span_is(name, methods[i]))
			return i;
	return SIP_OTHER;
}

const char *sip_method_name(enum sip_method method)
{
	return method == SIP_OTHER ? "" : methods[method];
}

const char *sip_transport_name(enum sip_transport transport)
{
	return transport == SIP_UDP ? "UDP" : transport == SIP_TCP ? "TCP" : "";
}

/* The short forms (RFC 3261, 7.3.3, and 6665). */
static const struct {
	char short_form;
	const char *name;
} short_forms[] = {
	{'i', "Call-ID"},
	{'m', "Contact"},
	{'e', "Content-Encoding"},
	{'l', "Content-Length"},
	{'c', "Content-Type"},
	{'f', "From"},
	{'s', "Subject"},
	{'k', "Supported"},
	{'t', "To"},
	{'v', "Via"},
	{'o', "Event"},
};

static bool is_named(struct span name, const char *full)
{
	if (name.n != 1)
		return sip_is_word(name, full);
	for (size_t i = 0; i < sizeof(short_forms) / sizeof(short_forms[0]); i++)
		if (short_forms[i].short_form == (name.p[0] | 0x20))
			return strcasecmp(short_forms[i].name, full) == 0;
	return false;
}

const struct sip_header *sip_header_next(const struct sip_message *m,
					 const struct sip_header *after, const char *name)
{
	const struct sip_header *end = m->headers + m->header_count;
	for (const struct sip_header *h = after ? after + 1 : m->headers; h < end; h++)
		if (is_named(h->name, name))
			return h;
	return NULL;
}

struct span sip_header_value(const struct sip_message *m, const char *name)
{
	const struct sip_header *h = sip_header_next(m, NULL, name);
	return h ? h->value : (struct span){0};
}

/* ---- lines ---- */

/* Bytes of a head, which line reading changes. */
struct lines {
	uint8_t *p;
	size_t n;
};

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The length of the line without its end, which lies behind `from`; n when it has none. */
static size_t line_length(const struct lines *l, size_t from)
{
	const uint8_t *at = l->n > from ? memmem(l->p + from, l->n - from, "\r\n", 2) : NULL;
	return at ? (size_t)(at - l->p) : l->n;
}

static err check_line(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return err_fail(ERR_PROTOCOL, "a line has control characters");
	return OK;
}

/* Takes a line; one that is folded becomes one line. */
static err take_line(struct lines *l, bool folds, struct span *out)
{
	size_t n = line_length(l, 0);
	while (folds && n > 0 && n + 2 < l->n && is_blank(l->p[n + 2])) {
		l->p[n] = l->p[n + 1] = ' ';
		n = line_length(l, n);
	}
	*out = span_of(l->p, n);
	size_t taken = n + 2 < l->n ? n + 2 : l->n;
	l->p += taken;
	l->n -= taken;
	return check_line(*out);
}

static err take_header(struct lines *l, struct sip_header *out)
{
	struct span line;
	TRY(take_line(l, true, &line));
	if (span_find(line, ":") == line.n || is_blank(line.p[0]))
		return err_fail(ERR_PROTOCOL, "a line that is no header");
	out->name = span_trim(sip_until(&line, ':'), BLANKS);
	out->value = span_trim(line, BLANKS);
	if (!sip_is_token(out->name))
		return err_fail(ERR_PROTOCOL, "a header without a valid name");
	return OK;
}

/* The length of the head with its empty line; 0: its end has not come yet. */
static size_t head_length(const uint8_t *p, size_t n)
{
	const uint8_t *at = n ? memmem(p, n, "\r\n\r\n", 4) : NULL;
	return at ? (size_t)(at - p) + 4 : 0;
}

static size_t count_line_ends(const uint8_t *p, size_t n)
{
	size_t i = 0;
	while (i < n && (p[i] == '\r' || p[i] == '\n'))
		i++;
	return i;
}

/* ---- the start line ---- */

static err read_status(struct sip_message *m, struct span line)
{
	struct span number = sip_until(&line, ' ');
	m->status = (int)span_number(number, STATUS_MAX);
	if (number.n != 3 || m->status < STATUS_MIN)
		return err_fail(ERR_PROTOCOL, "a response without a valid status");
	m->reason = span_trim(line, BLANKS);
	return OK;
}

static err read_start(struct sip_message *m, struct span line)
{
	struct span first = sip_until(&line, ' ');
	if (sip_is_word(first, "SIP/2.0"))
		return read_status(m, line);
	struct span uri = sip_until(&line, ' ');
	m->is_request = true;
	m->method_name = first;
	m->method = sip_method_of(first);
	if (!sip_is_token(first) || !sip_is_word(line, "SIP/2.0"))
		return err_fail(ERR_PROTOCOL, "it begins like no message of SIP/2.0");
	return sip_uri_parse(&m->uri, uri);
}

/* ---- headers ---- */

/* Such a header is there once, or malformed; *out stays NULL without one. */
static err the_only(const struct sip_message *m, const char *name, const struct sip_header **out)
{
	*out = sip_header_next(m, NULL, name);
	if (*out && sip_header_next(m, *out, name))
		return err_fail(ERR_PROTOCOL, "more than one %s", name);
	return OK;
}

static err the_one(const struct sip_message *m, const char *name, struct span *value)
{
	const struct sip_header *h;
	TRY(the_only(m, name, &h));
	if (!h || h->value.n == 0)
		return err_fail(ERR_PROTOCOL, "no %s", name);
	*value = h->value;
	return OK;
}

static err read_parties(struct sip_message *m)
{
	struct span from, to;
	TRY(the_one(m, "From", &from));
	TRY(the_one(m, "To", &to));
	err e = sip_address_parse(&m->from, from);
	if (e)
		return err_add(e, "From");
	e = sip_address_parse(&m->to, to);
	if (e)
		return err_add(e, "To");
	if (m->is_request && m->from.tag.n == 0)
		return err_fail(ERR_PROTOCOL, "From has no tag");
	return OK;
}

static err read_sequence(struct sip_message *m)
{
	struct span value;
	TRY(the_one(m, "Call-ID", &m->call_id));
	if (span_find(m->call_id, BLANKS) < m->call_id.n)
		return err_fail(ERR_PROTOCOL, "a Call-ID with spaces");
	TRY(the_one(m, "CSeq", &value));
	int64_t number = span_number(sip_next_word(&value), CSEQ_MAX);
	m->cseq = (uint32_t)number;
	m->cseq_method_name = span_trim(value, BLANKS);
	m->cseq_method = sip_method_of(m->cseq_method_name);
	if (number < 0 || !sip_is_token(m->cseq_method_name))
		return err_fail(ERR_PROTOCOL, "a CSeq that is not a number and a method");
	if (m->is_request &&
	    (m->cseq_method != m->method || !sip_same_word(m->cseq_method_name, m->method_name)))
		return err_fail(ERR_PROTOCOL, "CSeq names another method");
	return OK;
}

/* Too many seconds are many; what is no number is as good as missing (RFC 3261, 20.19). */
static int64_t seconds(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return -1;
	if (value.n == 0)
		return -1;
	int64_t n = span_number(value, EXPIRES_MAX);
	return n < 0 ? EXPIRES_MAX : n;
}

static err read_contact(struct sip_message *m)
{
	struct span value = sip_header_value(m, "Contact"), parameters, expires;
	m->expires = seconds(sip_header_value(m, "Expires"));
	m->contact_is_any = span_is(value, "*");
	if (value.n == 0 || m->contact_is_any)
		return OK;
	err e = sip_named_uri(&m->contact, value, &parameters);
	if (e)
		return err_add(e, "Contact");
	m->has_contact = true;
	if (sip_parameter(parameters, "expires", &expires) && seconds(expires) >= 0)
		m->expires = seconds(expires);
	return OK;
}

static err read_via(struct sip_message *m)
{
	struct span value = sip_header_value(m, "Via");
	if (value.n == 0)
		return err_fail(ERR_PROTOCOL, "no Via");
	return sip_via_parse(&m->via, value);
}

/* -1: there is none. */
static err content_length(const struct sip_message *m, int64_t *out)
{
	const struct sip_header *h;
	*out = -1;
	TRY(the_only(m, "Content-Length", &h));
	if (!h)
		return OK;
	*out = span_number(h->value, INT32_MAX);
	return *out < 0 ? err_fail(ERR_PROTOCOL, "a Content-Length that is no length") : OK;
}

static err read_body(struct sip_message *m, struct span rest, size_t body_max)
{
	int64_t n;
	TRY(content_length(m, &n));
	if (n > (int64_t)rest.n)
		return err_fail(ERR_PROTOCOL, "%zu bytes of a body of %lld", rest.n, (long long)n);
	m->body = n < 0 ? rest : span_head(rest, (size_t)n);
	if (m->body.n > body_max)
		return err_fail(ERR_LIMIT, "a body of %zu bytes", m->body.n);
	m->content_type = sip_header_value(m, "Content-Type");
	m->authorization = sip_header_value(m, "Authorization");
	return OK;
}

/* ---- messages ---- */

static err read_headers(struct sip_message *m, struct lines *l)
{
	while (l->n > 2) {
		if (m->header_count == SIP_HEADERS_MAX)
			return err_fail(ERR_LIMIT, "more than %d headers", SIP_HEADERS_MAX);
		TRY(take_header(l, &m->headers[m->header_count]));
		m->header_count++;
	}
	return OK;
}

static err find_head(const uint8_t *p, size_t n, size_t *length)
{
	*length = head_length(p, n < SIP_HEAD_MAX ? n : SIP_HEAD_MAX);
	if (*length == 0 && n >= SIP_HEAD_MAX)
		return err_fail(ERR_LIMIT, "a head of more than %d bytes", SIP_HEAD_MAX);
	return OK;
}

err sip_parse(struct sip_message *m, uint8_t *text, size_t n, size_t body_max)
{
	size_t skip = count_line_ends(text, n), head;
	struct span start;
	m->header_count = 0;
	memset(m, 0, offsetof(struct sip_message, headers));
	TRY(find_head(text + skip, n - skip, &head));
	if (head == 0)
		return err_fail(ERR_PROTOCOL, "a head without an end");
	struct lines l = {text + skip, head};
	TRY(take_line(&l, false, &start));
	TRY(read_start(m, start));
	TRY(read_headers(m, &l));
	TRY(read_via(m));
	TRY(read_parties(m));
	TRY(read_sequence(m));
	TRY(read_contact(m));
	return read_body(m, span_rest(span_of(text, n), skip + head), body_max);
}

/* Of a head that is whole. */
static err stream_length(uint8_t *p, size_t head, size_t *body)
{
	struct lines l = {p, head};
	struct span start;
	int64_t length = -1;
	TRY(take_line(&l, false, &start));
	while (l.n > 2) {
		struct sip_header h;
		TRY(take_header(&l, &h));
		if (!is_named(h.name, "Content-Length"))
			continue;
		if (length >= 0)
			return err_fail(ERR_PROTOCOL, "more than one Content-Length");
		length = span_number(h.value, INT32_MAX);
		if (length < 0)
			return err_fail(ERR_PROTOCOL, "a Content-Length that is no length");
	}
	if (length < 0)
		return err_fail(ERR_PROTOCOL, "no Content-Length");
	*body = (size_t)length;
	return OK;
}

err sip_frame(struct sip_frame *out, uint8_t *bytes, size_t n, size_t body_max)
{
	size_t head, body = 0;
	*out = (struct sip_frame){.skip = count_line_ends(bytes, n)};
	TRY(find_head(bytes + out->skip, n - out->skip, &head));
	if (head == 0)
		return OK;
	TRY(stream_length(bytes + out->skip, head, &body));
	if (body > body_max)
		return err_fail(ERR_LIMIT, "a body of %zu bytes", body);
	out->length = head + body;
	return OK;
}
