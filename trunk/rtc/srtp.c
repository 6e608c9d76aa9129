#include "rtc/srtp.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/rtp.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum {
	KEY = 16,
	AUTH_KEY = 20,
	SALT_MAX = 14,
	CM_TAG = 10,
	GCM_TAG = 16,
	CM_IV = 16,
	RTCP_CLEAR = 8, /* header and sender stay readable */
	RTCP_INDEX = 4,
	WINDOW = 1024, /* packets behind the newest that can still be told apart */
	E_FLAG = 1u << 31,
};
/* Labels for the derivation of keys (RFC 3711 4.3.1); those of RTCP are 3 more. */
enum label { LABEL_CIPHER, LABEL_AUTH, LABEL_SALT, LABELS_RTCP };

/* The keys of RTP or of RTCP. The contexts are made when they are needed: a player sends no RTP. */
struct keys {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	uint8_t salt[SALT_MAX], cipher_key[KEY], auth_key[AUTH_KEY];
};

struct window {
	bool is_used;
	uint64_t newest;
	uint64_t seen[WINDOW / 64];
};

struct srtp_stream {
	uint32_t ssrc;
	struct window rtp, rtcp;
};

struct srtp {
	enum srtp_profile profile;
	bool sends;
	uint32_t rtcp_index; /* of the last control packet that was sent */
	struct keys rtp, rtcp;
	struct srtp_stream *streams; /* of what was received */
	int count, room;
};

static bool is_gcm(const struct srtp *s)
{
	return s->profile == SRTP_AEAD_AES_128_GCM;
}

static size_t tag_size(const struct srtp *s)
{
	return is_gcm(s) ? GCM_TAG : CM_TAG;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static void mix_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= (uint8_t)(v >> 8 * (n - 1 - i));
}

/* ---- keys ---- */

static size_t salt_size(enum srtp_profile profile)
{
	return profile == SRTP_AEAD_AES_128_GCM ? 12 : 14;
}

size_t srtp_keys_size(enum srtp_profile profile)
{
	return 2 * (KEY + salt_size(profile));
}

