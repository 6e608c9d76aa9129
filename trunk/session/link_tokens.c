/* Formats whose links carry a list of conditions besides the time: Wowza, Akamai, JSON web tokens. */
#include "base/mem.h"
#include "codec/url.h"
#include "node/json.h"
#include "session/link_digest.h"
#include "session/link_formats.h"
#include "session/link_public.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 512, JWT_MAX = 4096 };

/* ---- Wowza ---- */

enum { WOWZA_PARAMS = 16 };

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The parameters of that prefix, apart from its hash, into `out`; cuts `query` into them. -1: too many. They are told
 * apart as link_param() does it: what is signed must be what is read. */
static int wowza_params(const char **out, char *query, const char *prefix)
{
	size_t n = strlen(prefix);
	int count = 0;
	char *rest = query + (*query == '?');
	for (char *one; (one = strsep(&rest, "&"));) {
		if (strncmp(one, prefix, n) != 0 || strncmp(one + n, "hash=", 5) == 0)
			continue;
		if (count == WOWZA_PARAMS)
			return -1;
		out[count++] = one;
	}
	return count;
}

static const char *wowza_time(const struct conf_signed_links *conf, const struct link_ask *ask,
			      const char *prefix)
{
	char name[80], t[24];
	int64_t s;
	snprintf(name, sizeof(name), "%sstarttime", prefix);
	if (link_param(t, sizeof(t), ask->param, name) &&
	    (!link_number(&s, t, 10) || s > ask->now_s))
		return link_early;
	snprintf(name, sizeof(name), "%sendtime", prefix);
	if (!link_param(t, sizeof(t), ask->param, name))
		return link_unreadable;
	if (link_number(&s, t, 10) && s == 0)
		return NULL; /* it has no end */
	return link_digits(conf, ask, t, 10);
}

static struct link_digest wowza_digest(const struct link_ask *ask, const char **parts, int count)
{
	struct buf text = {.max = 2 * URL_MAX};
	qsort(parts, (size_t)count, sizeof(*parts), by_text);
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? "&" : "", parts[i]);
	struct link_digest d = {
		0}; /* of what does not fit there is none: the key would not be in it */
	if (buf_ok(&text))
		d = link_hash(LINK_SHA256, "%s/%s?%s", ask->app, ask->stream, buf_text(&text));
	buf_free(&text);
	return d;
}

/* ?PREFIXendtime=…&PREFIXhash=BASE64URL: SHA-256 of "app/stream?" and, in their order, the key and all
 * parameters of that prefix; the client's address too, where links are bound. */
const char *link_check_wowza(const struct conf_signed_links *conf, const struct link_ask *ask,
			     const struct link_key *key)
{
	const char *prefix = link_parameter(conf), *parts[WOWZA_PARAMS + 2];
	char name[80], said[LINK_B64_MAX], expected[LINK_B64_MAX];
	snprintf(name, sizeof(name), "%shash", prefix);
	if (!link_param(said, sizeof(said), ask->param, name))
		return link_missing;
	char *query = mem_strdup(ask->param);
	int count = wowza_params(parts, query, prefix);
	struct link_digest d = {0};
	if (count >= 0) {
		parts[count++] = key->secret;
		if (conf->bind_address)
			parts[count++] = ask->ip;
		d = wowza_digest(ask, parts, count);
	}
	free(query);
	link_base64(expected, &d, strchr(said, '=') != NULL);
	return link_same(expected, said) ? wowza_time(conf, ask, prefix) : link_wrong;
}

/* ---- Akamai ---- */

/* The value of "name=" between tildes, or NULL. */
static const char *akamai_field(char *out, size_t cap, const char *token, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = token; *p; p += strcspn(p, "~"), p += *p == '~') {
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		snprintf(out, cap, "%.*s", (int)strcspn(p + n + 1, "~"), p + n + 1);
		return out;
	}
	return NULL;
}

/* Access lists are patterns, several with '!' between them; '*' at the end of one stands for the rest. */
static bool acl_allows(char *acl, const char *path)
{
	for (char *one; (one = strsep(&acl, "!"));) {
		size_t n = strlen(one);
		bool open = n > 0 && one[n - 1] == '*';
		if (open ? strncmp(one, path, n - 1) == 0 : strcmp(one, path) == 0)
			return true;
	}
	return false;
}

static const char *akamai_time(const struct conf_signed_links *conf, const struct link_ask *ask,
			       const char *token)
{
	char t[24];
	int64_t start;
	if (akamai_field(t, sizeof(t), token, "st") &&
	    (!link_number(&start, t, 10) || start > ask->now_s))
		return link_early;
	if (!akamai_field(t, sizeof(t), token, "exp"))
		return link_unreadable;
	return link_digits(conf, ask, t, 10);
}

