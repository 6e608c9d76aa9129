/* words - the words of a program that is started, from what the configuration says. Layer: task.
 * No shell reads them: whatever a client has chosen stays inside its word. */
#pragma once
#include "conf/conf.h"
#include "output/pattern.h"

/* Words, owned; `argv` has NULL behind the last, once words_end() was called. */
struct words {
	struct text_list list;
	char **argv;
};

void words_add(struct words *c, const char *word);
void words_addf(struct words *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void words_end(struct words *c);
void words_fini(struct words *c);

/* A word of the configuration with its variables. False, and nothing is added: what a client has chosen would
 * make an option of it. */
bool words_fill(struct words *c, const char *word, const struct pattern_values *values);

/* What ffmpeg is to do; the order of the words is SRS's. */
struct ffmpeg_job {
	const char *program;
	const char *log_level; /* NULL: its own */
	bool real_time;        /* reads its input as fast as it was made */
	const char *input;
	const struct conf_engine *engine; /* NULL: both codecs are copied */
	const char *output;
};
void words_ffmpeg(struct words *c, const struct ffmpeg_job *job);
