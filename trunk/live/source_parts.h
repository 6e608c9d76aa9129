/* source_parts - what source.c (its life), source_cursor.c (its wires) and source_publish.c (its messages)
 * share. Layer: live. */
#pragma once
#include "live/source.h"

/* Nobody can begin at the newest start any more, in any format. */
void source_forget_start(struct source *source);
/* The first message of the sound's twin is about to come: other servers that receive the stream get them
 * from here on. */
void source_begin_twin(struct source *source);
