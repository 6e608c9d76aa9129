/* tls_inside - what the files of tls share. Not for others. Layer: net.
 *
 *   tls_sock.c       a connection: records, the operations of a socket
 *   tls_accept.c     the server's handshake: first bytes, places, turns
 *   tls_client.c     the client's handshake: names, authorities, sessions
 *   tls_server.c     a server's certificates by name, their loading
 *   tls_cert.c       one certificate with its key
 *   tls_ticket.c     keys of session tickets
 *   tls_memory.c     where records lie
 *   tls_context.c    versions, ciphers, options; words for errors */
#pragma once
#include "net/sock_ops.h"
#include "net/tls.h"

#include <openssl/ssl.h>

enum {
	TLS_RECORD_MAX = 16384,   /* plain bytes of a record */
	TLS_HANDSHAKE_MS = 10000, /* all of it, as far as it is the peer's time */
	TLS_QUEUE_MS = 20000,     /* that a peer may wait for others in front of it, beside that */
	TLS_ERROR_MAX = 200,
};

/* The state of an encrypted socket. */
struct tls {
	SSL *ssl;
	BIO *wire;   /* the socket's, borrowed: it counts what went out */
	size_t held; /* plain bytes of the record that is encrypted and not with the kernel */
	bool broken; /* after a fatal error nothing more may be said */
	bool ended;  /* our side is over */
	struct tls_set *set; /* before the handshake */
	bool mixed;
};

/* Gives the socket over to a session after its handshake; takes ssl. */
void tls_begin_records(struct sock *sock, SSL *ssl);
/* After an SSL call that returned rc: ERR_AGAIN when the kernel has to do something first, which
 * `wants` names (a recv_on or send_on of the socket); ERR_CLOSED; ERR_PROTOCOL. */
err tls_result(struct sock *sock, SSL *ssl, int rc, uint8_t *wants, const char *what);
/* Waits until one of the readiness bits is set; ERR_TIMEOUT. */
err tls_await(struct sock *sock, unsigned bits, int64_t deadline) BLOCKS;

/* For each context: looks at what comes; see tls_sock.c. */
void tls_on_message(int write, int version, int type, const void *p, size_t n, SSL *ssl, void *arg);

/* A context with what all have in common; NULL when there is no memory. */
SSL_CTX *tls_context_new(const SSL_METHOD *method, enum tls_profile profile, bool ktls);
/* The reason of the last error of this thread, in words for an operator; empties the queue. */
void tls_error(char out[static TLS_ERROR_MAX]);

/* ---- certificates ---- */

struct tls_file {
	char *path;
	int64_t size, changed_ns, inode; /* all 0: it could not be looked at */
};
/* These block: for helper threads. */
void tls_file_look(struct tls_file *file);
bool tls_file_is_same(const struct tls_file *a, const struct tls_file *b);

struct tls_cert {
	struct tls_file cert, key;
	char *host; /* an additional name, or NULL */
	X509 *leaf;
	STACK_OF(X509) * chain;
	EVP_PKEY *pkey;
	char *names[TLS_NAMES_MAX];
	int name_count;
	char serial[TLS_SERIAL_MAX];
	int64_t begins_s, ends_s;
	int refs;
	char why[TLS_ERROR_MAX + 256]; /* it cannot be used because */
};
/* Reads and checks; false with `why`. Blocks, and calls nothing of ours that a thread must not. */
bool tls_cert_load(struct tls_cert *cert);
struct tls_cert *tls_cert_new(const struct tls_pair *pair);
void tls_cert_free(struct tls_cert **cert);
const char *tls_cert_kind(const struct tls_cert *cert);

/* Certificates and the contexts made of them; never changed, counted. */
struct tls_set;
void tls_set_ref(struct tls_set *set);
void tls_set_unref(struct tls_set **set);
/* See tls_expect(). */
void tls_expect_set(struct sock *sock, struct tls_set *set, bool mixed);
/* A session of the default certificate that looks at the client's hello for another one. */
SSL *tls_set_session(struct tls_set *set);

/* For tests that want a client of another kind. */
SSL_CTX *tls_client_context(struct tls_client *client);

/* Encrypts and decrypts the session tickets of this context. */
void tls_tickets_use(SSL_CTX *ctx);
