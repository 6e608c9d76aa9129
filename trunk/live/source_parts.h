/* source_parts - what source.c (its life) and source_publish.c (its messages) share. Layer: live. */
#pragma once
#include "live/source.h"

/* Nobody can begin at the newest start any more, in any format. */
void source_forget_start(struct source *source);
