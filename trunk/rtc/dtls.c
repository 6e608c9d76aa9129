/* Datagrams go through a BIO of our own: one write is one datagram, and a read gets the one that has just come,
 * or nothing. A handshake of several datagrams so keeps their borders. OpenSSL's errors are one queue for
 * the whole thread, and so for all peers: it is emptied before each call. */
#include "base/mem.h"
#include "rtc/dtls_identity.h"
#include "rtc/dtls_tail.h"

#include <openssl/err.h>
#include <openssl/srtp.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHY_MAX = 160, USELESS_MAX = 512, MICROSECONDS = 1000 };

static const char exporter[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764, 4.2 */

struct dtls {
	SSL *ssl;               /* NULL: it is settled */
	struct dtls_tail *tail; /* then */
	const struct dtls_ops *ops;
	void *ctx;
	struct rtc_fingerprint peer;
	struct span input; /* the datagram that has come, until it is read */
	struct timer timer;
	enum dtls_state state;
	bool active, cannot_settle;
	const char *profile; /* a literal of OpenSSL's; NULL: none was agreed on */
	char why[WHY_MAX];
};

/* ---- datagrams ---- */

static int bio_write(BIO *bio, const char *p, int n)
{
	struct dtls *d = BIO_get_data(bio);
	if (n > 0)
		d->ops->send(d->ctx, span_of(p, (size_t)n));
	return n;
}

static int bio_read(BIO *bio, char *p, int cap)
{
	struct dtls *d = BIO_get_data(bio);
	size_t n = d->input.n < (size_t)cap ? d->input.n : (size_t)cap;
	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(p, d->input.p, n);
	d->input = (struct span){0};
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	default:
		return 0;
	}
}

/* One method for all, for the life of the process. */
static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;
	if (method)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams of a peer");
	if (method && BIO_meth_set_write(method, bio_write) &&
	    BIO_meth_set_read(method, bio_read) && BIO_meth_set_ctrl(method, bio_ctrl))
		return method;
	BIO_meth_free(method);
	method = NULL;
	return NULL;
}

/* ---- its state ---- */

static void set_state(struct dtls *d, enum dtls_state state)
{
	if (d->state == state)
		return;
	d->state = state;
	if (state == DTLS_FAILED || state == DTLS_LEFT)
		timer_cancel(&d->timer);
	d->ops->on_state(d->ctx);
}

static void fail(struct dtls *d, const char *why)
{
	if (d->state == DTLS_FAILED || d->state == DTLS_LEFT)
		return;
	snprintf(d->why, sizeof(d->why), "%s", why);
	set_state(d, DTLS_FAILED);
}

static const EVP_MD *digest_of(const struct rtc_fingerprint *f)
{
	switch (f->digest) {
	case RTC_SHA1:
		return EVP_sha1();
	case RTC_SHA384:
		return EVP_sha384();
	case RTC_SHA512:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

static bool is_peer_of_offer(const struct dtls *d)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	X509 *cert = SSL_get1_peer_certificate(d->ssl);
	bool same = cert && X509_digest(cert, digest_of(&d->peer), digest, &n) && n == d->peer.n &&
		    memcmp(digest, d->peer.bytes, n) == 0;
	X509_free(cert);
	return same;
}

static void finish(struct dtls *d)
{
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
	d->profile = profile ? profile->name : NULL;
	if (!is_peer_of_offer(d))
		fail(d,
		     "the peer's certificate is not the one that its offer has the fingerprint of");
	else if (!d->profile)
		fail(d, "the peer has no encryption of media that is known here");
	else
		set_state(d, DTLS_DONE);
}

/* The result of a call of OpenSSL. */
static void look(struct dtls *d, int returned)
{
	char text[WHY_MAX];
	int code = SSL_get_error(d->ssl, returned);
	if (SSL_get_shutdown(d->ssl) & SSL_RECEIVED_SHUTDOWN || code == SSL_ERROR_ZERO_RETURN) {
		set_state(d, DTLS_LEFT);
	} else if (code == SSL_ERROR_SSL) {
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());
		snprintf(text, sizeof(text), "the DTLS handshake failed: %s",
			 reason ? reason : "for no reason that was said");
		fail(d, text);
	} else if (d->state < DTLS_DONE && SSL_is_init_finished(d->ssl)) {
		finish(d);
	}
	ERR_clear_error();
}

/* ---- sending again ---- */

static unsigned next_timeout(SSL *ssl, unsigned before_us)
{
	(void)ssl;
	unsigned us = before_us ? 2 * before_us : DTLS_FIRST_TIMEOUT_MS * MICROSECONDS;
	unsigned most = DTLS_LAST_TIMEOUT_MS * MICROSECONDS;
	return us < most ? us : most;
}

static void set_timer(struct dtls *d)
{
	struct timeval left;
	timer_cancel(&d->timer);
	if (d->state > DTLS_DONE || DTLSv1_get_timeout(d->ssl, &left) <= 0)
		return;
	timer_set(&d->timer, clock_ms() + left.tv_sec * 1000 +
				     (left.tv_usec + MICROSECONDS - 1) / MICROSECONDS);
}

