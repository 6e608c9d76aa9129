/* A nonce is 16 digits of time, 16 random ones, so that no two are equal, and 24 of a MAC over both and the address
 * that it is for. */
#include "sip/digest.h"
#include "base/addr.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "sip/field.h"
#include "sip/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define BLANKS " \t"
enum {
	SECRET = 32,
	HALF = 16,
	MAC_DIGITS = 24,
	NONCE = 2 * HALF + MAC_DIGITS,
	MD5_DIGITS = 32,
	MD5_BYTES = MD5_DIGITS / 2,
	NC_DIGITS = 8,
};

struct used {
	int64_t made_ms; /* the nonce */
	int64_t count;
};

struct sip_digest {
	uint8_t secret[SECRET];
	struct map *nonces;   /* used ones, in the order of their first use */
	int64_t forgotten_ms; /* a nonce made until then may have been used, and is stale */
};

err sip_digest_new(struct sip_digest **out)
{
	struct sip_digest *d = mem_new(struct sip_digest);
	err e = sip_random(d->secret, sizeof(d->secret));
	if (e) {
		free(d);
		return e;
	}
	d->nonces = map_new();
	d->forgotten_ms = -1;
	*out = d;
	return OK;
}

void sip_digest_free(struct sip_digest **digest)
{
	struct sip_digest *d = *digest;
	*digest = NULL;
	if (!d)
		return;
	map_free_values(&d->nonces);
	OPENSSL_cleanse(d->secret, sizeof(d->secret));
	free(d);
}

int sip_digest_nonces(const struct sip_digest *digest)
{
	return (int)map_count(digest->nonces);
}

static void to_hex(char *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool is_hex(const char *text, size_t n)
{
	return strlen(text) == n && strspn(text, "0123456789abcdefABCDEF") == n;
}

/* ---- challenges ---- */

/* Of the two halves in front of it. */
static void put_mac(const struct sip_digest *d, char nonce[static NONCE + 1], const char *whom)
{
	char text[2 * HALF + ADDR_TEXT_MAX];
	uint8_t mac[EVP_MAX_MD_SIZE] = {0};
	snprintf(text, sizeof(text), "%.*s%s", 2 * HALF, nonce, whom);
	HMAC(EVP_sha256(), d->secret, SECRET, (const uint8_t *)text, strlen(text), mac, NULL);
	to_hex(nonce + 2 * HALF, mac, MAC_DIGITS / 2);
}

static void put_quoted(struct buf *out, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= ' ' && !strchr("\"\\\x7f", *text))
			buf_put(out, text, 1);
}

err sip_digest_challenge(const struct sip_digest *digest, struct buf *out, const char *realm,
			 const char *whom, bool stale)
{
	char nonce[NONCE + 1];
	uint8_t random[HALF / 2];
	TRY(sip_random(random, sizeof(random)));
	snprintf(nonce, sizeof(nonce), "%016llx", (unsigned long long)clock_ms());
	to_hex(nonce + HALF, random, sizeof(random));
	put_mac(digest, nonce, whom);
	buf_printf(out, "WWW-Authenticate: Digest realm=\"");
	put_quoted(out, realm);
	buf_printf(out, "\", nonce=\"%s\", algorithm=MD5, qop=\"auth\"%s\r\n", nonce,
		   stale ? ", stale=true" : "");
	return OK;
}

/* ---- what is said ---- */

/* A value, which may be in quotes; false: it is empty or too long. */
static bool copy_value(char *out, size_t cap, struct span value)
{
	bool quoted = value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
	size_t n = 0;
	if (quoted)
		value = span_of(value.p + 1, value.n - 2);
	for (size_t i = 0; i < value.n; i++) {
		if (quoted && value.p[i] == '\\' && i + 1 < value.n)
			i++;
		if (n + 1 >= cap || value.p[i] < ' ')
			return false;
		out[n++] = (char)value.p[i];
	}
	out[n] = '\0';
	return n > 0;
}

struct nonce_place {
	const char *name;
	char *at;
	size_t cap;
};

/* Unknown fields are ignored; one that is there twice is refused, since it could be read in two ways. */
static bool take_value(const struct nonce_place *places, size_t count, struct span one)
{
	struct span value = one, name = span_trim(sip_until(&value, '='), BLANKS);
	for (size_t i = 0; i < count; i++)
		if (sip_is_word(name, places[i].name))
			return !*places[i].at &&
			       copy_value(places[i].at, places[i].cap, span_trim(value, BLANKS));
	return true;
}

static bool is_complete(const struct sip_credentials *c)
{
	bool counts = *c->qop && strcasecmp(c->qop, "auth") == 0 && is_hex(c->nc, NC_DIGITS) &&
		      *c->cnonce;
	return *c->username && *c->realm && *c->nonce && *c->uri &&
	       is_hex(c->response, MD5_DIGITS) && (!*c->qop || counts);
}

enum sip_verdict sip_credentials_parse(struct sip_credentials *out, struct span authorization)
{
	char algorithm[8] = "";
	struct span rest = authorization, scheme = sip_next_word(&rest);
	*out = (struct sip_credentials){0};
	const struct nonce_place places[] = {
#define PLACE(member) {#member, out->member, sizeof(out->member)}
		PLACE(username), PLACE(realm),  PLACE(uri),
		PLACE(nonce),    PLACE(cnonce), PLACE(response),
		PLACE(nc),       PLACE(qop),    {"algorithm", algorithm, sizeof(algorithm)},
	};
	if (!sip_is_word(scheme, "Digest"))
		return SIP_MISSING;
	while (rest.n)
		if (!take_value(places, sizeof(places) / sizeof(places[0]),
				sip_until_outside(&rest, ',')))
			return SIP_MALFORMED;
	if (*algorithm && strcasecmp(algorithm, "MD5") != 0)
		return SIP_MALFORMED;
	for (char *c = out->response; *c; c++)
		*c |= *c >= 'A' && *c <= 'F' ? 0x20 : 0;
	return is_complete(out) ? SIP_GOOD : SIP_MALFORMED;
}

