/* Leaving hands the place to the next in the queue before that coroutine runs, so that no other can take it. */
#include "co/gate.h"

#include <utlist.h>

void gate_join(struct gate *gate, struct gate_pass *pass)
{
	if (pass->inside || pass->queued)
		return;
	pass->co = co_self();
	if (gate->room > 0) {
		gate->room--;
		pass->inside = true;
		return;
	}
	pass->queued = true;
	DL_APPEND(gate->queue, pass);
}

static void leave_queue(struct gate *gate, struct gate_pass *pass)
{
	DL_DELETE(gate->queue, pass);
	pass->queued = false;
}

static void let_in(struct gate *gate)
{
	struct gate_pass *next = gate->queue;
	if (!next) {
		gate->room++;
		return;
	}
	leave_queue(gate, next);
	next->inside = true;
	co_wake(next->co);
}

void gate_leave(struct gate *gate, struct gate_pass *pass)
{
	if (pass->queued)
		leave_queue(gate, pass);
	if (!pass->inside)
		return;
	pass->inside = false;
	let_in(gate);
}

err gate_enter(struct gate *gate, struct gate_pass *pass, int64_t deadline)
{
	gate_join(gate, pass);
	err e = OK;
	bool at_once = pass->inside;
	while (!pass->inside && e == OK)
		e = co_wait(deadline);
	/* Those inside may leave at this very deadline: to be let in then is too late. */
	if (e == OK && !at_once && clock_ms() >= deadline)
		e = err_plain(ERR_TIMEOUT);
	if (e != OK)
		gate_leave(gate, pass);
	return e;
}
