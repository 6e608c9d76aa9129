/* words - the words of a program that is started, from what the configuration says. Layer: task.
 * No shell reads them: whatever a client has chosen stays inside its word. */
#pragma once
#include "child/spawn.h"
#include "conf/conf.h"
#include "output/pattern.h"

/* Words, owned; `argv` has NULL behind the last, once words_end() was called. */
struct words {
	struct text_list list;
	char **argv;
	char *out_file, *err_file; /* where the output goes; NULL: nowhere else */
	int redirects;             /* the next word is the file of this output; 0: it is none */
};

void words_add(struct words *c, const char *word);
void words_addf(struct words *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void words_end(struct words *c);
void words_fini(struct words *c);
/* What is to be started; borrows from the words, which have ended. */
struct spawn_opts words_run(const struct words *c);

/* A word of the configuration with its variables. False, and nothing is added: what a client has chosen would
 * make an option of it. ">FILE", "1>FILE" and "2>FILE", FILE perhaps the next word, are redirections if the
 * configuration says so, never because of a variable; only [vhost], [app], [stream] and the date are
 * replaced in FILE, since the rest of what a client says may be any path. */
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
