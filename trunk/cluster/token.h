/* token - lets an origin decide whether a client of this edge may play or publish (token_traverse).
 * Layer: cluster.
 *
 * An origin of SRS hears a connect in the client's own words, and its answer to that decides. One of ours is then
 * asked about the stream itself, with the parameters of the link and the client's address (question.h). */
#pragma once
#include "cluster/question.h"
#include "conf/conf.h"
#include "rtmp/client.h"

struct cluster;
struct tokens;

/* The words of the client, as an RTMP connect has them. Borrowed. */
struct token_words {
	const char *app, *tc_url, *page_url, *swf_url;
	const struct amf *args; /* the second object of connect; NULL */
};

/* Of a process; when all sessions have ended it is freed. NULL is fine; clears. */
struct tokens *tokens_new(void);
void tokens_free(struct tokens **tokens);

/* The first origin that can be asked, in the order of the configuration but those last that have just failed. OK:
 * it allows it. ERR_DENIED: it says no, and why in *answer; another error likewise, of an origin that ends the
 * conversation behind the handshake. ERR_CONNECT: none can be asked in time. ERR_STOPPED. Of one vhost
 * TOKEN_ASKED_MAX clients are asked about at a time, the others wait their turn; no answer waits for those of
 * another vhost. */
enum { TOKEN_ASKED_MAX = 32, TOKEN_TURN_MS = 10000 };
err token_ask(struct cluster *cluster, const struct conf_vhost *vhost,
	      const struct token_words *words, const struct question *question,
	      struct question_answer *answer) BLOCKS;
