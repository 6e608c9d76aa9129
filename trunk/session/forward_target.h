/* forward_target - one destination of one stream: a coroutine that connects, sends from a key frame on, and
 * tries again after a loss, more and more seldom. Layer: session, for forward*.c and the API.
 *
 * It is a consumer of the source like any other: what becomes of the destination is never felt by the
 * publisher. A destination that takes the bytes too slowly is moved to newer key frames, as a player is. */
#pragma once
#include "session/forward_place.h"

struct forward_target;

enum forward_state {
	FORWARD_CONNECTING,
	FORWARD_LIVE,    /* it has taken the stream */
	FORWARD_WAITING, /* until the next attempt, see reason */
};
const char *forward_state_name(enum forward_state state);

struct forward_facts {
	const char *url; /* see forward_place.shown */
	enum forward_state state;
	int64_t since_wall_ms; /* of this state */
	int attempts;          /* since it was last live */
	uint64_t losses;       /* so often it was live, and is no more */
	const char *reason;    /* of the last failure; "" */
	int64_t send_bytes;
	int64_t lag_ms; /* how far what it gets is behind; 0 unless it is live */
};

struct forward_opts {
	struct server *server;
	const struct conf_vhost *vhost; /* of server->conf */
	struct source *source;
	const struct wire_format *ts; /* MPEG-TS, for SRT */
	const char *path;             /* ids of the servers that the stream came by, ",a,b"; "" */
};

/* Takes what `place` holds. It runs among the server's services until forward_target_end() or the end of
 * those. */
struct forward_target *forward_target_start(const struct forward_opts *opts,
					    struct forward_place *place);
/* What has been published still goes out, for a moment, in the background. Clears; NULL is fine. */
void forward_target_end(struct forward_target **target);
/* The stream is there again after a gap. */
void forward_target_wake(struct forward_target *target);
/* "host:port…" as it was configured. */
const char *forward_target_text(const struct forward_target *target);
void forward_target_facts(const struct forward_target *target, struct forward_facts *out);
