/* certs - the certificates of this server by what they serve, and what it trusts as a client.
 * Layer: node. They follow the configuration and, by themselves, their files. */
#pragma once
#include "conf/conf.h"
#include "net/tls.h"

struct server;
struct certs;

/* Which block of the configuration the certificates are from. */
enum certs_of { CERTS_RTMPS, CERTS_HTTP_SERVER, CERTS_HTTP_API, CERTS_COUNT };
/* "RTMPS", "HTTPS", "HTTPS API". */
const char *certs_name(enum certs_of of);

struct certs *certs_new(void);
void certs_free(struct certs **certs);
/* Reads all files that the configuration names. What cannot be used leaves what is in use, and is
 * logged; ERR_CONFIG when there is nothing in use: those who ask for it could not be served. */
err certs_load(struct certs *certs, const struct conf *conf) BLOCKS;
/* For listeners; it stays the same one when its certificates change. */
struct tls_server *certs_server(struct certs *certs, enum certs_of of);
/* For connections to other servers. */
struct tls_client *certs_client(struct certs *certs);
/* Why the files that are there now are not in use; "" when they are. */
const char *certs_refused(const struct certs *certs, enum certs_of of);
/* A coroutine of the server that looks at the files from time to time. */
void certs_watch(struct server *server);
