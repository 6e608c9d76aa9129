#include "session/takeover.h"
#include "base/log.h"

enum {
	SUSPECT_MS = 1500, /* silent for so long: half-open */
	SUSPECT_STEP_MS = 25,
};

struct publication *publication_of(const struct source *source)
{
	return source_is_published(source) ? source->feeder->publication : NULL;
}

bool takeover_is_probed(const struct publication *p)
{
	return p->probed_ms > p->ops->last_heard_ms(p);
}

int64_t takeover_unanswered_ms(const struct publication *p)
{
	return takeover_is_probed(p) ? clock_ms() - p->probed_ms : 0;
}

void takeover_probe(struct publication *p)
{
	if (takeover_is_probed(p))
		return;
	p->probed_ms = clock_ms();
	p->ops->probe(p);
}

/* Whether the publisher says nothing new until then. Bytes that the kernel held before the question are no sign of
 * life: they were sent before, and may be the last that came through. */
static bool stays_silent(const struct source *source, const struct publication *p, int64_t before,
			 int64_t until)
{
	while (clock_ms() < until) {
		if (co_sleep(SUSPECT_STEP_MS) != OK)
			return false;
		if (publication_of(source) != p || p->outcome.code)
			return true;
		if (p->ops->arrived(p) != before)
			return false;
	}
	return true;
}

bool takeover_is_refused(struct takeover *t, const struct source *source)
{
	struct publication *p = publication_of(source);
	if (!p || p->outcome.code)
		return false;
	int64_t before = p->ops->arrived(p);
	if (t->silent == p && t->arrived == before)
		return false;
	int64_t until = p->ops->last_heard_ms(p) + SUSPECT_MS;
	if (until < clock_ms() + SUSPECT_STEP_MS)
		until = clock_ms() + SUSPECT_MS / 2;
	takeover_probe(p);
	if (!stays_silent(source, p, before, until))
		return true;
	if (publication_of(source) != p)
		return source_is_published(source);
	*t = (struct takeover){.silent = p, .arrived = before};
	if (!p->outcome.code)
		log_warn("%s: the publisher before is silent and does not answer a ping; it is "
			 "replaced",
			 source->key);
	return false;
}
