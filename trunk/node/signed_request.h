/* signed_request - asks the API of another server, signed if there is a secret. Layer: node. */
#pragma once
#include "http/client.h"
#include "node/sign.h"

/* The header of a 401 by which a server says for whom a request has to be signed. */
#define SIGN_RECEIVER "X-Srs-Receiver"

/* As http_request(), whose opts->field it uses itself, signed with the secret of that vhost (NULL:
 * any) for the server at that address. When that is another one than it was, its answer says which,
 * and the request is signed and sent once more, within the same deadline: one round trip for each
 * start of a process that is asked. */
err signed_request(struct signer *signer, const char *vhost, const struct http_request_opts *opts,
		   int *status, struct buf *body) BLOCKS;
