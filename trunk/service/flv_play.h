/* flv_play - a player over HTTP whose stream is here, until one of them ends. Layer: service. */
#pragma once
#include "service/flv_request.h"
#include "service/http_session.h"
#include "service/locate.h"

struct flv_play_opts {
	struct http_session *s;
	const struct flv_request *request;
	struct locate *where; /* by which it was found here; with a viewer */
	bool is_relay;        /* another server: signed, where there is a secret */
	int64_t head_due_ms;  /* the head of the answer waits no longer for media */
};
/* ERR_ENDED when the stream has ended; OK when it did before anything of it had come, and the request
 * was refused. In all other cases the stream has taken the connection. */
err flv_play(const struct flv_play_opts *opts) BLOCKS;

/* Whatever the client says is dropped; ERR_CLOSED when it has gone. For locate's `look`: ctx is the
 * socket. */
err flv_drop_input(void *ctx);
