/* Each check is one format: reads what the link says, looks at its time, computes the signature that it
 * should have and compares. The vectors of the unit test come from an independent program. */
#include "session/link_formats.h"
#include "codec/url.h"
#include "session/link_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VALUE_MAX = 512 };

const char link_missing[] = "the link is not signed";
const char link_wrong[] = "the signature of the link is wrong";
const char link_expired[] = "the link has expired";
const char link_unreadable[] = "the signature of the link cannot be read";
const char link_early[] = "the link is not valid yet";
const char link_other[] = "the link is for something else than this";

/* A link may say any number for "never": one that can be added to, and told in milliseconds, is as far away. */
#define NEVER_S (INT64_C(1) << 50)

const char *link_time(const struct conf_signed_links *conf, const struct link_ask *ask,
		      int64_t expires_s)
{
	int64_t end_s = (expires_s < NEVER_S ? expires_s : NEVER_S) + conf->validity_ms / 1000;
	if (ask->now_s > end_s)
		return link_expired;
	if (ask->end_s)
		*ask->end_s = end_s;
	return NULL;
}

/* `digits` is the time of a link to that base. */
const char *link_digits(const struct conf_signed_links *conf, const struct link_ask *ask,
			const char *digits, int base)
{
	int64_t s;
	return link_number(&s, digits, base) ? link_time(conf, ask, s) : link_unreadable;
}

const char *link_compare(const struct link_digest *d, const char *said)
{
	char hex[LINK_HEX_MAX];
	link_hex(hex, d);
	return link_same(hex, said) ? NULL : link_wrong;
}

const char *link_parameter(const struct conf_signed_links *conf)
{
	return *conf->parameter ? conf->parameter : link_format_of(conf->format)->parameter;
}

/* ---- our own ---- */

/* ?exp=SECONDS&kid=KEY&sig=SIGNATURE, with &bind=ip for a link of one address. SIGNATURE is the base64url
 * of HMAC-SHA256(key, "play\n/live/a\nSECONDS\nKEY\nIP"), IP being empty for one that is not bound. */
static const char *check_hmac(const struct conf_signed_links *conf, const struct link_ask *ask,
			      const struct link_key *key)
{
	char exp[24], sig[64], kid[sizeof(key->id)] = "", bind[8] = "", expected[LINK_B64_MAX];
	if (!link_param(sig, sizeof(sig), ask->param, "sig") ||
	    !link_param(exp, sizeof(exp), ask->param, "exp"))
		return link_missing;
	(void)link_param(kid, sizeof(kid), ask->param, "kid");
	(void)link_param(bind, sizeof(bind), ask->param, "bind");
	if (strcmp(kid, key->id) != 0)
		return link_wrong;
	bool bound = conf->bind_address || strcmp(bind, "ip") == 0;
	struct buf text = {.max = 3 * URL_MAX};
	buf_printf(&text, "%s\n/%s/%s\n%s\n%s\n%s",
		   ask->action == LINK_PUBLISH ? "publish" : "play", ask->app, ask->stream, exp,
		   kid, bound ? ask->ip : "");
	struct link_digest d = link_hmac(span_str(key->secret), buf_span(&text));
	buf_free(&text);
	link_base64(expected, &d, false);
	return link_same(expected, sig) ? link_digits(conf, ask, exp, 10) : link_wrong;
}

/* ---- CDNs: a parameter ---- */

/* ?auth_key=TIME-RAND-UID-MD5 and ?sign=…: md5("URI-TIME-RAND-UID-KEY"). */
static const char *check_type_a(const struct conf_signed_links *conf, const struct link_ask *ask,
				const struct link_key *key)
{
	char value[VALUE_MAX];
	if (!link_param(value, sizeof(value), ask->param, link_parameter(conf)))
		return link_missing;
	char *md5 = strrchr(value, '-');
	if (!md5)
		return link_unreadable;
	*md5++ = '\0';
	struct link_digest d = link_hash(LINK_MD5, "%s-%s-%s", ask->path, value, key->secret);
	const char *bad = link_compare(&d, md5);
	value[strcspn(value, "-")] = '\0';
	return bad ? bad : link_digits(conf, ask, value, 10);
}

/* ?sign=MD5&t=TIME: md5(key + path + time). */
static const char *check_type_d(const struct conf_signed_links *conf, const struct link_ask *ask,
				const struct link_key *key)
{
	char sign[LINK_HEX_MAX], t[24];
	if (!link_param(sign, sizeof(sign), ask->param, link_parameter(conf)) ||
	    !link_param(t, sizeof(t), ask->param, "t"))
		return link_missing;
	struct link_digest d = link_hash(LINK_MD5, "%s%s%s", key->secret, ask->path, t);
	const char *bad = link_compare(&d, sign);
	return bad ? bad : link_digits(conf, ask, t, 10);
}

/* ?txSecret=MD5&txTime=HEX: md5(key + stream + HEX). */
static const char *check_tencent(const struct conf_signed_links *conf, const struct link_ask *ask,
				 const struct link_key *key)
{
	char secret[LINK_HEX_MAX], t[24];
	if (!link_param(secret, sizeof(secret), ask->param, "txSecret") ||
	    !link_param(t, sizeof(t), ask->param, "txTime"))
		return link_missing;
	struct link_digest d = link_hash(LINK_MD5, "%s%s%s", key->secret, ask->stream, t);
	const char *bad = link_compare(&d, secret);
	return bad ? bad : link_digits(conf, ask, t, 16);
}

