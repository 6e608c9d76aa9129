#include "sip/field.h"

#include <stdio.h>
#include <strings.h>

#define BLANKS " \t"
enum { PORT_MAX = 65535 };

/* ---- words ---- */

bool sip_same_word(struct span a, struct span b)
{
	return a.n == b.n &&
	       (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

bool sip_is_word(struct span a, const char *b)
{
	return sip_same_word(a, span_str(b));
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_made_of(struct span text, const char *others)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_alnum(text.p[i]) && !byte_is_one_of(text.p[i], others))
			return false;
	return text.n > 0;
}

bool sip_is_token(struct span text)
{
	return is_made_of(text, "-.!%*_+`'~");
}

struct span sip_until(struct span *text, char separator)
{
	const uint8_t *at = text->n ? memchr(text->p, separator, text->n) : NULL;
	size_t n = at ? (size_t)(at - text->p) : text->n;
	struct span head = span_head(*text, n);
	*text = span_rest(*text, n + 1);
	return head;
}

/* Behind the quote that ends the text in quotes which begins at i; more than the text has, when none does. */
static size_t end_of_quoted(struct span text, size_t i)
{
	for (i++; i < text.n && text.p[i] != '"'; i++)
		if (text.p[i] == '\\')
			i++;
	return i + 1;
}

static size_t skip_quoted(struct span text, size_t i)
{
	size_t end = end_of_quoted(text, i);
	return end < text.n ? end : text.n;
}

bool sip_quotes_close(struct span text)
{
	size_t i = 0;
	while (i < text.n)
		i = text.p[i] == '"' ? end_of_quoted(text, i) : i + 1;
	return i == text.n;
}

struct span sip_until_outside(struct span *text, char separator)
{
	size_t i = 0;
	bool bracket = false;
	while (i < text->n && (bracket || text->p[i] != separator)) {
		uint8_t c = text->p[i];
		if (c == '"') {
			i = skip_quoted(*text, i);
			continue;
		}
		bracket = c == '<' || (bracket && c != '>');
		i++;
	}
	struct span head = span_head(*text, i);
	*text = span_rest(*text, i + 1);
	return head;
}

struct span sip_next_word(struct span *text)
{
	*text = span_trim(*text, BLANKS);
	size_t n = span_find(*text, BLANKS);
	struct span word = span_head(*text, n);
	*text = span_rest(*text, n);
	return word;
}

bool sip_parameter(struct span parameters, const char *name, struct span *value)
{
	while (parameters.n) {
		struct span one = sip_until_outside(&parameters, ';');
		struct span its_name = span_trim(sip_until(&one, '='), BLANKS);
		if (!sip_is_word(its_name, name))
			continue;
		*value = span_trim(one, BLANKS);
		if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
			*value = span_of(value->p + 1, value->n - 2);
		return true;
	}
	*value = (struct span){0};
	return false;
}

/* ---- addresses ---- */

bool sip_host_port(struct span text, struct span *host, int *port)
{
	const char *others = "-._";
	size_t n = span_find(text, ":");
	if (text.n && text.p[0] == '[') {
		n = span_find(text, "]");
		if (n == text.n || !is_made_of(span_of(text.p + 1, n - 1), ":.%"))
			return false;
		n++;
		others = "[]:.%";
	}
	*host = span_head(text, n);
	*port = 0;
	if (!is_made_of(*host, others) || (n < text.n && text.p[n] != ':'))
		return false;
	if (n < text.n)
		*port = (int)span_number(span_rest(text, n + 1), PORT_MAX);
	return n == text.n || *port > 0;
}

static bool has_blank_or_bracket(struct span text)
{
	return span_find(text, " \t<>\"") < text.n;
}

/* "sip:user:password@host:port;parameters?headers". A '?' or ';' may stand in the user, an '@' nowhere else. */
err sip_uri_parse(struct sip_uri *out, struct span text)
{
	*out = (struct sip_uri){.text = text};
	if (has_blank_or_bracket(text))
		return err_fail(ERR_PROTOCOL, "a URI with a space, a quote or a bracket");
	struct span rest = text, scheme = sip_until(&rest, ':');
	if (!sip_is_word(scheme, "sip") && !sip_is_word(scheme, "sips"))
		return err_fail(ERR_PROTOCOL, "a URI that is not one of SIP");
	const uint8_t *at = rest.n ? memchr(rest.p, '@', rest.n) : NULL;
	if (at) {
		struct span user = sip_until(&rest, '@');
		out->user = sip_until(&user, ':');
	}
	struct span where = span_head(rest, span_find(rest, ";?"));
	if (!sip_host_port(where, &out->host, &out->port))
		return err_fail(ERR_PROTOCOL, "a URI without a valid host");
	return OK;
}

/* Behind the name that may stand before the '<'. */
static bool skip_name(struct span *text)
{
	size_t i = 0;
	while (i < text->n && text->p[i] != '<')
		i = text->p[i] == '"' ? skip_quoted(*text, i) : i + 1;
	if (i == text->n)
		return false;
	*text = span_rest(*text, i + 1);
	return true;
}

err sip_named_uri(struct sip_uri *out, struct span text, struct span *parameters)
{
	struct span first = span_trim(sip_until_outside(&text, ','), BLANKS), rest = first;
	if (!skip_name(&rest)) { /* the URI has no parameters then: they are the header's */
		size_t n = span_find(first, ";");
		*parameters = span_rest(first, n);
		return sip_uri_parse(out, span_trim(span_head(first, n), BLANKS));
	}
	const uint8_t *end = rest.n ? memchr(rest.p, '>', rest.n) : NULL;
	if (!end)
		return err_fail(ERR_PROTOCOL, "a URI in brackets that are not closed");
	struct span uri = sip_until(&rest, '>');
	*parameters = span_trim(rest, BLANKS);
	if (parameters->n && parameters->p[0] != ';')
		return err_fail(ERR_PROTOCOL, "something behind a URI that is no parameter");
	return sip_uri_parse(out, uri);
}

/* Text can be put behind it: no quote is open, and there is no list. */
static bool is_single(struct span text)
{
	struct span rest = text;
	return sip_quotes_close(text) && sip_until_outside(&rest, ',').n == text.n;
}

/* Behind a URI there is no other one; in quotes brackets are text. */
static bool has_bracket_outside(struct span text)
{
	for (size_t i = 0; i < text.n;) {
		if (text.p[i] == '<' || text.p[i] == '>')
			return true;
		i = text.p[i] == '"' ? skip_quoted(text, i) : i + 1;
	}
	return false;
}

err sip_address_parse(struct sip_address *out, struct span text)
{
	struct span parameters;
	*out = (struct sip_address){.text = text};
	if (!is_single(text))
		return err_fail(ERR_PROTOCOL, "not one address");
	TRY(sip_named_uri(&out->uri, text, &parameters));
	if (has_bracket_outside(parameters))
		return err_fail(ERR_PROTOCOL, "a second bracket");
	if (sip_parameter(parameters, "tag", &out->tag) && !sip_is_token(out->tag))
		return err_fail(ERR_PROTOCOL, "a tag that is no token");
	return OK;
}

/* ---- Via ---- */

static enum sip_transport transport_of(struct span name)
{
	if (sip_is_word(name, "UDP"))
		return SIP_UDP;
	return sip_is_word(name, "TCP") ? SIP_TCP : SIP_NO_TRANSPORT;
}

/* "SIP/2.0/UDP host:port;parameters, …" with spaces where RFC 3261 lets them be. */
err sip_via_parse(struct sip_via *out, struct span text)
{
	struct span rport, first = sip_until_outside(&text, ',');
	*out = (struct sip_via){0};
	if (!sip_quotes_close(first))
		return err_fail(ERR_PROTOCOL, "a Via with a quote that is not closed");
	struct span parameters = first;
	first = sip_until(&parameters, ';');
	struct span name = span_trim(sip_until(&first, '/'), BLANKS);
	struct span version = span_trim(sip_until(&first, '/'), BLANKS);
	struct span transport = sip_next_word(&first);
	if (!sip_is_word(name, "SIP") || !span_is(version, "2.0") || !sip_is_token(transport))
		return err_fail(ERR_PROTOCOL, "a Via that is not of SIP/2.0");
	out->transport = transport_of(transport);
	if (!sip_host_port(span_trim(first, BLANKS), &out->host, &out->port))
		return err_fail(ERR_PROTOCOL, "a Via without a valid host");
	(void)sip_parameter(parameters, "branch", &out->branch);
	(void)sip_parameter(parameters, "received", &out->received);
	out->has_rport = sip_parameter(parameters, "rport", &rport);
	int64_t port = span_number(rport, PORT_MAX);
	out->rport = port > 0 ? (int)port : 0;
	return OK;
}
