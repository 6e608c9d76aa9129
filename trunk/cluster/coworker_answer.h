/* coworker_answer - what a coworker says about a stream that it has. Layer: cluster. */
#pragma once
#include "net/addr.h"
#include "node/json.h"

struct coworker_answer {
	char rtmp[HOST_MAX + 8];  /* "host:port" to redirect to */
	char http[HOST_MAX + 8];  /* "host:port" of its HTTP server; "" when it did not say */
	char rtmps[HOST_MAX + 8]; /* the same over TLS; "" when it has none, or did not say */
	char https[HOST_MAX + 8];
	char coworker[HOST_MAX + 8]; /* who said so: the member that was asked */
	char server[64];             /* its server id; "" when it did not say, as SRS */
	char service[16];            /* the id of its start; "" likewise */
	bool draining;               /* it lets nobody new in but other servers */
	int64_t since_ms;            /* wall time at which the publish began there; 0 likewise */
	int64_t silent_ms;           /* how long its publisher has sent nothing */
	int64_t unanswered_ms;       /* how long a ping to it has not been answered */
	int absent_at; /* nobody has it: so many servers said so, this one included; 0: one gave no answer */
};

/* Into zeroed memory, what /api/v1/clusters has answered; not .coworker. OK: it has the stream.
 * ERR_NOTFOUND: it has not; then who it is, and where, may have been said all the same. ERR_PROTOCOL: that is
 * no such answer. */
err coworker_answer_read(struct coworker_answer *out, const json_t *root);
