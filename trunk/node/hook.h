/* hook - asks a web service for its word on an event, as SRS does: POST, and an answer that is 0 or an
 * object whose "code" is 0. Layer: node. Which events there are and what a missing answer means is the
 * caller's business, see session/hooks.h. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/histogram.h"
#include "co/co.h"

enum {
	HOOK_CONNECTIONS =
		32, /* to one service at a time, kept and used again; others wait in order */
	HOOK_ANSWER_MAX = 65536,
	HOOK_WHY_MAX = 160,
};

enum hook_verdict {
	HOOK_ALLOWED,
	HOOK_REFUSED, /* it has said no */
	HOOK_NO_ANSWER, /* it could not be asked, was too slow, or has said nothing that could be read */
};

/* What an answer means. `why` becomes a sentence unless it is allowed: the service's own where it gives
 * one ("reason", "msg" or "message" of the object). */
enum hook_verdict hook_verdict_of(int status, struct span body, char why[static HOOK_WHY_MAX]);

/* Requests for one event, since the start of the process. */
struct hook_count {
	const char *event; /* NULL: none, and none behind it */
	uint64_t verdicts[HOOK_NO_ANSWER + 1];
	struct histogram seconds; /* until the answer, or until it was given up */
};
enum { HOOK_COUNTS = 24 };
/* HOOK_COUNTS of them. */
const struct hook_count *hook_counts(void);

struct tls_client;
struct hook_call {
	const char *event;        /* for the counts, a literal; NULL: "other" */
	const char *url;          /* "http[s]://host[:port]/path?query" */
	struct tls_client *tls;   /* for https: what is trusted */
	const char *tls_name;     /* that the certificate must have; NULL, "": its host's */
	const char *content_type; /* of the body; NULL: GET, to which any answer is HOOK_ALLOWED */
	size_t answer_max;        /* bytes of the answer that are read; 0: HOOK_ANSWER_MAX */
	struct span body;
	int64_t deadline; /* monotonic; for all of it, waiting for a connection included */
	struct buf *
		answer; /* gets the body of the answer, at most HOOK_ANSWER_MAX; NULL: nobody reads it */
};
/* Posts it once, or fetches it. *verdict says what the answer means; an error only when the caller is being stopped. */
err hook_post(const struct hook_call *call, enum hook_verdict *verdict,
	      char why[static HOOK_WHY_MAX]) BLOCKS;
