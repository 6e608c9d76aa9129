/* msg_log - the recent messages of a source, numbered. Layer: live, a part of a source.
 *
 * Every message that is published has the next sequence number, whether it is kept or not. Kept are
 * those from the newest start on (a message at which one can begin to decode), those that a reader
 * (live/reader.h) has not read, and, where asked for, earlier starts with what follows them: a server that
 * goes on with a stream that it has had from another one begins there. A reader that is too far behind is
 * moved, and earlier starts are given up, so that memory is bounded. */
#pragma once
#include "base/fetch.h"
#include "live/headers.h"

struct msg_log;

/* The position of a reader; see live/reader.h. */
struct reader {
	struct msg_log *log; /* NULL: not open */
	struct reader *prev, *next;
	bool with_twin;
	uint64_t seq;                /* of the next message to be looked at */
	uint64_t lost;               /* missed by being moved, and not told yet */
	uint64_t overruns;           /* times it was moved because it was too slow */
	int64_t read_ms;             /* monotonic; when it last read */
	struct headers *headers;     /* to be told with the next message; NULL: it has them */
	struct headers *out_headers; /* were told with the last one */
	int64_t key_due_ms; /* pictures only from a key frame on, or from then on; 0: all */
};

/* A start before the newest one. */
struct log_start {
	uint64_t seq;
	int64_t ms;              /* monotonic; arrival */
	struct headers *headers; /* in effect there */
};

struct msg_log {
	struct msg **ring; /* message `seq` is at seq % room */
	uint32_t room;     /* a power of two, or 0 */
	uint64_t first;    /* the oldest that is kept; `next` when there is none */
	uint64_t next;     /* the number of the next message to come */
	size_t bytes;
	bool has_start;
	uint64_t start;
	int64_t start_ms;   /* monotonic; its arrival */
	size_t start_bytes; /* of the messages from there on */
	struct headers *start_headers;
	struct log_start *former; /* earlier starts of this feeder, oldest first */
	int former_count, former_room;
	size_t former_bytes; /* of the messages from the oldest of them to the newest start */
	uint64_t begin;      /* the first message of this feeder */
	int64_t former_from_ms; /* the newest start that came before then is kept too; 0: none but the newest */
	struct headers *headers; /* in effect at the end */
	struct reader *readers;
	int64_t backlog_ms; /* a reader further behind is moved */
	int64_t head_ts;
	int64_t key_wait_ms; /* how long a reader waits for a key frame; the source's */
};

void msg_log_fini(struct msg_log *log);
/* The next message. `starts`: one can begin at it, with these headers. */
void msg_log_append(struct msg_log *log, struct msg *m, bool starts, struct headers *headers,
		    int64_t now_ms);
/* Lets go of what nobody needs; for readers that leave. */
void msg_log_trim(struct msg_log *log, int64_t now_ms);
/* Lets go of all: readers are moved behind the newest message. */
void msg_log_shrink(struct msg_log *log, int64_t now_ms);
/* Another feeder: what is kept of the one before is for receivers that join now, and not for those that go on. */
void msg_log_begin(struct msg_log *log);
/* Nobody can begin at the start any more, nor at an earlier one. */
void msg_log_forget_start(struct msg_log *log);
/* Where a receiver begins that has had the stream until then: the newest start that came before, or the oldest
 * that is kept. Borrowed, until the next call; NULL: the newest start of all is the one. */
const struct log_start *msg_log_former(const struct msg_log *log, int64_t until_ms);
/* Where the next message goes is fetched. */
static inline void msg_log_fetch(const struct msg_log *log)
{
	if (log->room)
		fetch(&log->ring[log->next & (log->room - 1)], FETCH_LINE);
}
/* Borrowed. The number must be that of a message that is kept. */
struct msg *msg_log_at(const struct msg_log *log, uint64_t seq);