/* ?hdnts=st=…~exp=…~acl=/live/…*~hmac=HEX: HMAC-SHA256 of what stands before, by a key in hexadecimal. */
const char *link_check_akamai(const struct conf_signed_links *conf, const struct link_ask *ask,
			      const struct link_key *key)
{
	char token[VALUE_MAX], acl[VALUE_MAX], ip[64];
	unsigned char secret[128];
	size_t n;
	if (!link_param(token, sizeof(token), ask->param, link_parameter(conf)))
		return link_missing;
	char *hmac = strstr(token, "~hmac=");
	if (!hmac || !link_hex_read(secret, sizeof(secret), &n, key->secret))
		return link_unreadable;
	struct link_digest d =
		link_hmac(span_of(secret, n), span_of(token, (size_t)(hmac - token)));
	*hmac = '\0';
	const char *bad = link_compare(&d, hmac + strlen("~hmac="));
	if (bad)
		return bad;
	if (!akamai_field(acl, sizeof(acl), token, "acl") || !acl_allows(acl, ask->path))
		return link_other;
	if (akamai_field(ip, sizeof(ip), token, "ip") && strcmp(ip, ask->ip) != 0)
		return link_other;
	return akamai_time(conf, ask, token);
}

/* ---- JWT ---- */

static json_t *jwt_part(struct span text)
{
	size_t n;
	unsigned char *plain = mem_alloc(JWT_MAX);
	bool ok = link_base64_read(plain, JWT_MAX, &n, text);
	json_t *value = ok ? json_read(span_of(plain, n)) : NULL;
	free(plain);
	return value;
}

static bool claim_is(const json_t *claims, const char *name, const char *want)
{
	const json_t *value = json_object_get(claims, name);
	return !value || (json_is_string(value) && strcmp(json_string_value(value), want) == 0);
}

static const char *check_claims(const struct conf_signed_links *conf, const struct link_ask *ask,
				const json_t *claims)
{
	char *path = mem_printf("/%s/%s", ask->app, ask->stream);
	const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
	bool is_path = json_object_get(claims, "path") && claim_is(claims, "path", path);
	free(path);
	if (!is_path ||
	    !claim_is(claims, "action", ask->action == LINK_PUBLISH ? "publish" : "play") ||
	    (conf->bind_address && !json_object_get(claims, "ip")) ||
	    !claim_is(claims, "ip", ask->ip))
		return link_other;
	if (nbf && (!json_is_number(nbf) || json_number_value(nbf) > (double)ask->now_s))
		return link_early;
	if (!json_is_number(exp) || json_number_value(exp) < 0 || json_number_value(exp) > 1e15)
		return link_unreadable;
	return link_time(conf, ask, (int64_t)json_number_value(exp));
}

static const char *check_parts(const struct conf_signed_links *conf, const struct link_ask *ask,
			       const char *name, struct span header, struct span claims)
{
	json_t *head = jwt_part(header), *body = jwt_part(claims);
	const char *alg = json_string_value(json_object_get(head, "alg"));
	const char *bad = !alg || strcmp(alg, name) != 0 || !json_is_object(body)
				  ? link_unreadable
				  : check_claims(conf, ask, body);
	json_decref(head);
	json_decref(body);
	return bad;
}

/* Cuts at the last dot, in front of the signature; NULL: there are not three parts. */
static char *cut_signature(char *token)
{
	char *first = strchr(token, '.'), *last = strrchr(token, '.');
	if (!first || first == last)
		return NULL;
	*last = '\0';
	return last + 1;
}

/* *name is the algorithm of the key. A public key is no common secret: everybody may know it. */
static bool is_signed(const char **name, const struct link_key *key, const char *token,
		      const char *sig)
{
	char expected[LINK_B64_MAX];
	struct link_public *public = link_public_read(key->secret);
	if (public) {
		bool good = link_public_verify(public, span_str(token), sig);
		*name = link_public_name(public);
		link_public_free(&public);
		return good;
	}
	struct link_digest d = link_hmac(span_str(key->secret), span_str(token));
	link_base64(expected, &d, false);
	*name = "HS256";
	return link_same(expected, sig);
}

static const char *check_token(const struct conf_signed_links *conf, const struct link_ask *ask,
			       const struct link_key *key, char *token)
{
	const char *sig = cut_signature(token), *name = NULL;
	if (!sig)
		return link_unreadable;
	if (!is_signed(&name, key, token, sig))
		return link_wrong;
	size_t head = strcspn(token, ".");
	return check_parts(conf, ask, name, span_of(token, head), span_str(token + head + 1));
}

/* ?token=HEADER.CLAIMS.SIGNATURE by HS256, or by RS256 or ES256 where the key is a public one: the algorithm is
 * that of the key, whatever a token says (RFC 8725). Claims: path and exp, optionally action, nbf, ip. */
const char *link_check_jwt(const struct conf_signed_links *conf, const struct link_ask *ask,
			   const struct link_key *key)
{
	char *token = mem_alloc(URL_MAX);
	const char *bad = link_param(token, URL_MAX, ask->param, link_parameter(conf))
				  ? check_token(conf, ask, key, token)
				  : link_missing;
	free(token);
	return bad;
}