/* ?hwSecret=HEX&hwTime=HEX: HMAC-SHA256(key, stream + time). */
static const char *check_huawei(const struct conf_signed_links *conf, const struct link_ask *ask,
				const struct link_key *key)
{
	char secret[LINK_HEX_MAX], t[24];
	if (!link_param(secret, sizeof(secret), ask->param, "hwSecret") ||
	    !link_param(t, sizeof(t), ask->param, "hwTime"))
		return link_missing;
	struct buf text = {.max = URL_MAX + sizeof(t)};
	buf_printf(&text, "%s%s", ask->stream, t);
	struct link_digest d = link_hmac(span_str(key->secret), buf_span(&text));
	buf_free(&text);
	const char *bad = link_compare(&d, secret);
	return bad ? bad : link_digits(conf, ask, t, 16);
}

/* ?lal_secret=MD5: md5(key + stream); such a link never expires. */
static const char *check_lal(const struct conf_signed_links *conf, const struct link_ask *ask,
			     const struct link_key *key)
{
	char secret[LINK_HEX_MAX];
	if (!link_param(secret, sizeof(secret), ask->param, link_parameter(conf)))
		return link_missing;
	struct link_digest d = link_hash(LINK_MD5, "%s%s", key->secret, ask->stream);
	return link_compare(&d, secret);
}

/* nginx's secure_link with the formula of its documentation:
 * ?md5=BASE64URL&expires=SECONDS: md5("$expires$uri$remote_addr key"). */
static const char *check_secure_link(const struct conf_signed_links *conf,
				     const struct link_ask *ask, const struct link_key *key)
{
	char md5[LINK_B64_MAX], expires[24], expected[LINK_B64_MAX];
	if (!link_param(md5, sizeof(md5), ask->param, "md5") ||
	    !link_param(expires, sizeof(expires), ask->param, "expires"))
		return link_missing;
	struct link_digest d =
		link_hash(LINK_MD5, "%s%s%s %s", expires, ask->path, ask->ip, key->secret);
	link_base64(expected, &d, false);
	return link_same(expected, md5) ? link_digits(conf, ask, expires, 10) : link_wrong;
}

/* ---- CDNs: the path ---- */

/* Cuts "FIRST/SECOND" of a proof apart. */
static char *second_part(char *proof)
{
	char *slash = strchr(proof, '/');
	if (slash)
		*slash++ = '\0';
	return slash;
}

/* /YYYYMMDDHHMM/MD5/live/a: md5(key + time + path); the time is the server's own zone's. */
static const char *check_type_b(const struct conf_signed_links *conf, const struct link_ask *ask,
				const struct link_key *key)
{
	char proof[VALUE_MAX];
	struct tm tm = {.tm_isdst = -1};
	snprintf(proof, sizeof(proof), "%s", ask->proof);
	char *md5 = second_part(proof);
	if (!md5)
		return link_missing;
	const char *end = strptime(proof, "%Y%m%d%H%M", &tm);
	if (!end || *end || strlen(proof) != 12)
		return link_unreadable;
	struct link_digest d = link_hash(LINK_MD5, "%s%s%s", key->secret, proof, ask->path);
	const char *bad = link_compare(&d, md5);
	return bad ? bad : link_time(conf, ask, (int64_t)mktime(&tm));
}

/* /MD5/HEX/live/a: md5(key + path + time). */
static const char *check_type_c(const struct conf_signed_links *conf, const struct link_ask *ask,
				const struct link_key *key)
{
	char proof[VALUE_MAX];
	snprintf(proof, sizeof(proof), "%s", ask->proof);
	const char *t = second_part(proof);
	if (!t)
		return link_missing;
	struct link_digest d = link_hash(LINK_MD5, "%s%s%s", key->secret, ask->path, t);
	const char *bad = link_compare(&d, proof);
	return bad ? bad : link_digits(conf, ask, t, 16);
}

/* nginx's secure_link_secret, /PREFIX/MD5/live/a.flv: md5(link + key); it never expires. */
static const char *check_secure_link_secret(const struct conf_signed_links *conf,
					    const struct link_ask *ask, const struct link_key *key)
{
	char proof[VALUE_MAX];
	(void)conf;
	snprintf(proof, sizeof(proof), "%s", ask->proof);
	const char *md5 = second_part(proof);
	if (!md5)
		return link_missing;
	struct link_digest d =
		link_hash(LINK_MD5, "%s%s", ask->path + (*ask->path == '/'), key->secret);
	return link_compare(&d, md5);
}

/* ---- the table ---- */

static const struct link_format formats[] = {
	{LINK_FORMAT_HMAC, 0, NULL, check_hmac},
	{LINK_FORMAT_ALIBABA, 0, "auth_key", check_type_a},
	{LINK_FORMAT_TENCENT_CDN, 0, "sign", check_type_a},
	{LINK_FORMAT_TYPE_B, 2, NULL, check_type_b},
	{LINK_FORMAT_TYPE_C, 2, NULL, check_type_c},
	{LINK_FORMAT_TYPE_D, 0, "sign", check_type_d},
	{LINK_FORMAT_TENCENT, 0, NULL, check_tencent},
	{LINK_FORMAT_HUAWEI, 0, NULL, check_huawei},
	{LINK_FORMAT_LAL, 0, "lal_secret", check_lal},
	{LINK_FORMAT_SECURE_LINK, 0, NULL, check_secure_link},
	{LINK_FORMAT_SECURE_LINK_SECRET, 2, NULL, check_secure_link_secret},
	{LINK_FORMAT_WOWZA, 0, "wowzatoken", link_check_wowza},
	{LINK_FORMAT_AKAMAI, 0, "hdnts", link_check_akamai},
	{LINK_FORMAT_JWT, 0, "token", link_check_jwt},
};

const struct link_format *link_format_of(enum conf_link_format format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].format == format)
			return &formats[i];
	return &formats[0];
}
