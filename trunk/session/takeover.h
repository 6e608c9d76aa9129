/* takeover - is the publisher of a stream still there, or may the next one have its place?
 * Layer: session, used by publication.c. An encoder that reconnects while its old connection is half-open
 * must not be refused: a publisher that stays silent although it was asked has lost. */
#pragma once
#include "session/publication.h"

/* The peer was asked for a sign of life, and has given none since. */
bool takeover_is_probed(const struct publication *p);
/* Since how many milliseconds a probe is unanswered; 0 when none is out. */
int64_t takeover_unanswered_ms(const struct publication *p);
/* Asks the peer, unless it is asked already. */
void takeover_probe(struct publication *p);
/* True when the source has a publisher that gives signs of life, which is found out within 1.5 s; or
 * when the caller is stopped meanwhile. One that `t` has found silent before, and that has said nothing
 * since, is not waited for again. */
bool takeover_is_refused(struct takeover *t, const struct source *source) BLOCKS;
