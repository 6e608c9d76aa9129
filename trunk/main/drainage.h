/* drainage - leads a server from its last new client to its end. Layer: main.
 *
 *   announced   readiness is false, and clients are still let in, for grace_start_wait
 *   on          new clients go elsewhere; those who understand it are asked to connect anew; what shares
 *               its ports with other processes listens no more, the rest stays to say where to go
 *   limit       those who are left at drain_timeout are ended, players one after the other in the time before
 *   empty       the end, grace_final_wait later
 */
#pragma once
#include "main/serve.h"

/* Begins; nothing happens when it has begun already. limit_ms < 0: as configured. Does not block. */
void drainage_begin(struct serve *serve, int64_t limit_ms);
/* Another process has taken over: able clients are asked to connect anew, and this one ends when it is empty and no
 * stream of a former one is had through it. Does not block. */
void drainage_hand_over(struct serve *serve);
/* Does what server.drain.wish says. Does not block. */
void drainage_take_wish(struct serve *serve);
/* When drainage_step() is due; CLOCK_NEVER while nothing is being drained. */
int64_t drainage_due(const struct serve *serve);
/* The next step; true when the server may end. */
bool drainage_step(struct serve *serve) BLOCKS;