/* The pseudo-random function of RFC 3711 4.3.3: AES in counter mode. */
static bool derive(uint8_t *out, size_t n, const uint8_t *master, const uint8_t *salt,
		   unsigned label)
{
	static const uint8_t zeros[AUTH_KEY];
	uint8_t iv[CM_IV] = {0};
	int done;
	memcpy(iv, salt, SALT_MAX);
	iv[7] ^= (uint8_t)label;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c && EVP_EncryptInit_ex2(c, EVP_aes_128_ctr(), master, iv, NULL) == 1 &&
		  EVP_EncryptUpdate(c, out, &done, zeros, (int)n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static bool derive_keys(struct keys *k, const uint8_t *master, const uint8_t *salt, unsigned labels)
{
	return derive(k->cipher_key, KEY, master, salt, labels + LABEL_CIPHER) &&
	       derive(k->auth_key, AUTH_KEY, master, salt, labels + LABEL_AUTH) &&
	       derive(k->salt, SALT_MAX, master, salt, labels + LABEL_SALT);
}

static struct srtp *direction_new(enum srtp_profile profile, bool sends, const uint8_t *key,
				  const uint8_t *salt)
{
	struct srtp *s = mem_new(struct srtp);
	uint8_t padded[SALT_MAX] = {0};
	memcpy(padded, salt, salt_size(profile));
	s->profile = profile;
	s->sends = sends;
	if (!derive_keys(&s->rtp, key, padded, 0) ||
	    !derive_keys(&s->rtcp, key, padded, LABELS_RTCP))
		srtp_free(&s);
	return s;
}

err srtp_new(struct srtp **send, struct srtp **recv, enum srtp_profile profile,
	     struct span exported, bool is_client)
{
	check(exported.n == srtp_keys_size(profile));
	const uint8_t *keys = exported.p, *salts = exported.p + 2 * KEY;
	size_t salt = salt_size(profile);
	unsigned ours = is_client ? 0 : 1, theirs = 1 - ours;
	*send = direction_new(profile, true, keys + ours * KEY, salts + ours * salt);
	*recv = direction_new(profile, false, keys + theirs * KEY, salts + theirs * salt);
	if (*send && *recv)
		return OK;
	srtp_free(send);
	srtp_free(recv);
	return err_fail(ERR_SYSTEM, "SRTP: OpenSSL has not made the keys");
}

static void keys_fini(struct keys *k)
{
	EVP_CIPHER_CTX_free(k->cipher);
	EVP_MAC_CTX_free(k->mac);
}

void srtp_free(struct srtp **srtp)
{
	struct srtp *s = *srtp;
	*srtp = NULL;
	if (!s)
		return;
	keys_fini(&s->rtp);
	keys_fini(&s->rtcp);
	free(s->streams);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

void srtp_needs(const struct srtp *s, const void *needs[static SRTP_NEEDS])
{
	enum { PIECE = 128 };
	needs[0] = s;
	/* Behind the context stands what OpenSSL has made for it: keys and tables. */
	for (int i = 1; i < SRTP_NEEDS; i++)
		needs[i] = (const char *)s->rtp.cipher + (size_t)(i - 1) * PIECE;
}

static EVP_MAC_CTX *mac_new(const uint8_t *key)
{
	char digest[] = "SHA1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	if (ctx && EVP_MAC_init(ctx, key, AUTH_KEY, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static bool ready(const struct srtp *s, struct keys *k)
{
	if (!k->cipher) {
		EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
		const EVP_CIPHER *cipher = is_gcm(s) ? EVP_aes_128_gcm() : EVP_aes_128_ctr();
		if (!c || EVP_CipherInit_ex2(c, cipher, k->cipher_key, NULL, s->sends || !is_gcm(s),
					     NULL) != 1) {
			EVP_CIPHER_CTX_free(c);
			return false;
		}
		k->cipher = c;
	}
	if (!k->mac && !is_gcm(s))
		k->mac = mac_new(k->auth_key);
	return k->mac || is_gcm(s);
}

/* ---- the two ciphers ---- */

/* The counter's first value (RFC 3711 4.1.1), or the nonce (RFC 7714 8.1, 9.1). `index` has 48 bits. */
static void make_iv(const struct srtp *s, const struct keys *k, uint32_t ssrc, uint64_t index,
		    uint8_t iv[static CM_IV])
{
	memset(iv, 0, CM_IV);
	memcpy(iv, k->salt, SALT_MAX);
	mix_be(iv + (is_gcm(s) ? 2 : 4), ssrc, 4);
	mix_be(iv + (is_gcm(s) ? 6 : 8), index, 6);
}

static bool set_iv(const struct srtp *s, struct keys *k, uint32_t ssrc, uint64_t index)
{
	uint8_t iv[CM_IV];
	make_iv(s, k, ssrc, index, iv);
	return ready(s, k) && EVP_CipherInit_ex2(k->cipher, NULL, NULL, iv, -1, NULL) == 1;
}

static bool crypt(struct keys *k, uint8_t *out, struct span in)
{
	int done;
	return in.n == 0 || EVP_CipherUpdate(k->cipher, out, &done, in.p, (int)in.n) == 1;
}

static bool take_aad(struct keys *k, struct span aad)
{
	int done;
	return EVP_CipherUpdate(k->cipher, NULL, &done, aad.p, (int)aad.n) == 1;
}

static bool finish(struct keys *k)
{
	uint8_t none[GCM_TAG];
	int done;
	return EVP_CipherFinal_ex(k->cipher, none, &done) == 1;
}

/* HMAC over the packet and four more bytes. */
static bool make_tag(struct keys *k, struct span packet, const uint8_t *more, size_t more_n,
		     uint8_t out[static AUTH_KEY])
{
	size_t n;
	return EVP_MAC_init(k->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(k->mac, packet.p, packet.n) == 1 &&
	       EVP_MAC_update(k->mac, more, more_n) == 1 &&
	       EVP_MAC_final(k->mac, out, &n, AUTH_KEY) == 1;
}

/* ---- sending ---- */

static bool put_rtp_tag(struct srtp *s, uint8_t *packet, size_t n, uint64_t index)
{
	uint8_t roc[4], tag[AUTH_KEY];
	if (is_gcm(s))
		return finish(&s->rtp) && EVP_CIPHER_CTX_ctrl(s->rtp.cipher, EVP_CTRL_AEAD_GET_TAG,
							      GCM_TAG, packet + n) == 1;
	put_be(roc, index >> 16, 4);
	if (!make_tag(&s->rtp, span_of(packet, n), roc, sizeof(roc), tag))
		return false;
	memcpy(packet + n, tag, CM_TAG);
	return true;
}

size_t srtp_protect(struct srtp *s, const struct srtp_packet *p, uint8_t *out)
{
	check(p->header.n >= RTP_HEADER);
	size_t n = p->header.n;
	memcpy(out, p->header.p, n);
	if (!set_iv(s, &s->rtp, be32(out + 8), p->index) ||
	    (is_gcm(s) && !take_aad(&s->rtp, p->header)) || !crypt(&s->rtp, out + n, p->lead) ||
	    !crypt(&s->rtp, out + n + p->lead.n, p->payload))
		return 0;
	n += p->lead.n + p->payload.n;
	return put_rtp_tag(s, out, n, p->index) ? n + tag_size(s) : 0;
}

size_t srtp_protect_rtcp(struct srtp *s, struct span compound, uint8_t *out)
{
	check(compound.n >= RTCP_CLEAR);
	uint32_t index = ++s->rtcp_index & ~E_FLAG;
	uint8_t word[RTCP_INDEX], tag[AUTH_KEY];
	size_t n = compound.n;
	struct span rest = span_rest(compound, RTCP_CLEAR);
	put_be(word, index | E_FLAG, 4);
	memcpy(out, compound.p, RTCP_CLEAR);
	if (!set_iv(s, &s->rtcp, be32(out + 4), index))
		return 0;
	if (is_gcm(s)) {
		bool ok = take_aad(&s->rtcp, span_of(out, RTCP_CLEAR)) &&
			  take_aad(&s->rtcp, span_of(word, sizeof(word))) &&
			  crypt(&s->rtcp, out + RTCP_CLEAR, rest) && finish(&s->rtcp) &&
			  EVP_CIPHER_CTX_ctrl(s->rtcp.cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG,
					      out + n) == 1;
		memcpy(out + n + GCM_TAG, word, RTCP_INDEX);
		return ok ? n + GCM_TAG + RTCP_INDEX : 0;
	}
	if (!crypt(&s->rtcp, out + RTCP_CLEAR, rest) ||
	    !make_tag(&s->rtcp, span_of(out, n), word, sizeof(word), tag))
		return 0;
	memcpy(out + n, word, RTCP_INDEX);
	memcpy(out + n + RTCP_INDEX, tag, CM_TAG);
	return n + RTCP_INDEX + CM_TAG;
}

/* ---- what has come before ---- */

static bool is_new(const struct window *w, uint64_t index)
{
	if (!w->is_used || index > w->newest)
		return true;
	return w->newest - index < WINDOW && !(w->seen[index % WINDOW / 64] >> index % 64 & 1);
}

static void note(struct window *w, uint64_t index)
{
	if (!w->is_used || index > w->newest + WINDOW)
		memset(w->seen, 0, sizeof(w->seen));
	else
		for (uint64_t i = w->newest + 1; i <= index; i++)
			w->seen[i % WINDOW / 64] &= ~(UINT64_C(1) << i % 64);
	if (!w->is_used || index > w->newest)
		w->newest = index;
	w->is_used = true;
	w->seen[index % WINDOW / 64] |= UINT64_C(1) << index % 64;
}

static struct srtp_stream *find_stream(struct srtp *s, uint32_t ssrc)
{
	for (int i = 0; i < s->count; i++)
		if (s->streams[i].ssrc == ssrc)
			return &s->streams[i];
	return NULL;
}

/* Of a packet that was authenticated. NULL: one too many. */
static struct srtp_stream *need_stream(struct srtp *s, uint32_t ssrc)
{
	struct srtp_stream *found = find_stream(s, ssrc);
	if (found || s->count == SRTP_STREAMS_MAX)
		return found;
	vec_reserve(s->streams, s->room, s->count + 1);
	s->streams[s->count] = (struct srtp_stream){.ssrc = ssrc};
	return &s->streams[s->count++];
}

/* ---- receiving ---- */

static bool open_gcm(struct keys *k, uint8_t *data, size_t n, const uint8_t *tag)
{
	uint8_t copy[GCM_TAG];
	memcpy(copy, tag, GCM_TAG);
	return EVP_CIPHER_CTX_ctrl(k->cipher, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, copy) == 1 &&
	       crypt(k, data, span_of(data, n)) && finish(k);
}

/* Decrypts packet[header, n), behind which stands the tag. */
static bool open_rtp(struct srtp *s, uint8_t *packet, size_t header, size_t n, uint64_t index)
{
	uint8_t roc[4], tag[AUTH_KEY];
	if (!set_iv(s, &s->rtp, be32(packet + 8), index))
		return false;
	if (is_gcm(s))
		return take_aad(&s->rtp, span_of(packet, header)) &&
		       open_gcm(&s->rtp, packet + header, n - header, packet + n);
	put_be(roc, index >> 16, 4);
	return make_tag(&s->rtp, span_of(packet, n), roc, sizeof(roc), tag) &&
	       CRYPTO_memcmp(tag, packet + n, CM_TAG) == 0 &&
	       crypt(&s->rtp, packet + header, span_of(packet + header, n - header));
}

enum srtp_verdict srtp_unprotect(struct srtp *s, uint8_t *packet, size_t *n)
{
	size_t header = rtp_header_size(span_of(packet, *n));
	if (!header || *n < header + tag_size(s))
		return SRTP_BAD;
	uint16_t seq = (uint16_t)(packet[2] << 8 | packet[3]);
	uint32_t ssrc = be32(packet + 8);
	struct srtp_stream *stream = find_stream(s, ssrc);
	uint64_t index = stream && stream->rtp.is_used
				 ? (uint64_t)rtp_extend((int64_t)stream->rtp.newest, seq, 16)
				 : seq;
	if (stream && !is_new(&stream->rtp, index))
		return SRTP_REPLAYED;
	if (!open_rtp(s, packet, header, *n - tag_size(s), index))
		return SRTP_BAD;
	stream = need_stream(s, ssrc);
	if (!stream)
		return SRTP_BAD;
	note(&stream->rtp, index);
	*n -= tag_size(s);
	return SRTP_OK;
}

static bool open_rtcp(struct srtp *s, uint8_t *packet, size_t n, uint32_t word)
{
	uint8_t trailer[RTCP_INDEX], tag[AUTH_KEY];
	struct span rest = span_rest(span_of(packet, n), RTCP_CLEAR);
	put_be(trailer, word, 4);
	if (!set_iv(s, &s->rtcp, be32(packet + 4), word & ~E_FLAG))
		return false;
	if (is_gcm(s))
		return take_aad(&s->rtcp, span_of(packet, RTCP_CLEAR)) &&
		       take_aad(&s->rtcp, span_of(trailer, sizeof(trailer))) &&
		       open_gcm(&s->rtcp, packet + RTCP_CLEAR, rest.n, packet + n);
	return make_tag(&s->rtcp, span_of(packet, n), trailer, sizeof(trailer), tag) &&
	       CRYPTO_memcmp(tag, packet + n + RTCP_INDEX, CM_TAG) == 0 &&
	       crypt(&s->rtcp, packet + RTCP_CLEAR, rest);
}

enum srtp_verdict srtp_unprotect_rtcp(struct srtp *s, uint8_t *packet, size_t *n)
{
	if (*n < RTCP_CLEAR + RTCP_INDEX + tag_size(s))
		return SRTP_BAD;
	size_t plain = *n - RTCP_INDEX - tag_size(s);
	uint32_t word = be32(packet + (is_gcm(s) ? *n - RTCP_INDEX : plain));
	uint32_t index = word & ~E_FLAG, ssrc = be32(packet + 4);
	if (!(word & E_FLAG)) /* we have agreed on encryption */
		return SRTP_BAD;
	struct srtp_stream *stream = find_stream(s, ssrc);
	if (stream && !is_new(&stream->rtcp, index))
		return SRTP_REPLAYED;
	if (!open_rtcp(s, packet, plain, word))
		return SRTP_BAD;
	stream = need_stream(s, ssrc);
	if (!stream)
		return SRTP_BAD;
	note(&stream->rtcp, index);
	*n = plain;
	return SRTP_OK;
}
