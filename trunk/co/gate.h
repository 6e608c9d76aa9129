/* gate - how many may be inside at a time; the others wait in the order in which they came. Layer: co. */
#pragma once
#include "co/co.h"

/* Zeroed, apart from `room`. */
struct gate {
	int room;                /* so many more may go in; while it is 0 there may be a queue */
	struct gate_pass *queue; /* the next one first */
};

/* Of one that may go in, zeroed at first. */
struct gate_pass {
	struct gate_pass *prev, *next;
	struct co *co; /* woken when it is let in */
	bool queued, inside;
};

/* Goes in if there is room, else to the end of the queue: pass->inside says which. Whoever is in one
 * of the two already stays there. The caller is the one that is woken. */
void gate_join(struct gate *gate, struct gate_pass *pass);
/* Leaves the inside or the queue. Whoever is in neither may call it too. */
void gate_leave(struct gate *gate, struct gate_pass *pass);
/* Joins and waits to be let in. When that fails it is not in the queue any more. */
err gate_enter(struct gate *gate, struct gate_pass *pass, int64_t deadline) BLOCKS;
