#include "srt/stream_id.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char marker[] = "#!::";

const char *stream_id_fault_text(enum stream_id_fault fault)
{
	static const char *const texts[STREAM_ID_FAULTS] = {
		[STREAM_ID_OK] = "is fine",
		[STREAM_ID_TOO_LONG] = "is longer than it may be",
		[STREAM_ID_CHARACTERS] = "has characters that no text has",
		[STREAM_ID_SYNTAX] = "is not '#!::key=value,…', and no name either",
		[STREAM_ID_NO_STREAM] = "names no stream (r=app/stream)",
		[STREAM_ID_MODE] = "has a mode (m=) other than publish and request",
		[STREAM_ID_NUMBER] = "has a program or audio that is no number from 1 to 65535",
	};
	return texts[fault];
}

/* ---- texts ---- */

/* A part of the id. */
struct id_part {
	const char *p;
	size_t n;
};

static struct id_part part_of(const char *text)
{
	return (struct id_part){text, strlen(text)};
}

/* The text in front of the first of these characters; *rest is the text behind it. */
static struct id_part cut(struct id_part *rest, const char *at)
{
	size_t n = 0;
	while (n < rest->n && !strchr(at, rest->p[n]))
		n++;
	struct id_part head = {rest->p, n};
	size_t skip = n < rest->n ? n + 1 : n;
	*rest = (struct id_part){rest->p + skip, rest->n - skip};
	return head;
}

static bool is_word(struct id_part part, const char *word)
{
	return part.n == strlen(word) && strncasecmp(part.p, word, part.n) == 0;
}

static bool keep(char *out, size_t room, struct id_part part)
{
	if (part.n >= room)
		return false;
	if (part.n > 0)
		memcpy(out, part.p, part.n);
	out[part.n] = '\0';
	return true;
}

static size_t count(struct id_part part, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < part.n; i++)
		n += part.p[i] == c;
	return n;
}

static bool is_text(const char *text)
{
	size_t left = strlen(text), n = 1;
	for (; left > 0 && n > 0; text += n, left -= n)
		n = utf8_printable(text, left);
	return n > 0;
}

/* ---- what it names ---- */

/* No part of a path may be empty, or mean another one. */
static bool is_path(struct id_part path)
{
	if (path.n == 0)
		return false;
	for (;;) {
		size_t left = path.n;
		struct id_part one = cut(&path, "/");
		if (one.n == 0 || is_word(one, ".") || is_word(one, ".."))
			return false;
		if (one.n == left)
			return true;
	}
}

static enum stream_id_fault take_resource(struct stream_id *id, struct id_part path,
					  const struct stream_id_defaults *defaults)
{
	if (path.n > 0 && *path.p == '/')
		path = (struct id_part){path.p + 1, path.n - 1};
	if (!is_path(path))
		return STREAM_ID_NO_STREAM;
	struct id_part app = part_of(defaults->app);
	if (count(path, '/') > 0)
		app = cut(&path, "/");
	return keep(id->app, sizeof(id->app), app) && keep(id->stream, sizeof(id->stream), path)
		       ? STREAM_ID_OK
		       : STREAM_ID_TOO_LONG;
}

/* "vhost", or in former versions of SRS "app/stream" and "vhost/app/stream". */
static enum stream_id_fault take_host(struct stream_id *id, struct id_part host,
				      const struct stream_id_defaults *defaults)
{
	size_t slashes = count(host, '/');
	struct id_part name = {0};
	if (slashes != 1)
		name = cut(&host, "/");
	if (slashes >= 1) {
		enum stream_id_fault fault = take_resource(id, host, defaults);
		if (fault)
			return fault;
	}
	return keep(id->vhost, sizeof(id->vhost), name) ? STREAM_ID_OK : STREAM_ID_TOO_LONG;
}

static enum stream_id_fault take_mode(struct stream_id *id, struct id_part mode)
{
	if (is_word(mode, "publish"))
		id->mode = STREAM_ID_PUBLISH;
	else if (is_word(mode, "request"))
		id->mode = STREAM_ID_REQUEST;
	else
		return STREAM_ID_MODE;
	return STREAM_ID_OK;
}

/* ---- parameters ---- */

/* The room was looked at before. */
static char *put_escaped(char *at, struct id_part part)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];
		if (isalnum(c) || (c && strchr("-._~:/@,", c))) {
			*at++ = (char)c;
			continue;
		}
		*at++ = '%';
		*at++ = digits[c >> 4];
		*at++ = digits[c & 15];
	}
	return at;
}

