/* A connection in records. Nothing here switches coroutines, so reader and sender of one connection
 * cannot meet inside an SSL call.
 *
 * A record that the kernel does not take whole is encrypted and cannot be taken back: the sender's
 * bytes of it count as sent, the rest of the record stays in the SSL object, and the reactor hands it
 * to the kernel when there is room, without waking anybody for it alone. */
#include "base/mem.h"
#include "net/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* The first records are as small as a packet: a receiver can use the first of them before the
	 * second has come. As many bytes as a fresh connection may have on its way. */
	SMALL_RECORD = 1360,
	SMALL_BYTES = 16 * 1024,
	RECORDS_PER_RECV = 16, /* also of a peer that sends them with one byte each */
	SILENT_RECORDS = 16,   /* of a peer, in a row, without a byte for whoever reads */
};

/* Of the call that is running. */
static int silent_records;

/* Pieces that are gathered into one record; also what a repeated write points at. */
static uint8_t gathered[TLS_RECORD_MAX];

static struct tls *tls_of(const struct sock *sock)
{
	return sock->state;
}

err tls_await(struct sock *sock, unsigned bits, int64_t deadline)
{
	sock_attach(sock);
	while (!(sock->rfd.ready & bits))
		TRY(co_wait(deadline));
	return OK;
}

static err broken(struct sock *sock, int kind, const char *what)
{
	char words[TLS_ERROR_MAX], peer[ADDR_TEXT_MAX];
	if (kind == SSL_ERROR_SYSCALL && errno)
		return sock_failed(sock, what);
	if (kind == SSL_ERROR_ZERO_RETURN || kind == SSL_ERROR_SYSCALL)
		return err_plain(ERR_CLOSED);
	tls_error(words);
	addr_text(peer, &sock->peer);
	return err_fail(ERR_PROTOCOL, "%s %s: %s", what, peer, words);
}

err tls_result(struct sock *sock, SSL *ssl, int rc, uint8_t *wants, const char *what)
{
	int kind = SSL_get_error(ssl, rc);
	if (kind == SSL_ERROR_WANT_READ) {
		*wants = REACTOR_IN | REACTOR_HUP;
		sock->rfd.ready &= ~(unsigned)(REACTOR_IN | REACTOR_HUP);
		return ERR_AGAIN;
	}
	if (kind == SSL_ERROR_WANT_WRITE) {
		*wants = REACTOR_OUT;
		sock->rfd.ready &= ~(unsigned)REACTOR_OUT;
		return ERR_AGAIN;
	}
	return broken(sock, kind, what);
}

/* A read goes on within the library as long as what comes is for the library: a peer that sends nothing but new
 * keys, as fast as they are taken, would hold up all others. What it sends comes to an end here. */
void tls_on_message(int write, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	(void)version, (void)arg;
	bool is_head = type == SSL3_RT_HEADER || type == SSL3_RT_INNER_CONTENT_TYPE;
	if (write || !is_head || n == 0 || *(const uint8_t *)p != SSL3_RT_HANDSHAKE ||
	    !SSL_is_init_finished(ssl))
		return;
	if (++silent_records == SILENT_RECORDS + 1)
		SSL_set0_rbio(ssl, BIO_new(BIO_s_null()));
}

static err recv_record(struct sock *sock, void *p, size_t cap, size_t *got)
{
	SSL *ssl = tls_of(sock)->ssl;
	char peer[ADDR_TEXT_MAX];
	silent_records = 0;
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(ssl, p, cap, got);
	if (rc > 0)
		return OK;
	err e = tls_result(sock, ssl, rc, &sock->recv_on, "recv from");
	if (silent_records <= SILENT_RECORDS)
		return e;
	addr_text(peer, &sock->peer);
	return err_fail(ERR_PROTOCOL, "%s sends nothing but new keys", peer);
}

static err tls_recv(struct sock *sock, void *p, size_t cap, size_t *n)
{
	struct tls *tls = tls_of(sock);
	err e = OK;
	sock->recv_on = REACTOR_IN | REACTOR_HUP;
	for (int i = 0; i < RECORDS_PER_RECV && *n < cap && e == OK; i++) {
		size_t got = 0;
		e = recv_record(sock, (uint8_t *)p + *n, cap - *n, &got);
		*n += got;
	}
	tls->broken = tls->broken || (e != OK && e != ERR_AGAIN);
	if (*n == 0)
		return e;
	/* An end behind the bytes is met again by the next call. */
	sock_received(sock, *n);
	return OK;
}

static void count_sent(struct sock *sock)
{
	sock->overhead = (int64_t)BIO_number_written(tls_of(sock)->wire) - sock->send_bytes;
}

/* One record. When the kernel takes only a part of it, the rest is held. */
static err write_record(struct sock *sock, const void *p, size_t n)
{
	struct tls *tls = tls_of(sock);
	size_t sent = 0;
	ERR_clear_error();
	errno = 0;
	int rc = SSL_write_ex(tls->ssl, p, n, &sent);
	err e = rc > 0 ? OK : tls_result(sock, tls->ssl, rc, &sock->send_on, "send to");
	tls->held = e == ERR_AGAIN ? n : 0;
	tls->broken = tls->broken || (e != OK && e != ERR_AGAIN);
	return e;
}

