#include "task/words.h"
#include "base/mem.h"
#include "conf/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void words_add(struct words *c, const char *word)
{
	text_list_add(&c->list, span_str(word));
}

void words_addf(struct words *c, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	words_add(c, text);
}

static void set_file(struct words *c, int output, char *file)
{
	char **at = output == 2 ? &c->err_file : &c->out_file;
	free(*at);
	*at = file;
	c->redirects = 0;
}

void words_end(struct words *c)
{
	if (c->redirects) /* to nowhere: the program cannot be started, and the log says why */
		set_file(c, c->redirects, mem_strdup(""));
	free(c->argv);
	c->argv = mem_alloc(((size_t)c->list.count + 1) * sizeof(*c->argv));
	for (int i = 0; i < c->list.count; i++)
		c->argv[i] = c->list.v[i];
	c->argv[c->list.count] = NULL;
}

void words_fini(struct words *c)
{
	free(c->argv);
	free(c->out_file);
	free(c->err_file);
	text_list_fini(&c->list);
	*c = (struct words){0};
}

struct spawn_opts words_run(const struct words *c)
{
	return (struct spawn_opts){
		.argv = c->argv, .out_file = c->out_file, .err_file = c->err_file};
}

/* The output that the word redirects, 0 when it is none; *file: the rest of it. */
static int redirection(const char *word, const char **file)
{
	int output = *word == '2' ? 2 : 1;
	const char *mark = *word == '1' || *word == '2' ? word + 1 : word;
	*file = mark + 1;
	return *mark == '>' ? output : 0;
}

static char *fill_file(const char *file, const struct pattern_values *values)
{
	struct pattern_values checked = *values;
	checked.more = NULL;
	return pattern_fill(file, &checked);
}

static bool fill_argument(struct words *c, const char *word, const struct pattern_values *values)
{
	char *text = pattern_fill(word, values);
	bool fits = *text != '-' || *word == '-';
	if (fits)
		words_add(c, text);
	free(text);
	return fits;
}

bool words_fill(struct words *c, const char *word, const struct pattern_values *values)
{
	const char *file = word;
	int output = c->redirects;
	if (!output)
		output = c->list.count ? redirection(word, &file) : 0;
	if (!output)
		return fill_argument(c, word, values);
	if (*file)
		set_file(c, output, fill_file(file, values));
	else
		c->redirects = output;
	return true;
}

/* ---- ffmpeg ---- */

static void add_pair(struct words *c, const char *option, const char *value)
{
	words_add(c, option);
	words_add(c, value);
}

static void add_number(struct words *c, const char *option, int value)
{
	if (value <= 0)
		return;
	words_add(c, option);
	words_addf(c, "%d", value);
}

static void add_bits(struct words *c, const char *option, int kbps)
{
	if (kbps <= 0)
		return;
	words_add(c, option);
	words_addf(c, "%lld", 1000LL * kbps);
}

static void add_list(struct words *c, const struct text_list *list)
{
	for (int i = 0; i < list->count; i++)
		words_add(c, list->v[i]);
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Encoders want even sizes. */
static void add_size(struct words *c, const struct conf_engine *e)
{
	int width = e->vwidth & ~1, height = e->vheight & ~1;
	if (width <= 0 || height <= 0)
		return;
	words_add(c, "-s");
	words_addf(c, "%dx%d", width, height);
	words_add(c, "-aspect");
	words_addf(c, "%d:%d", width, height);
}

static void add_video(struct words *c, const struct conf_engine *e)
{
	if (is(e->vcodec, "vn")) {
		words_add(c, "-vn");
		return;
	}
	if (*e->vcodec)
		add_pair(c, "-vcodec", e->vcodec);
	if (is(e->vcodec, "copy"))
		return;
	add_bits(c, "-b:v", e->vbitrate);
	add_number(c, "-r", e->vfps);
	add_size(c, e);
	add_number(c, "-threads", e->vthreads);
	if (*e->vprofile)
		add_pair(c, "-profile:v", e->vprofile);
	if (*e->vpreset)
		add_pair(c, "-preset", e->vpreset);
	add_list(c, &e->vparams);
}

/* Of the options of an encoder a copy keeps only the one that changes no sound. */
static void add_copied_filter(struct words *c, const struct text_list *options)
{
	for (int i = 0; i + 1 < options->count; i++)
		if (is(options->v[i], "-bsf:a") && is(options->v[i + 1], "aac_adtstoasc"))
			add_pair(c, "-bsf:a", "aac_adtstoasc");
}

static void add_audio(struct words *c, const struct conf_engine *e)
{
	if (is(e->acodec, "an")) {
		words_add(c, "-an");
		return;
	}
	if (*e->acodec)
		add_pair(c, "-acodec", e->acodec);
	if (is(e->acodec, "copy")) {
		add_copied_filter(c, &e->aparams);
		return;
	}
	add_bits(c, "-b:a", e->abitrate);
	add_number(c, "-ar", e->asample_rate);
	add_number(c, "-ac", e->achannels);
	add_list(c, &e->aparams);
}

static bool is_rtmp(const char *url)
{
	return strncmp(url, "rtmp://", 7) == 0 || strncmp(url, "rtmps://", 8) == 0;
}

static void add_input(struct words *c, const struct ffmpeg_job *job)
{
	const struct conf_engine *e = job->engine;
	if (job->log_level && *job->log_level)
		add_pair(c, "-loglevel", job->log_level);
	if (job->real_time)
		words_add(c, "-re");
	if (e)
		add_list(c, &e->perfile);
	if (e && is_rtmp(job->input) && *e->iformat && !is(e->iformat, "off"))
		add_pair(c, "-f", e->iformat);
	add_pair(c, "-i", job->input);
}

void words_ffmpeg(struct words *c, const struct ffmpeg_job *job)
{
	const struct conf_engine *e = job->engine;
	words_add(c, job->program);
	add_input(c, job);
	if (e) {
		add_list(c, &e->vfilter);
		add_video(c, e);
		add_audio(c, e);
	} else {
		add_pair(c, "-vcodec", "copy");
		add_pair(c, "-acodec", "copy");
	}
	const char *format = e ? e->oformat : "flv";
	if (*format && !is(format, "off"))
		add_pair(c, "-f", format);
	add_pair(c, "-y", job->output);
}
