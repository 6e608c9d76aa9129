/* forward_ask - asks the web service of vhost.forward where a stream goes (backend, on_forward of SRS). Layer:
 * session. */
#pragma once
#include "session/outcome.h"
#include "session/request.h"

/* What a backend has said. */
struct forward_answer {
	char *backend; /* which one was asked; NULL: none */
	struct text_list urls;
};
/* Asks the backend of the request's vhost, if there is one, about the stream that is about to be published. An
 * error: the publish is to be refused, see the outcome; ERR_STOPPED when the caller is being stopped. */
err forward_ask(const struct request *request, struct forward_answer *answer,
		struct outcome *outcome) BLOCKS;
/* Zeroed memory is fine. */
void forward_answer_fini(struct forward_answer *answer);
