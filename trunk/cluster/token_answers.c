#include "cluster/token_answers.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct token_answers {
	struct map *by_question; /* struct kept, the oldest first */
};

struct kept {
	int64_t until_ms; /* monotonic */
	struct question_answer answer;
};

struct token_answers *token_answers_new(void)
{
	struct token_answers *a = mem_new(struct token_answers);
	a->by_question = map_new();
	return a;
}

void token_answers_free(struct token_answers **answers)
{
	struct token_answers *a = *answers;
	*answers = NULL;
	if (!a)
		return;
	map_free_values(&a->by_question);
	free(a);
}

bool token_answers_get(struct token_answers *a, const char *question, struct question_answer *out)
{
	struct kept *kept = map_get(a->by_question, question);
	if (!kept)
		return false;
	if (clock_ms() >= kept->until_ms) {
		free(map_remove(a->by_question, question));
		return false;
	}
	*out = kept->answer;
	return true;
}

static void drop_oldest(struct token_answers *a)
{
	struct map_iter it = map_begin(a->by_question);
	if (map_next(&it))
		free(map_remove(a->by_question, it.key));
}

void token_answers_keep(struct token_answers *a, const char *question,
			const struct question_answer *answer)
{
	if (answer->good_ms <= 0 || strlen(question) > TOKEN_QUESTION_MAX)
		return;
	free(map_remove(a->by_question, question));
	if (map_count(a->by_question) >= TOKEN_ANSWERS_MAX)
		drop_oldest(a);
	struct kept *kept = mem_new(struct kept);
	kept->until_ms = clock_after(answer->good_ms);
	kept->answer = *answer;
	map_set(a->by_question, question, kept);
}
