#include "sip/answers.h"
#include "base/budget.h"
#include "base/map.h"
#include "base/mem.h"
#include "co/co.h"
#include "sip/endpoint.h"

#include <stdlib.h>

enum { ENTRY_COST = 256, UNTRUSTED_PART = 4 }; /* beside its bytes */

struct kept_answer {
	int64_t until;
	struct quota quota;
	size_t n;
	uint8_t bytes[];
};

struct sip_answers {
	struct map *kept; /* in the order in which they end */
	struct budget budget;
	struct timer timer;
};

static void drop(struct sip_answers *a, const char *key, struct kept_answer *kept)
{
	(void)map_remove(a->kept, key);
	quota_empty(&kept->quota);
	free(kept);
}

/* Drops answers whose time is over, and sets the timer for the next one. */
static void purge(struct timer *timer)
{
	struct sip_answers *a = container_of(timer, struct sip_answers, timer);
	int64_t now = clock_ms();
	for (struct map_iter it = map_begin(a->kept); map_next(&it);) {
		struct kept_answer *kept = it.value;
		if (kept->until > now) {
			timer_set(timer, kept->until);
			return;
		}
		drop(a, it.key, kept);
	}
}

struct sip_answers *sip_answers_new(size_t max)
{
	struct sip_answers *a = mem_new(struct sip_answers);
	a->kept = map_new();
	a->budget = (struct budget){.max = max, .untrusted_max = max / UNTRUSTED_PART};
	a->timer.fn = purge;
	return a;
}

void sip_answers_free(struct sip_answers **answers)
{
	struct sip_answers *a = *answers;
	*answers = NULL;
	if (!a)
		return;
	timer_cancel(&a->timer);
	for (struct map_iter it = map_begin(a->kept); map_next(&it);)
		drop(a, it.key, it.value);
	map_free(&a->kept);
	free(a);
}

struct span sip_answers_get(const struct sip_answers *answers, const char *key)
{
	const struct kept_answer *kept = map_get(answers->kept, key);
	return kept ? span_of(kept->bytes, kept->n) : (struct span){0};
}

bool sip_answers_put(struct sip_answers *a, const char *key, struct span bytes, bool untrusted)
{
	struct quota quota = {.from = &a->budget, .untrusted = untrusted};
	if (!quota_take(&quota, bytes.n + ENTRY_COST))
		return false;
	struct kept_answer *kept = mem_alloc(sizeof(*kept) + bytes.n);
	kept->until = clock_after(SIP_TRANSACTION_MS);
	kept->quota = quota;
	kept->n = bytes.n;
	memcpy(kept->bytes, bytes.p, bytes.n);
	(void)map_set(a->kept, key, kept);
	if (!a->timer.armed)
		timer_set(&a->timer, kept->until);
	return true;
}

int sip_answers_count(const struct sip_answers *answers)
{
	return (int)map_count(answers->kept);
}