static void put_parameter(struct stream_id *id, struct id_part key, struct id_part value)
{
	size_t n = strlen(id->query);
	char *at = id->query + n;
	if (n + 3 * (key.n + value.n) + 3 > sizeof(id->query))
		return; /* an id of the length that is allowed does not come here */
	if (n > 0)
		*at++ = '&';
	at = put_escaped(at, key);
	*at++ = '=';
	at = put_escaped(at, value);
	*at = '\0';
}

/* -1: it is none. */
static int number_of(struct id_part value)
{
	int n = 0;
	for (size_t i = 0; i < value.n; i++) {
		if (!isdigit((unsigned char)value.p[i]))
			return -1;
		n = 10 * n + value.p[i] - '0';
		if (n > UINT16_MAX)
			return -1;
	}
	return n > 0 ? n : -1;
}

/* What the server knows is judged at the end: it means something for publishers alone. */
static void take_parameter(struct stream_id *id, struct id_part key, struct id_part value)
{
	if (is_word(key, "program"))
		id->program = number_of(value);
	if (is_word(key, "audio"))
		id->audio = number_of(value);
	put_parameter(id, key, value);
}

static enum stream_id_fault take_pair(struct stream_id *id, struct id_part pair,
				      const struct stream_id_defaults *defaults)
{
	struct id_part key = cut(&pair, "=");
	if (key.n == 0)
		return STREAM_ID_SYNTAX;
	if (is_word(key, "r"))
		return take_resource(id, pair, defaults);
	if (is_word(key, "h"))
		return take_host(id, pair, defaults);
	if (is_word(key, "m"))
		return take_mode(id, pair);
	take_parameter(id, key, pair);
	return STREAM_ID_OK;
}

static void take_query(struct stream_id *id, struct id_part query)
{
	while (query.n > 0) {
		struct id_part pair = cut(&query, "&");
		struct id_part key = cut(&pair, "=");
		if (key.n > 0)
			take_parameter(id, key, pair);
	}
}

/* ---- the forms ---- */

static enum stream_id_fault parse_pairs(struct stream_id *id, struct id_part rest,
					const struct stream_id_defaults *defaults)
{
	while (rest.n > 0) {
		struct id_part pair = cut(&rest, ",&;?");
		enum stream_id_fault fault = pair.n ? take_pair(id, pair, defaults) : STREAM_ID_OK;
		if (fault)
			return fault;
	}
	return *id->stream ? STREAM_ID_OK : STREAM_ID_NO_STREAM;
}

/* "publish:path:user:password" behind its first colon. */
static enum stream_id_fault parse_colons(struct stream_id *id, struct id_part rest,
					 const struct stream_id_defaults *defaults)
{
	struct id_part path = cut(&rest, ":"), user = cut(&rest, ":");
	if (user.n > 0)
		put_parameter(id, part_of("user"), user);
	if (rest.n > 0)
		put_parameter(id, part_of("pass"), rest);
	return take_resource(id, path, defaults);
}

static enum stream_id_fault parse_plain(struct stream_id *id, struct id_part rest,
					const struct stream_id_defaults *defaults)
{
	struct id_part path = cut(&rest, "?");
	struct id_part colons = path, word = cut(&colons, ":");
	bool is_publish = is_word(word, "publish");
	if (word.n < path.n && (is_publish || is_word(word, "read"))) {
		id->mode = is_publish ? STREAM_ID_PUBLISH : STREAM_ID_REQUEST;
		enum stream_id_fault fault = parse_colons(id, colons, defaults);
		take_query(id, rest);
		return fault;
	}
	id->mode = defaults->mode;
	take_query(id, rest);
	return take_resource(id, path, defaults);
}

static enum stream_id_fault parse_form(struct stream_id *out, const char *id,
				       const struct stream_id_defaults *defaults)
{
	if (strncmp(id, marker, sizeof(marker) - 1) == 0)
		return parse_pairs(out, part_of(id + sizeof(marker) - 1), defaults);
	if (*id == '#')
		return STREAM_ID_SYNTAX;
	return parse_plain(out, part_of(id), defaults);
}

enum stream_id_fault stream_id_parse(struct stream_id *out, const char *text,
				     const struct stream_id_defaults *defaults)
{
	const char *id = *text ? text : defaults->stream_id;
	*out = (struct stream_id){0};
	if (strlen(id) > STREAM_ID_BYTES)
		return STREAM_ID_TOO_LONG;
	if (!is_text(id))
		return STREAM_ID_CHARACTERS;
	enum stream_id_fault fault = parse_form(out, id, defaults);
	if (fault || out->mode != STREAM_ID_PUBLISH)
		return fault;
	return out->program < 0 || out->audio < 0 ? STREAM_ID_NUMBER : STREAM_ID_OK;
}