static void on_timer(struct timer *timer)
{
	struct dtls *d = container_of(timer, struct dtls, timer);
	ERR_clear_error();
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		fail(d, "the peer does not answer the DTLS handshake");
	ERR_clear_error();
	set_timer(d);
}

/* ---- its life ---- */

static bool set_up(struct dtls *d, const struct dtls_identity *id)
{
	BIO_METHOD *method = bio_method();
	d->ssl = SSL_new(id->ctx);
	BIO *bio = method && d->ssl ? BIO_new(method) : NULL;
	if (!bio)
		return false;
	BIO_set_data(bio, d);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->ssl, bio, bio); /* one reference for both */
	SSL_set_mtu(d->ssl, DTLS_MTU);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	if (d->active)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	return true;
}

err dtls_new(struct dtls **out, const struct dtls_identity *id, bool active,
	     const struct rtc_fingerprint *peer, const struct dtls_ops *ops, void *ctx)
{
	struct dtls *d = mem_new(struct dtls);
	d->ops = ops;
	d->ctx = ctx;
	d->peer = *peer;
	d->active = active;
	d->timer.fn = on_timer;
	ERR_clear_error();
	if (!set_up(d, id)) {
		SSL_free(d->ssl);
		free(d);
		return err_fail(ERR_SYSTEM, "DTLS: there is no memory for a peer");
	}
	*out = d;
	return OK;
}

static void say_goodbye(struct dtls *d)
{
	uint8_t goodbye[DTLS_GOODBYE];
	if (d->ssl)
		(void)SSL_shutdown(d->ssl);
	else if (dtls_tail_say(d->tail, goodbye))
		d->ops->send(d->ctx, span_of(goodbye, sizeof(goodbye)));
}

void dtls_free(struct dtls **dtls)
{
	struct dtls *d = *dtls;
	if (!d)
		return;
	timer_cancel(&d->timer);
	ERR_clear_error();
	if (d->state == DTLS_DONE || d->state == DTLS_LEFT)
		say_goodbye(d);
	SSL_free(d->ssl);
	dtls_tail_free(&d->tail);
	ERR_clear_error();
	free(d);
	*dtls = NULL;
}

void dtls_start(struct dtls *d)
{
	if (!d->active || d->state != DTLS_IDLE)
		return;
	d->state = DTLS_HANDSHAKE;
	ERR_clear_error();
	look(d, SSL_do_handshake(d->ssl));
	set_timer(d);
}

/* A datagram may have several records, and none of them has anything for us but what OpenSSL does with it. */
void dtls_take(struct dtls *d, struct span datagram)
{
	uint8_t useless[USELESS_MAX];
	int n;
	if (d->state > DTLS_DONE)
		return;
	if (!d->ssl) {
		if (dtls_tail_hears(d->tail, datagram))
			set_state(d, DTLS_LEFT);
		return;
	}
	if (d->state == DTLS_IDLE)
		d->state = DTLS_HANDSHAKE;
	d->input = datagram;
	do {
		ERR_clear_error();
		n = SSL_read(d->ssl, useless, sizeof(useless));
	} while (n > 0);
	d->input = (struct span){0};
	look(d, n);
	set_timer(d);
}

void dtls_settle(struct dtls *d)
{
	if (d->state != DTLS_DONE || !d->ssl || d->cannot_settle)
		return;
	d->tail = dtls_tail_new(d->ssl, d->active);
	d->cannot_settle = !d->tail;
	ERR_clear_error();
	if (!d->tail)
		return;
	timer_cancel(&d->timer);
	SSL_free(d->ssl);
	d->ssl = NULL;
}

enum dtls_state dtls_state(const struct dtls *d)
{
	return d->state;
}

const char *dtls_why(const struct dtls *d)
{
	return d->why;
}

/* ---- keys ---- */

err dtls_keys(struct dtls *d, struct srtp **send, struct srtp **recv)
{
	uint8_t keys[SRTP_KEYS_MAX];
	const SRTP_PROTECTION_PROFILE *p = d->ssl ? SSL_get_selected_srtp_profile(d->ssl) : NULL;
	if (d->state != DTLS_DONE || !p)
		return err_fail(ERR_PROTOCOL, "DTLS: there are no keys yet");
	enum srtp_profile profile = (enum srtp_profile)p->id;
	size_t n = srtp_keys_size(profile);
	if (n == 0 || n > sizeof(keys) ||
	    SSL_export_keying_material(d->ssl, keys, n, exporter, sizeof(exporter) - 1, NULL, 0,
				       0) != 1)
		return err_fail(ERR_SYSTEM, "DTLS: the keys cannot be exported");
	err e = srtp_new(send, recv, profile, span_of(keys, n), d->active);
	OPENSSL_cleanse(keys, sizeof(keys));
	return e;
}

const char *dtls_profile_name(const struct dtls *d)
{
	return d->profile ? d->profile : "";
}
