/* Encrypted connections of the load generator. A player that drops what arrives drops records: nothing of
 * them is decrypted, so that a thousand of them cost this program little. */
#include "bench.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

bool tls_wanted(const struct peer *peer)
{
	static const char *const schemes[] = {"https", "rtmps", "tls"};
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strcmp(peer->url.scheme, schemes[i]) == 0)
			return true;
	return false;
}

void tls_begin(struct peer *peer)
{
	static SSL_CTX *ctx;
	if (!ctx) {
		ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					      SSL_MODE_RELEASE_BUFFERS);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		/* What a server prefers anyway: the floor's library asks the client. */
		SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	}
	peer->ssl = SSL_new(ctx);
	SSL_set_fd(peer->ssl, peer->fd);
	SSL_set_connect_state(peer->ssl);
}

void tls_end(struct peer *peer)
{
	SSL_free(peer->ssl);
	peer->ssl = NULL;
}

/* As recv() and send() would say it. */
static ssize_t outcome(struct peer *peer, int rc)
{
	int kind = SSL_get_error(peer->ssl, rc);
	ERR_clear_error();
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = errno && kind == SSL_ERROR_SYSCALL ? errno : EPROTO;
	return -1;
}

/* 1: done; -1 and EAGAIN: there is more to come. */
ssize_t tls_shake(struct peer *peer)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(peer->ssl);
	return rc == 1 ? 1 : outcome(peer, rc);
}

ssize_t tls_recv(struct peer *peer, void *p, size_t cap)
{
	size_t all = 0, n = 0;
	int rc = 1;
	while (all < cap && (rc = SSL_read_ex(peer->ssl, (uint8_t *)p + all, cap - all, &n)) == 1)
		all += n;
	if (all)
		ERR_clear_error();
	return all ? (ssize_t)all : outcome(peer, rc);
}

ssize_t tls_send(struct peer *peer, const void *p, size_t n)
{
	size_t sent = 0;
	int rc = SSL_write_ex(peer->ssl, p, n, &sent);
	return rc == 1 ? (ssize_t)sent : outcome(peer, rc);
}
