/* admit - may this client have what it asks for? Layer: session. One list of checks for every protocol
 * (admit.c): what may refuse a client, or has to wait before it can say so, is a row there. */
#pragma once
#include "cluster/token.h"
#include "node/places.h"
#include "session/outcome.h"
#include "session/request.h"

struct admission {
	/* With what the client says; is_relay comes out, and what is not believed is gone. */
	struct request *request;
	struct conn_place *place; /* of its connection */
	/* Whether what it says of itself as a server is signed. Called once at most, and only where that
	 * matters. */
	enum sign_verdict (*verify)(void *ctx);
	void *ctx;
	/* A server that has signed for another one can be told who we are, and comes again: then that is
	 * OUTCOME_MISDIRECTED. Otherwise it is taken for an ordinary client. */
	bool can_correct;
	const struct token_words *token; /* what an origin is asked with */
	struct outcome *outcome;         /* why not */
	int hops;                        /* servers that a question of another server has come by */
	bool has_asked; /* comes out: web services may have been asked about the connection */
};

/* The checks that can be made when the client has only named its vhost. */
err admit_connection(struct admission *admission);
/* The checks that can be made when it has named the stream. OK: it may play or publish. An error: outcome says why
 * not, or it was stopped. */
err admit_stream(struct admission *admission) BLOCKS;
/* An origin decides about it too (token_traverse). */
bool admit_asks_origin(const struct request *request);
/* The same for one more request of a client that has neither connection nor session: what an origin has to say, where
 * one decides (token_traverse), and our own rules before it. */
err admit_again(struct admission *admission) BLOCKS;
/* The checks of what another server asks us about a client of its own (cluster/question.h): what its origin decides.
 * Places, drains and who asks are that server's affair. */
err admit_asked(struct admission *admission) BLOCKS;
/* How long the answer to such a question is good without asking again, in milliseconds; 0: others were asked. */
int64_t admit_asked_good_ms(const struct admission *admission);
