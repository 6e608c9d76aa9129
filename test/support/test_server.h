/* test_server - a server without listeners, for tests of what stands on one. Layer: test.
 *
 * It has a configuration, a registry of sources, clients, a cluster and a signer, all of them real. A
 * test for `node` or below cannot link it. Coroutines must run (co_unit.h). */
#pragma once
#include "node/server.h"

/* The text is an SRS configuration; `listen` is put in front of it. Fails the test when it is not good. */
struct server *test_server_new(const char *conf);
void test_server_free(struct server **server);
/* A default vhost with this content, as a configuration. malloc'ed. */
char *test_server_vhost(const char *content);

/* A stream that is live, fed by the test. */
struct test_stream {
	struct addr peer; /* of its client */
	struct server *server;
	struct source *source;
	struct feeder feeder;
	struct client client;
	int stops; /* of the client */
};
/* Publishes live/<name> of the default vhost as a client of that id: headers and a key frame. */
void test_stream_begin(struct test_stream *stream, struct server *server, const char *name);
void test_stream_end(struct test_stream *stream);