static void hand_over(struct reactor_fd *rfd);

/* The held record goes first. Its plain bytes are the SSL object's now: it only compares their number. */
static err write_held(struct sock *sock)
{
	struct tls *tls = tls_of(sock);
	if (tls->held == 0)
		return OK;
	sock->send_on = REACTOR_OUT;
	err e = write_record(sock, gathered, tls->held);
	sock->rfd.on_event = e == ERR_AGAIN ? hand_over : NULL;
	count_sent(sock);
	return e;
}

/* There is an event while a record is held. An error meets the next call of the owner. */
static void hand_over(struct reactor_fd *rfd)
{
	struct sock *sock = container_of(rfd, struct sock, rfd);
	struct co *waiter = rfd->waiter;
	if (rfd->ready & sock->send_on)
		(void)!write_held(sock);
	if (waiter)
		co_wake(waiter);
}

/* The plain bytes of the next record, at most max of them: where they lie if they are enough or the
 * last ones, else gathered. */
static struct span next_record(const struct iovec *iov, int count, size_t skip, size_t max)
{
	size_t n = 0;
	for (; count > 0 && skip >= iov->iov_len; iov++, count--)
		skip -= iov->iov_len;
	if (count == 0)
		return (struct span){0};
	size_t first = iov->iov_len - skip;
	if (first >= max || count == 1)
		return span_of((const uint8_t *)iov->iov_base + skip, first < max ? first : max);
	for (; count > 0 && n < max; iov++, count--, skip = 0) {
		size_t piece = iov->iov_len - skip;
		piece = piece < max - n ? piece : max - n;
		memcpy(gathered + n, (const uint8_t *)iov->iov_base + skip, piece);
		n += piece;
	}
	return span_of(gathered, n);
}

static err tls_send(struct sock *sock, const struct iovec *iov, int count, size_t *n)
{
	err e = write_held(sock);
	sock->send_on = REACTOR_OUT;
	while (e == OK) {
		bool small = sock->send_bytes < SMALL_BYTES;
		struct span part =
			next_record(iov, count, *n, small ? SMALL_RECORD : TLS_RECORD_MAX);
		if (part.n == 0)
			break;
		e = write_record(sock, part.p, part.n);
		if (e == OK || e == ERR_AGAIN) {
			*n += part.n;
			sock->send_bytes += (int64_t)part.n;
		}
	}
	if (tls_of(sock)->held)
		sock->rfd.on_event = hand_over;
	count_sent(sock);
	/* An SSL call goes a page deeper than all else that a player does. */
	if (co_self() == sock->rfd.waiter)
		co_trim();
	if (*n == 0)
		return e;
	sock->send_ms = clock_ms();
	return OK;
}

/* The word for the end ("close_notify"). The peer's is not waited for. */
static err tls_shutdown(struct sock *sock)
{
	struct tls *tls = tls_of(sock);
	if (tls->broken || tls->ended)
		return OK;
	err e = sock_writable(sock) || !tls->held ? write_held(sock) : ERR_AGAIN;
	if (e != OK)
		return e;
	ERR_clear_error();
	tls->ended = true;
	if (SSL_shutdown(tls->ssl) < 0)
		ERR_clear_error();
	return OK;
}

static void tls_free(struct sock *sock)
{
	struct tls *tls = tls_of(sock);
	SSL_free(tls->ssl);
	tls_set_unref(&tls->set);
	free(tls);
	sock->rfd.on_event = NULL;
	sock->state = NULL;
	ERR_clear_error();
}

/* Bytes of a record that has not come whole are not known to be the application's. */
static int tls_unread(const struct sock *sock)
{
	return SSL_pending(tls_of(sock)->ssl);
}

static const struct sock_ops ops = {
	.recv = tls_recv,
	.unread = tls_unread,
	.send = tls_send,
	.shutdown = tls_shutdown,
	.free = tls_free,
};

void tls_begin_records(struct sock *sock, SSL *ssl)
{
	if (!sock->state)
		sock->state = mem_new(struct tls);
	struct tls *tls = sock->state;
	tls_set_unref(&tls->set);
	tls->ssl = ssl;
	tls->wire = SSL_get_wbio(ssl);
	sock->ops = &ops;
	/* Bytes that came behind the handshake may lie in the SSL object already. */
	sock->rfd.ready |= REACTOR_IN | REACTOR_OUT;
	count_sent(sock);
}

bool sock_is_encrypted(const struct sock *sock)
{
	return sock->ops == &ops;
}

bool tls_facts(struct tls_facts *out, const struct sock *sock)
{
	if (sock->ops != &ops)
		return false;
	SSL *ssl = tls_of(sock)->ssl;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	*out = (struct tls_facts){
		.version = SSL_get_version(ssl),
		.cipher = SSL_get_cipher_name(ssl),
		.name = name ? name : "",
		.resumed = SSL_session_reused(ssl) == 1,
	};
	return true;
}
