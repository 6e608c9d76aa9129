/* publication - a stream that a client brings, by whatever protocol. Layer: session.
 *
 * It takes the publisher's slot of the source, from one that is half-open too; it is the only one in
 * the cluster, or yields to a rival; on an edge a push carries it to an origin. The protocol feeds it
 * from one coroutine:
 *
 *   publication_begin()                  the slot, the origin, the coworkers
 *   while media comes:                   source_publish(), then publication_took()
 *   nothing to read:                     publication_caught_up(), publication_wait()
 *   publication_end()                    in any case; then the protocol says why to its client
 */
#pragma once
#include "node/read_pacing.h"
#include "session/bitrate.h"
#include "session/forward_ask.h"
#include "session/outcome.h"
#include "session/request.h"

struct publication;

/* Nothing of it may block. */
struct publication_ops {
	/* Asks the peer for a sign of life. */
	void (*probe)(struct publication *p);
	/* Monotonic time at which something was last received. */
	int64_t (*last_heard_ms)(const struct publication *p);
	/* Bytes that have come from the peer, those included that were not read yet. */
	int64_t (*arrived)(const struct publication *p);
	/* How long the peer may be silent; NULL: as long as the vhost's `publish` says. */
	int64_t (*patience_ms)(const struct publication *p);
	/* The client has left, while publication_begin() waits. */
	bool (*has_left)(const struct publication *p);
	/* Asks the peer to connect anew, at that URL ("": the one it has used). False when it cannot be
	 * asked. NULL: the protocol has no words for that. */
	bool (*reconnect)(struct publication *p, const char *url);
	/* p->outcome says why it ends: has its coroutine look at that soon. */
	void (*stop)(struct publication *p);
	struct traffic (*count)(const struct publication *p);
};

enum publication_state {
	PUBLICATION_BEGINNING, /* it has no slot yet */
	PUBLICATION_LIVE,      /* it feeds the source, unless another one has taken the slot */
	PUBLICATION_OVER,
};

/* The publisher that was found silent: what had come from it by then. */
struct takeover {
	const struct publication *silent;
	int64_t arrived;
};

struct publication {
	struct read_pacing in; /* its feeder writes into the source */
	const struct publication_ops *ops;
	const struct request *request;
	struct source *source;
	enum publication_state state;
	bool has_begun_media; /* something was received since it is live */
	int64_t since_wall_ms;
	int64_t probed_ms;  /* when the peer was last asked for a sign of life; 0: never */
	int64_t watched_ms; /* when somebody may have watched it the last time */
	unsigned slice;     /* messages since others could run */
	struct takeover takeover;
	struct push *push;
	struct rival *rival;
	struct bitrate bitrate;
	struct forward_answer forward; /* of a backend, where it goes on to */
	struct client client;
	struct outcome outcome; /* why it does not begin, or ends; the first reason counts */
};

/* Begins it, in zeroed memory; `request` must stay until its end. OK: it is live. An error: either the
 * outcome says why, or it was stopped or the client has left. publication_end() is due in any case. */
err publication_begin(struct publication *p, const struct publication_ops *ops,
		      const struct request *request) BLOCKS;
/* To be called after each message of the peer. An error: the publication has to end. Lets others run from time to
 * time. */
err publication_took(struct publication *p) BLOCKS;
/* To be called when all messages that have come are published. */
void publication_caught_up(struct publication *p);
/* Until when something has to come. */
int64_t publication_deadline(const struct publication *p);
/* Waits for the peer, until woken; asks it for a sign of life when it has long been silent. An error
 * when it has to end. */
err publication_wait(struct publication *p) BLOCKS;
/* Ends it, whatever `e` says of its end; returns that, or why it was ended. The source has its gap, the
 * client has left the statistics, and what a push has left to say is said. */
err publication_end(struct publication *p, err e) BLOCKS;
/* Has it ended for that reason, from outside. Does not block; the first reason counts. */
void publication_stop(struct publication *p, enum outcome_code why, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the publication of a source that has held most when there is no memory for media. To be called by
 * the registry. */
void publication_on_exhausted(struct registry *registry, struct source *source);

/* The one that feeds the source; NULL when none does. */
struct publication *publication_of(const struct source *source);

/* What other servers may want to know of it. False when there is none. One that has been silent for a
 * while is asked for a sign of life, and `by_rival` says that the one who asks has the stream too: then
 * it is looked who may keep it. */
struct publication_facts {
	int64_t since_wall_ms;
	int64_t silent_ms;     /* since the last byte */
	int64_t unanswered_ms; /* since it was asked for a sign of life that has not come; 0 */
};
bool publication_facts(const struct source *source, bool by_rival, struct publication_facts *out);
