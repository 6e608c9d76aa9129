/* token_answers - what origins said a moment ago about clients (token_traverse), for the same question again: a
 * player that comes back, the requests of one player of HLS. Layer: cluster, for token.c.
 *
 * An answer is kept for as long as the origin says, at most TOKEN_ANSWERS_MAX of them: the oldest goes. A question
 * that is longer than TOKEN_QUESTION_MAX is asked each time. */
#pragma once
#include "cluster/question.h"

enum { TOKEN_ANSWERS_MAX = 1024, TOKEN_QUESTION_MAX = 2048 };

struct token_answers;
struct token_answers *token_answers_new(void);
/* NULL is fine; clears. */
void token_answers_free(struct token_answers **answers);
/* False: it is not known (any more). `question` is all that the answer depends on, as text. */
bool token_answers_get(struct token_answers *answers, const char *question,
		       struct question_answer *out);
void token_answers_keep(struct token_answers *answers, const char *question,
			const struct question_answer *answer);
