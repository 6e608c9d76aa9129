/* outcome - why a session is refused, sent elsewhere or ended, in no protocol's words. Layer: session.
 * Each protocol has a table from these codes to its own statuses. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum outcome_code {
	OUTCOME_NONE,
	/* it never began */
	OUTCOME_NO_VHOST,
	OUTCOME_BAD_NAME,      /* no stream can be named like this */
	OUTCOME_RELAY_REFUSED, /* other servers are not accepted from this address */
	OUTCOME_MISDIRECTED, /* a relay signed for another server or an earlier start of this one */
	OUTCOME_FULL,
	OUTCOME_LOOP,      /* the request was here before */
	OUTCOME_DENIED,    /* an origin says no */
	OUTCOME_UNDECIDED, /* nobody could be asked whether it may */
	OUTCOME_NO_ORIGIN, /* no origin could be had, or takes the stream any more */
	OUTCOME_NOT_FOUND, /* nobody publishes the stream */
	OUTCOME_ELSEWHERE, /* another server has it: .rtmp and .http say where */
	OUTCOME_BUSY,      /* it is published already */
	OUTCOME_DRAINING,  /* the server takes nobody new any more */
	/* it ends */
	OUTCOME_KICKED,   /* by the API */
	OUTCOME_DRAINED,  /* the server ends: it can be had elsewhere */
	OUTCOME_REPLACED, /* another publisher took over a publication that was silent */
	OUTCOME_RIVAL,    /* another origin's publisher has the stronger claim */
	OUTCOME_IDLE,     /* nobody watches */
	OUTCOME_SILENT,   /* the peer sends nothing */
	OUTCOME_TOO_MUCH, /* the peer sends more than it may */
	OUTCOME_ENDED,    /* the stream is over */
	OUTCOME_DURATION, /* the duration that was asked for is over */
	OUTCOMES,
};

struct outcome {
	enum outcome_code code;
	char word[128]; /* the code that an origin gave for it; "" */
	char text[256]; /* a sentence */
	char rtmp[300]; /* "host:port"; OUTCOME_ELSEWHERE */
	char http[300]; /* likewise; "" when that server has none */
	bool tls;       /* both are for encrypted connections */
	int64_t end_s; /* nothing speaks against it up to this second, in which its link ends; 0: no link with an end */
	int absent_at; /* OUTCOME_NOT_FOUND: so many servers of the cluster say so; 0: unknown */
};

/* The error of such an end, for the log; OK for OUTCOME_NONE. */
err outcome_err(enum outcome_code code);
/* Sets code and sentence, unless there is a code already: the first reason counts. */
void outcome_set(struct outcome *o, enum outcome_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, and returns outcome_fail(). */
err outcome_refuse(struct outcome *o, enum outcome_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The outcome's error with its sentence as the trail. */
err outcome_fail(const struct outcome *o);
