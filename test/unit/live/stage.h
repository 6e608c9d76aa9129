/* stage - a source with a publisher, and a clock that the test moves. Layer: test. */
#pragma once
#include "live/source.h"
#include "support/fake_time.h"
#include "support/unit.h"

static struct source *source;
static struct feeder feeder;

static inline int stage_begin(const struct source_opts *opts)
{
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER};
	fake_time_begin();
	if (co_init() != OK)
		return -1;
	source = source_new("k", "v", "a", "s", opts);
	source_begin(source, &feeder);
	return 0;
}

/* Fails when a message is left. */
static inline int stage_end(void **state)
{
	(void)state;
	source_leave(source, &feeder, 0);
	source_unref(&source);
	co_fini();
	fake_time_end();
	return msg_live() ? -1 : 0;
}
