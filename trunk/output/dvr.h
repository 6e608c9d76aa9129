/* dvr - recordings of streams, for the vhosts that want them. Layer: output.
 * It observes the sources: a stream that begins gets a recorder with a coroutine of its own, which
 * reads the source's messages and writes files behind it. A file grows under another name and can be
 * played at each moment: what is lost by a crash is the last second, and the rest gets its proper name
 * when the server starts again. A disk that stalls or is full costs recordings, never a player. What is
 * older or larger than the vhost keeps is removed, now and then, by helper threads. */
#pragma once
#include "node/server.h"
#include "output/recorder.h"

struct dvr;

/* Finishes what a crash has left, and observes the server's registry from now on. */
struct dvr *dvr_new(struct server *server);
/* After the server's services were stopped. */
void dvr_free(struct dvr **dvr);

enum dvr_answer {
	DVR_OK,       /* also when it was so before */
	DVR_OFF,      /* the vhost has no recordings */
	DVR_BAD_NAME, /* which cannot be that of a file */
};

/* Records a live stream from now on to its end, whatever dvr_apply says. */
enum dvr_answer dvr_record(struct dvr *dvr, struct source *source);
/* Ends its recording; it is not recorded again before it begins anew. */
void dvr_end(struct dvr *dvr, const struct source *source);
/* All that is being recorded. The callback must not switch coroutines. */
void dvr_each(const struct dvr *dvr, void (*fn)(const struct recorder_facts *facts, void *ctx),
	      void *ctx);
