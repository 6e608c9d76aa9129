/* signed_request - requests over HTTP between servers that share a secret, at both ends. Layer: node.
 * The one asks the API of another server, signed; the other one looks whether a request is signed,
 * and refuses it. */
#pragma once
#include "http/client.h"
#include "http/http.h"
#include "node/sign.h"

/* The header of a 401 by which a server says for whom a request has to be signed. */
#define SIGN_RECEIVER "X-Srs-Receiver"

/* As http_request(), whose opts->field it uses itself, signed with the secret of that vhost (NULL:
 * any) for the server at that address. When that is another one than it was, its answer says which,
 * and the request is signed and sent once more, within the same deadline: one round trip for each
 * start of a process that is asked. */
err signed_request(struct signer *signer, const char *vhost, const struct http_request_opts *opts,
		   int *status, struct buf *body) BLOCKS;

/* In the body of a refusal: as SRS numbers one of an authentication. */
enum { CODE_DENIED = 1102 };

/* Whether a request is signed for this server, with `what` beside its method and target. Counts what
 * it was. */
enum sign_verdict signed_request_check(struct signer *signer, const struct http_message *request,
				       struct span what);
/* The answer to one that is not: 401 and why. Who has signed for another server or for an earlier start
 * of this one is told who we are (`self`). `cors`: header lines for the answer. */
err signed_request_refuse(struct sock *sock, const struct http_message *request,
			  enum sign_verdict verdict, const char *self, const char *cors) BLOCKS;
