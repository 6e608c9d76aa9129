/* viewing - a client that takes a stream, by whatever protocol. Layer: session.
 *
 * viewing_find() says where the stream is; viewing_play() plays it here, from joining to the end, and
 * goes on after an end when another server has the stream then. The protocol gives the functions that
 * know its bytes:
 *
 *   viewing_find()    here, or v->outcome says where else, or why not
 *   viewing_play()    join; then input, prepare, send, check, wait, until an end
 *   viewing_end()     in any case
 *
 * While all goes well the send slots of the source send the media, and the viewing's own coroutine only
 * looks after the client from time to time: its stack and its registers would be cold in each of thousands
 * of slots. */
#pragma once
#include "base/mem.h"
#include "cluster/pulls.h"
#include "live/source.h"
#include "node/send_monitor.h"
#include "session/outcome.h"
#include "session/request.h"

struct viewing;

/* Nothing of it may block. */
struct viewing_ops {
	/* Takes what the client has said, also while the stream is being looked for. viewing_close()
	 * when it has closed the stream. */
	err (*input)(struct viewing *v);
	/* There is something to play: opens v->cursor (if it sends bytes of
	 * a wire) and v->consumer. */
	void (*join)(struct viewing *v);
	/* Closes what else join has opened, before v->consumer closes. NULL: nothing. */
	void (*leave)(struct viewing *v);
	/* Does what is due before media can be sent; lowers *deadline. NULL: nothing. */
	void (*prepare)(struct viewing *v, int64_t *deadline);
	/* Sends what there is, as much as one slice may, and sets v->monitor.left. */
	err (*send)(struct viewing *v);
	/* Something is left to be sent. */
	bool (*pending)(const struct viewing *v);
	/* The client was told how many bytes come, and not all are sent: no end can be said before that. In
	 * VIEWING_CLOSING no more are announced until v->cursor pauses. NULL: it never is told. */
	bool (*within)(const struct viewing *v);
	/* The peer still takes what is sent; lowers *deadline. */
	err (*check)(struct viewing *v, int64_t *deadline);
	/* Asks the client to connect anew, at that URL ("": the one it has used). False when it cannot be
	 * asked. NULL: the protocol has no words for that. */
	bool (*reconnect)(struct viewing *v, const char *url);
	/* v->outcome says why it ends: has its coroutine look at that soon. */
	void (*stop)(struct viewing *v);
	struct traffic (*count)(const struct viewing *v);
	/* How often it was moved ahead, being too slow. NULL: as often as v->cursor. */
	int64_t (*skips)(const struct viewing *v);
};

enum viewing_state {
	VIEWING_LOOKING, /* where the stream is */
	VIEWING_PLAYING,
	/* the client has closed the stream, or the server ends: a message that was begun is sent to its end */
	VIEWING_CLOSING,
	VIEWING_OVER,
};

/* Members that each of thousands of send slots touches stand in front. */
struct viewing {
	struct consumer consumer;
	struct cursor cursor;  /* of a protocol that sends bytes of a wire */
	struct source *source; /* one reference, once it is found */
	struct send_monitor monitor;
	const struct viewing_ops *ops;
	const struct request *request;
	enum viewing_state state;
	bool has_told; /* the client knows that it plays: it cannot be sent elsewhere any more */
	bool has_sent; /* some media */
	int64_t duration_ms; /* of media to play; 0: no end */
	struct co *co;
	struct viewer viewer;
	struct client client;
	struct outcome
		*outcome; /* why it does not begin, or ends; NULL as long as there is no reason */
};

/* Looks for the stream, in zeroed memory; `request` must stay until the end. OK: it is here, or may come. With
 * patience_ms >= 0 origins that have not answered by then are waited for no longer. An error: either v->outcome says
 * why, or it was stopped or the client has left. viewing_end() is due in any case. */
err viewing_find(struct viewing *v, const struct viewing_ops *ops, const struct request *request,
		 int64_t patience_ms) BLOCKS;
/* Plays it. OK: the client has closed the stream. An error: v->outcome, as above, or why the connection
 * is of no more use. The client has left the statistics and the consumer the source. */
err viewing_play(struct viewing *v) BLOCKS;
/* Instead of that: it may play, and does not. Web services have been asked about it, and hear that it has ended. */
void viewing_pass(const struct viewing *v);
void viewing_end(struct viewing *v);

/* ---- for the protocol ---- */

/* For consumer_opts.on_send_slot: sends by ops->send, unless the coroutine has to look after the client. */
void viewing_send_slot(struct viewing *v, const struct sock *sock);
/* The same for a protocol whose connection is no socket of ours: ops->check alone says when it is dead. */
void viewing_send_turn(struct viewing *v);
/* Whether playing begins with what is kept of the stream, as the vhost has it. Not for another server while the
 * stream has no media: there, what is kept would be taken for a stream that is back, and two servers that have lost
 * it could feed each other. */
bool viewing_from_start(const struct viewing *v);
/* For a protocol that sends no bytes of a wire: media is sent to the client. The first time counts. */
void viewing_note_sent(struct viewing *v);
/* For cursor_opts.until_ms. */
int64_t viewing_until(const struct viewing *v);
/* The client has closed the stream. */
void viewing_close(struct viewing *v);
/* Has it ended for that reason, from outside. Does not block; the first reason counts. */
void viewing_stop(struct viewing *v, enum outcome_code why, const char *text);
/* The reason for its end, to be filled in. */
static inline struct outcome *viewing_outcome(struct viewing *v)
{
	if (!v->outcome)
		v->outcome = mem_new(struct outcome);
	return v->outcome;
}
