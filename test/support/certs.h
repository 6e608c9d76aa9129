/* certs - certificates made while a test runs. Layer: test. */
#pragma once
#include <stdbool.h>

enum cert_kind { CERT_RSA, CERT_ECDSA };

struct cert_opts {
	enum cert_kind kind;
	const char *names;    /* of the certificate: "DNS:a.example,IP:127.0.0.1" */
	int begins_s, ends_s; /* relative to now; ends_s 0: in an hour */
	long serial;
	const char *password; /* of the key; NULL: none */
};

/* A folder of its own, removed by certs_fini(). */
void certs_init(void);
void certs_fini(void);
/* Writes NAME.crt and NAME.key, signed by itself. Paths: certs_path("NAME.crt"), of which the last
 * eight are kept. */
void certs_make(const char *name, const struct cert_opts *opts);
const char *certs_path(const char *file);
/* A file with these bytes. */
void certs_write(const char *file, const void *p, unsigned n);
