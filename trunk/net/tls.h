/* tls - encrypted connections by OpenSSL: TLS 1.2 and 1.3 for servers and clients. Layer: net.
 *
 * A server is a set of certificates. A listener hands it to the sockets that it accepts; sock_begin()
 * makes the handshake, and from then on such a socket is used like any other. A client makes its
 * handshake on a socket that was dialled, by tls_connect(). */
#pragma once
#include "net/sock.h"

/* First thing in the program: where OpenSSL has the memory of records from. Without it the allocator is
 * left with holes of their size between what lasts. */
void tls_memory_init(void);

/* Which versions and ciphers: TLS 1.2 and 1.3 with forward secrecy and authenticated encryption; 1.3
 * alone; from 1.0 on, with whatever an encoder of 2012 offers. */
enum tls_profile { TLS_INTERMEDIATE, TLS_MODERN, TLS_OLD };

/* Certificates may be long for what a name and a serial are. */
enum { TLS_NAME_MAX = 256, TLS_SERIAL_MAX = 64, TLS_NAMES_MAX = 100 };

/* A certificate and its key: PEM files, the certificate before those that it was signed with. */
struct tls_pair {
	const char *cert, *key;
	const char *host; /* a name that leads to it beside those in the certificate, or NULL */
};

struct tls_server_opts {
	const struct tls_pair *pairs; /* the first is for clients that name none of the others */
	int count;
	enum tls_profile profile;
	bool ktls; /* let the kernel encrypt, where it can */
};

/* A certificate in use. Borrowed until the next load. */
struct tls_cert_facts {
	const char *cert, *key; /* the files */
	const char *const *names;
	int name_count;
	const char *kind;         /* "RSA", "ECDSA", … */
	const char *serial;       /* hexadecimal */
	int64_t begins_s, ends_s; /* seconds since 1970 */
};

struct tls_server;
struct tls_server *tls_server_new(const char *what); /* "RTMPS", for messages; borrowed */
void tls_server_free(struct tls_server **server);
/* Loads all pairs and uses them for the handshakes that begin from now on. When one of them cannot be
 * used everything stays as it was: ERR_CONFIG, with the file and the reason. A certificate whose time is
 * over is refused in place of one that is valid, and taken when there is none. */
err tls_server_load(struct tls_server *server, const struct tls_server_opts *opts) BLOCKS;
/* Has something been loaded? */
bool tls_server_ready(const struct tls_server *server);
/* True when a file of the pairs in use, or of those that were refused last, is another one than it was
 * at that load. */
bool tls_server_changed(const struct tls_server *server) BLOCKS;
/* Calls fn for each certificate in use. */
void tls_server_each(const struct tls_server *server,
		     void (*fn)(void *ctx, const struct tls_cert_facts *facts), void *ctx);

/* An accepted socket is to be encrypted: sock_begin() will make the handshake. With `mixed` the first
 * byte decides, and a peer that speaks something else stays a plain socket. */
void tls_expect(struct sock *sock, struct tls_server *server, bool mixed);

/* Keys of session tickets: with the same ones, processes and hosts resume each other's sessions. Each
 * file has 48 or 80 random bytes. The first encrypts, the others still decrypt. Without files a
 * random key is made, and another one each twelve hours. ERR_CONFIG leaves the keys as they were. */
enum { TLS_TICKET_FILES_MAX = 8 };
err tls_tickets_load(const char *const *files, int count) BLOCKS;

struct tls_client_opts {
	bool verify;         /* the certificate must lead to a known authority and have the name */
	const char *ca_file; /* authorities to trust instead of the system's; NULL */
	enum tls_profile profile;
	bool ktls;
};

struct tls_client; /* counted */
/* ERR_CONFIG when the authorities cannot be read. */
err tls_client_new(struct tls_client **out, const struct tls_client_opts *opts) BLOCKS;
struct tls_client *tls_client_ref(struct tls_client *client);
void tls_client_unref(struct tls_client **client);
/* Encrypts a socket that was dialled, before the socket's deadline. `name` is what the certificate must
 * have, a host name or an address; `alpn` a protocol to ask for, or NULL. ERR_CONNECT when that fails,
 * with the reason: the socket is of no use then. */
err tls_connect(struct sock *sock, struct tls_client *client, const char *name,
		const char *alpn) BLOCKS;

/* The outcome of a handshake. tls_facts() is false for a plain socket. */
struct tls_facts {
	const char *version, *cipher; /* "TLSv1.3", "TLS_AES_128_GCM_SHA256" */
	const char *name;             /* that the client asked for; "" */
	bool resumed;
};
bool tls_facts(struct tls_facts *out, const struct sock *sock);

/* For the API and metrics; they only rise, apart from `open`. */
struct tls_counts {
	int64_t accepted, resumed;  /* handshakes of servers that came to a good end */
	int64_t kernel;             /* of those: it encrypts what is sent (ktls) */
	int64_t refused, timed_out; /* and others */
	int64_t plain;              /* peers that did not speak TLS on a port for it */
	int open;                   /* handshakes in progress */
};
const struct tls_counts *tls_counts(void);
