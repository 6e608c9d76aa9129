#include "conf/tree.h"
#include "support/unit.h"
#include "task/words.h"

#include <stdlib.h>
#include <string.h>

static char *joined(const struct words *w)
{
	struct buf b = {.max = 8192};
	for (int i = 0; i < w->list.count; i++)
		buf_printf(&b, "%s%s", i ? " " : "", w->list.v[i]);
	char *text = strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static void assert_ffmpeg(const struct ffmpeg_job *job, const char *want)
{
	struct words w = {0};
	words_ffmpeg(&w, job);
	words_end(&w);
	char *text = joined(&w);
	assert_string_equal(text, want);
	assert_null(w.argv[w.list.count]);
	free(text);
	words_fini(&w);
}

static void a_copy_needs_few_words(void **state)
{
	(void)state;
	assert_ffmpeg(
		&(struct ffmpeg_job){.program = "ff",
				     .log_level = "info",
				     .real_time = true,
				     .input = "a.flv",
				     .output = "rtmp://b"},
		"ff -loglevel info -re -i a.flv -vcodec copy -acodec copy -f flv -y rtmp://b");
}

static char vcodec[] = "libx264", acodec[] = "aac", flv[] = "flv", off[] = "off", none[] = "",
	    copy[] = "copy", vn[] = "vn", an[] = "an", profile[] = "main", preset[] = "fast";
static char g[] = "-g", n250[] = "250", bsf[] = "-bsf:a", asc[] = "aac_adtstoasc", re[] = "-re";

static struct conf_engine engine(void)
{
	return (struct conf_engine){.iformat = flv,
				    .oformat = flv,
				    .vcodec = vcodec,
				    .acodec = acodec,
				    .vprofile = none,
				    .vpreset = none,
				    .vthreads = 1};
}

static void an_engine_says_how_it_is_encoded(void **state)
{
	char *params[] = {g, n250}, *before[] = {re};
	struct conf_engine e = engine();
	(void)state;
	e.vbitrate = 200;
	e.vfps = 25;
	e.vwidth = 161;
	e.vheight = 91;
	e.vprofile = profile;
	e.vpreset = preset;
	e.vparams = (struct text_list){.count = 2, .v = params};
	e.perfile = (struct text_list){.count = 1, .v = before};
	e.abitrate = 64;
	e.asample_rate = 44100;
	e.achannels = 2;
	assert_ffmpeg(
		&(struct ffmpeg_job){
			.program = "ff", .input = "rtmp://a", .engine = &e, .output = "b"},
		"ff -re -f flv -i rtmp://a -vcodec libx264 -b:v 200000 -r 25 -s 160x90 -aspect "
		"160:90 -threads 1 -profile:v main -preset fast -g 250 -acodec aac -b:a 64000 "
		"-ar 44100 -ac 2 -f flv -y b");
}

static void what_is_dropped_or_copied_has_no_options(void **state)
{
	char *options[] = {g, n250, bsf, asc};
	struct conf_engine e = engine();
	(void)state;
	e.vcodec = vn;
	e.acodec = an;
	e.oformat = off;
	e.iformat = off;
	assert_ffmpeg(
		&(struct ffmpeg_job){
			.program = "ff", .input = "rtmp://a", .engine = &e, .output = "b"},
		"ff -i rtmp://a -vn -an -y b");
	e.vcodec = e.acodec = copy;
	e.vbitrate = e.abitrate = 100;
	e.aparams = (struct text_list){.count = 4, .v = options};
	assert_ffmpeg(
		&(struct ffmpeg_job){
			.program = "ff", .input = "a.mp4", .engine = &e, .output = "b"},
		"ff -i a.mp4 -vcodec copy -acodec copy -bsf:a aac_adtstoasc -y b");
}

static void what_a_client_says_is_no_option(void **state)
{
	const struct pattern_text more[] = {{"page", "-rf"}, {"url", "rtmp://a"}, {NULL, NULL}};
	struct pattern_values values = {.vhost = "v", .app = "live", .stream = "x", .more = more};
	struct words w = {0};
	(void)state;
	assert_true(words_fill(&w, "-y", &values));
	assert_true(words_fill(&w, "./[stream].flv", &values));
	assert_true(words_fill(&w, "-i=[page]", &values));
	assert_true(words_fill(&w, "[url]", &values));
	assert_false(words_fill(&w, "[page]", &values));
	char *text = joined(&w);
	assert_string_equal(text, "-y ./x.flv -i=-rf rtmp://a");
	free(text);
	words_fini(&w);
}

/* Nor a redirection; those that the configuration has take no path from a client. */
static void what_a_client_says_is_no_redirection(void **state)
{
	const struct pattern_text more[] = {{"page", ">/etc/x"}, {"url", "2>"}, {NULL, NULL}};
	struct pattern_values values = {.vhost = "v", .app = "1>a", .stream = "x", .more = more};
	static const char *const words[] = {
		"ff", "[page]", "[url]", "[app]", "2>[stream][page].log", ">", "[page]", "out"};
	struct words w = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(words_fill(&w, words[i], &values));
	words_end(&w);
	char *text = joined(&w);
	struct spawn_opts run = words_run(&w);
	assert_string_equal(text, "ff >/etc/x 2> 1>a out");
	assert_ptr_equal(run.argv, w.argv);
	assert_string_equal(run.err_file, "x[page].log");
	assert_string_equal(run.out_file, "[page]");
	free(text);
	words_fini(&w);
	assert_null(w.out_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_needs_few_words),
		cmocka_unit_test(an_engine_says_how_it_is_encoded),
		cmocka_unit_test(what_is_dropped_or_copied_has_no_options),
		cmocka_unit_test(what_a_client_says_is_no_option),
		cmocka_unit_test(what_a_client_says_is_no_redirection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