/* ---- what is right ---- */

/* Of texts with colons between them, of which the last one is NULL. */
static bool md5(char out[static MD5_DIGITS + 1], const char *const *texts)
{
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1;
	for (int i = 0; ok && texts[i]; i++)
		ok = (i == 0 || EVP_DigestUpdate(ctx, ":", 1) == 1) &&
		     EVP_DigestUpdate(ctx, texts[i], strlen(texts[i])) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, sum, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	to_hex(out, sum, MD5_BYTES);
	return ok;
}

err sip_digest_response(char out[static 33], const struct sip_credentials *said, const char *method,
			const char *password)
{
	char a1[MD5_DIGITS + 1], a2[MD5_DIGITS + 1];
	bool ok = md5(a1, (const char *[]){said->username, said->realm, password, NULL});
	ok = md5(a2, (const char *[]){method, said->uri, NULL}) && ok;
	if (*said->qop)
		ok = md5(out, (const char *[]){a1, said->nonce, said->nc, said->cnonce, said->qop,
					       a2, NULL}) &&
		     ok;
	else
		ok = md5(out, (const char *[]){a1, said->nonce, a2, NULL}) && ok;
	OPENSSL_cleanse(a1, sizeof(a1));
	return ok ? OK : err_fail(ERR_SYSTEM, "there is no MD5");
}

static struct span user_of(struct span uri)
{
	struct span rest = uri, scheme = sip_until(&rest, ':');
	if (!sip_is_word(scheme, "sip") && !sip_is_word(scheme, "sips"))
		rest = uri;
	struct span user = span_head(rest, span_find(rest, "@"));
	return user.n < rest.n ? sip_until(&user, ':') : (struct span){0};
}

/* Devices write server@domain here and server@address there, or no user at all. */
static bool uri_fits(const char *said, const struct sip_uri *asked)
{
	struct span user = user_of(span_str(said));
	return user.n == 0 || asked->user.n == 0 || sip_same_word(user, asked->user);
}

/* Ours, and for that address; *made_ms is when. */
static bool nonce_is_ours(const struct sip_digest *d, const char *nonce, const char *whom,
			  int64_t *made_ms)
{
	char ours[NONCE + 1], time[HALF + 1];
	if (!is_hex(nonce, NONCE))
		return false;
	memcpy(ours, nonce, NONCE + 1);
	put_mac(d, ours, whom);
	memcpy(time, nonce, HALF);
	time[HALF] = '\0';
	*made_ms = (int64_t)strtoull(time, NULL, 16);
	return CRYPTO_memcmp(ours, nonce, NONCE) == 0;
}

/* Makes room: of those that are too old, else of the oldest one. */
static void forget(struct sip_digest *d, int64_t now)
{
	for (struct map_iter it = map_begin(d->nonces); map_next(&it);) {
		struct used *u = it.value;
		bool is_old = now - u->made_ms > SIP_NONCE_MS;
		if (!is_old && map_count(d->nonces) < SIP_NONCES_MAX)
			return;
		if (!is_old && u->made_ms > d->forgotten_ms)
			d->forgotten_ms = u->made_ms;
		(void)map_remove(d->nonces, it.key);
		free(u);
	}
}

/* With qop each use has a higher count than the one before. */
static bool use_is_new(struct sip_digest *d, const struct sip_credentials *said, int64_t made_ms)
{
	int64_t count = strtoll(said->nc, NULL, 16);
	struct used *u = map_get(d->nonces, said->nonce);
	if (!u && made_ms <= d->forgotten_ms)
		return false;
	if (u && count <= u->count)
		return false;
	if (!u) {
		forget(d, clock_ms());
		u = mem_new(struct used);
		u->made_ms = made_ms;
		map_set(d->nonces, said->nonce, u);
	}
	u->count = count;
	return true;
}

enum sip_verdict sip_digest_check(struct sip_digest *digest, const struct sip_credentials *said,
				  const struct sip_message *request, const struct sip_proof *proof)
{
	char method[SIP_CREDENTIAL_MAX], right[MD5_DIGITS + 1];
	int64_t made_ms = 0;
	snprintf(method, sizeof(method), "%.*s", (int)request->method_name.n,
		 (const char *)request->method_name.p);
	bool ok = sip_digest_response(right, said, method, proof->password) == OK;
	ok &= CRYPTO_memcmp(right, said->response, MD5_DIGITS) == 0;
	ok &= strcmp(said->username, proof->username) == 0;
	ok &= strcmp(said->realm, proof->realm) == 0;
	ok &= uri_fits(said->uri, &request->uri);
	if (!ok)
		return SIP_WRONG;
	if (!nonce_is_ours(digest, said->nonce, proof->whom, &made_ms) ||
	    clock_ms() - made_ms > SIP_NONCE_MS)
		return SIP_STALE;
	return !*said->qop || use_is_new(digest, said, made_ms) ? SIP_GOOD : SIP_STALE;
}

const char *sip_verdict_text(enum sip_verdict verdict)
{
	static const char *const texts[SIP_VERDICTS] = {
		[SIP_GOOD] = "it is right",
		[SIP_MISSING] = "no credentials",
		[SIP_MALFORMED] = "credentials that cannot be read",
		[SIP_WRONG] = "a wrong user or password",
		[SIP_STALE] = "a nonce that is not good any more",
	};
	return verdict < SIP_VERDICTS ? texts[verdict] : "";
}
