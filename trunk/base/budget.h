/* budget - the memory that all users of something may take together. Layer: base.
 * A budget can be a part of another one: one question has its own, all questions together another.
 * Untrusted users have a part of each, so that they cannot use up what the others need. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t max, untrusted_max; /* in all; of that for untrusted users */
	size_t used;
	struct budget *above; /* this one is a part of it; NULL */
};

/* What one user has taken. Zeroed memory, apart from the first three members. */
struct quota {
	struct budget *from; /* NULL: there is no limit */
	bool untrusted;
	size_t reserve; /* that an untrusted one may have whatever the others of its kind have taken */
	size_t taken;
};

/* All of it, from the budget and from all above it, or nothing: false. */
bool quota_take(struct quota *quota, size_t n);
/* Gives back n of what was taken. */
void quota_give(struct quota *quota, size_t n);
/* Gives back everything. */
void quota_empty(struct quota *quota);
