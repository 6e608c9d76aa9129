/* budget - how much memory something may use in all, whoever uses it. Layer: base.
 * A budget can be a part of another one: one question has its own, all questions together another.
 * Strangers have a part of each, so that they cannot use up what the others need. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t max, strangers_max; /* in all; of that for strangers, while nobody uses more */
	size_t used;
	struct budget *above; /* this one is a part of it; NULL */
};

/* What one user has taken. Zeroed memory, apart from the first two members. */
struct purse {
	struct budget *from; /* NULL: there is no limit */
	bool stranger;
	size_t taken;
};

/* All of it, from the budget and from all above it, or nothing: false. */
bool purse_take(struct purse *purse, size_t n);
/* Gives back n of what was taken. */
void purse_give(struct purse *purse, size_t n);
/* Gives back everything. */
void purse_empty(struct purse *purse);
