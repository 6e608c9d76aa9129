/* rewriter - makes whole ("progressive") MP4s of recordings that are over, one at a time and piece by piece, so
 * that helper threads have time for others. Layer: output. The recording keeps its temporary name until the whole one
 * has taken its place; what cannot be made whole (no room, more samples than there is memory for, the end of the
 * server) gets its name as it is. */
#pragma once
#include "output/files.h"

struct rewriter;

struct rewriter *rewriter_new(void);
/* Goes on for a second or two; what is left gets its names as it is. */
void rewriter_free(struct rewriter **rewriter);
/* To be done when the recording is written: it is made whole, gets its name, and `done` is told. */
struct files_done rewriter_job(struct rewriter *rewriter, const char *path, struct files_done done);
