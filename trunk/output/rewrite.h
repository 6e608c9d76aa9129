/* rewrite - one fragmented MP4 that is made a whole one beside it, step by step. Layer: output, for rewriter.c. */
#pragma once
#include <stdbool.h>

struct rewrite;

/* Of the recording with this temporary name. It blocks nothing yet. */
struct rewrite *rewrite_new(const char *temporary);
bool rewrite_goes_on(const struct rewrite *r);
/* For a helper thread: reads or copies some megabytes. */
void rewrite_step(void *rewrite);
/* Why there is no whole one under recovery_part(); "" when there is. */
const char *rewrite_problem(const struct rewrite *r);
/* For a helper thread: closes what is open and frees it. */
void rewrite_close(void *rewrite);
