/* The client's handshake. A session is kept for each name that was met, so that a server that is
 * asked again (another stream, the next hook) is spared the signature and the certificates. */
#include "base/map.h"
#include "base/mem.h"
#include "net/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_MAX = 256 };

struct tls_client {
	int refs;
	SSL_CTX *ctx;
	struct map *sessions; /* SSL_SESSION by name and port */
	bool verify;
};

struct client_load {
	const struct tls_client_opts *opts;
	SSL_CTX *ctx;
	char why[TLS_ERROR_MAX];
};

/* ---- sessions ---- */

static void session_key(char out[static TLS_NAME_MAX + 8], const char *name, int port)
{
	snprintf(out, TLS_NAME_MAX + 8, "%.*s:%d", TLS_NAME_MAX - 1, name, port);
}

static void forget_session(struct tls_client *c, const char *key)
{
	SSL_SESSION_free(map_remove(c->sessions, key));
}

static void forget_oldest(struct tls_client *c)
{
	struct map_iter it = map_begin(c->sessions);
	if (map_count(c->sessions) >= SESSIONS_MAX && map_next(&it))
		forget_session(c, it.key);
}

/* A ticket has come, in whatever call reads from the socket. Takes the session when it returns 1. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const char *key = SSL_get_app_data(ssl);
	if (!c || !key)
		return 0;
	forget_session(c, key);
	forget_oldest(c);
	map_set(c->sessions, key, session);
	return 1;
}

static void free_key(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	free(ptr);
}

/* ---- contexts ---- */

/* On a helper thread: the system's authorities are hundreds of files. */
static void load_context(void *arg)
{
	struct client_load *load = arg;
	SSL_CTX *ctx = tls_context_new(TLS_client_method(), load->opts->profile, load->opts->ktls);
	if (!ctx) {
		tls_error(load->why);
		return;
	}
	SSL_CTX_set_verify(ctx, load->opts->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	int rc = 1;
	if (load->opts->verify)
		rc = load->opts->ca_file ? SSL_CTX_load_verify_file(ctx, load->opts->ca_file)
					 : SSL_CTX_set_default_verify_paths(ctx);
	if (rc != 1) {
		tls_error(load->why);
		SSL_CTX_free(ctx);
		return;
	}
	ERR_clear_error();
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	load->ctx = ctx;
}

err tls_client_new(struct tls_client **out, const struct tls_client_opts *opts)
{
	struct client_load load = {.opts = opts};
	co_offload(load_context, &load);
	if (!load.ctx)
		return err_fail(ERR_CONFIG, "the certificate authorities%s%s cannot be read: %s",
				opts->ca_file ? " of " : "", opts->ca_file ? opts->ca_file : "",
				load.why);
	struct tls_client *c = mem_new(struct tls_client);
	c->refs = 1;
	c->ctx = load.ctx;
	c->verify = opts->verify;
	c->sessions = map_new();
	SSL_CTX_set_app_data(c->ctx, c);
	*out = c;
	return OK;
}

struct tls_client *tls_client_ref(struct tls_client *client)
{
	client->refs++;
	return client;
}

SSL_CTX *tls_client_context(struct tls_client *client)
{
	return client->ctx;
}

/* Sockets that live longer than it keep the context, and find nobody to give their tickets to. */
void tls_client_unref(struct tls_client **client)
{
	struct tls_client *c = *client;
	*client = NULL;
	if (!c || --c->refs > 0)
		return;
	for (struct map_iter it = map_begin(c->sessions); map_next(&it);)
		SSL_SESSION_free(it.value);
	map_free(&c->sessions);
	SSL_CTX_set_app_data(c->ctx, NULL);
	SSL_CTX_free(c->ctx);
	free(c);
}

/* ---- the handshake ---- */

static bool set_name(SSL *ssl, const struct tls_client *c, const char *name)
{
	struct addr literal;
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (addr_literal(&literal, name, 0))
		return !c->verify || X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	/* SSL_set_tlsext_host_name() without its cast. */
	return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			(void *)(uintptr_t)name) == 1 &&
	       (!c->verify || SSL_set1_host(ssl, name) == 1);
}

static bool set_alpn(SSL *ssl, const char *alpn)
{
	unsigned char list[64];
	size_t n = alpn ? strlen(alpn) : 0;
	if (n == 0 || n >= sizeof(list))
		return n == 0;
	list[0] = (unsigned char)n;
	memcpy(list + 1, alpn, n);
	return SSL_set_alpn_protos(ssl, list, (unsigned)n + 1) == 0;
}

static SSL *client_session(struct sock *sock, struct tls_client *c, const char *name,
			   const char *alpn)
{
	static int key_index = -1;
	char key[TLS_NAME_MAX + 8];
	SSL *ssl = SSL_new(c->ctx);
	if (key_index < 0) /* index 0 is that of app data: made by the first call */
		key_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_key);
	if (!ssl || SSL_set_fd(ssl, sock->rfd.fd) != 1 || !set_name(ssl, c, name) ||
	    !set_alpn(ssl, alpn)) {
		SSL_free(ssl);
		return NULL;
	}
	session_key(key, name, addr_port(&sock->peer));
	char *copy = mem_strdup(key);
	SSL_set_ex_data(ssl, key_index, copy); /* frees it with the SSL */
	SSL_set_app_data(ssl, copy);
	SSL_SESSION *known = map_get(c->sessions, key);
	if (known && SSL_SESSION_is_resumable(known))
		SSL_set_session(ssl, known);
	return ssl;
}

static err refused(struct tls_client *c, SSL *ssl, err e, const char *name)
{
	long verdict = SSL_get_verify_result(ssl);
	forget_session(c, SSL_get_app_data(ssl));
	if (c->verify && verdict != X509_V_OK)
		return err_fail(ERR_CONNECT, "the certificate of %s is not trusted: %s", name,
				X509_verify_cert_error_string(verdict));
	if (e == ERR_CLOSED)
		return err_fail(ERR_CONNECT, "%s ended the connection within the TLS handshake",
				name);
	return err_fail(ERR_CONNECT, "TLS to %s: %s", name, err_trail(e));
}

static err converse(struct sock *sock, SSL *ssl)
{
	for (;;) {
		uint8_t wants = 0;
		ERR_clear_error();
		errno = 0;
		int rc = SSL_connect(ssl);
		err e = rc == 1 ? OK : tls_result(sock, ssl, rc, &wants, "TLS handshake with");
		ERR_clear_error();
		if (e != ERR_AGAIN)
			return e;
		TRY(tls_await(sock, wants, sock->deadline));
	}
}

err tls_connect(struct sock *sock, struct tls_client *client, const char *name, const char *alpn)
{
	SSL *ssl = client_session(sock, client, name, alpn);
	if (!ssl)
		return err_fail(ERR_SYSTEM, "no memory for a TLS session");
	tls_client_ref(client);
	err e = converse(sock, ssl);
	if (e == OK)
		tls_begin_records(sock, ssl);
	else if (e == ERR_TIMEOUT)
		e = err_fail(ERR_CONNECT, "TLS to %s: no answer in time", name);
	else if (e != ERR_STOPPED)
		e = refused(client, ssl, e, name);
	if (e != OK)
		SSL_free(ssl);
	ERR_clear_error();
	tls_client_unref(&client);
	co_trim();
	return e;
}
