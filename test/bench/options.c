/* The command line of all load generators: each takes those of the options that mean something to it. */
#include "bench.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct options opt = {
	.count = 1,
	.ramp = 1000,
	.seconds = 10,
	.warm = 2,
	.patience = 30,
	.kbps = 880,
	.fps = 30,
	.audio = 43,
	.gop = 2,
	.chunk_size = 4096,
	.nap_ms = -1,
	.stall_ms = 1000,
	.name = "",
};

enum kind { WHOLE, REAL, TEXT, FLAG, MODE, PROCESS, HELP };

struct choice {
	const char *name;
	char letter; /* 0: it has none */
	enum kind kind;
	int takers; /* FOR_ of the tools that know it */
	void *to;
	double least, most;
};

enum { ALL = FOR_SRS | FOR_RTC | FOR_SRT, NUMBERED = FOR_SRS | FOR_SRT };

static const struct choice choices[] = {
	{"mode", 'm', MODE, ALL, NULL, 0, 0},
	{"url", 'u', TEXT, ALL, &opt.url, 0, 0},
	{"count", 'n', WHOLE, ALL, &opt.count, 1, 1000000},
	{"first", 0, WHOLE, NUMBERED, &opt.first, 0, 1e9},
	{"streams", 0, WHOLE, NUMBERED, &opt.streams, 0, 1e9},
	{"ramp", 'r', REAL, ALL, &opt.ramp, 0, 1e9},
	{"seconds", 't', REAL, ALL, &opt.seconds, 0, 1e9},
	{"warm", 'w', REAL, ALL, &opt.warm, 0, 1e9},
	{"patience", 0, REAL, FOR_SRS, &opt.patience, 0, 1e9},
	{"kbps", 'k', WHOLE, ALL, &opt.kbps, 0, 1000000},
	{"fps", 'f', WHOLE, ALL, &opt.fps, 0, 1000},
	{"audio", 0, WHOLE, NUMBERED, &opt.audio, 0, 1000},
	{"gop", 'g', REAL, ALL, &opt.gop, 0, 1e9},
	{"chunk", 0, WHOLE, FOR_SRS, &opt.chunk_size, 128, 0xFFFFFF},
	{"latency", 0, WHOLE, FOR_SRT, &opt.latency_ms, 0, 60000},
	{"stall", 0, REAL, NUMBERED, &opt.stall_ms, 0, 1e9},
	{"nap", 0, REAL, FOR_SRS, &opt.nap_ms, 0, 1000},
	{"sample", 's', WHOLE, ALL, &opt.sample, 0, 1e9},
	{"watch", 'p', PROCESS, ALL, NULL, 1, 1e9},
	{"json", 'j', FLAG, ALL, &opt.json, 0, 0},
	{"name", 0, TEXT, ALL, &opt.name, 0, 0},
	{"edge", 0, FLAG, FOR_SRS, &opt.edge, 0, 0},
	{"help", 'h', HELP, ALL, NULL, 0, 0},
};
enum { CHOICES = sizeof(choices) / sizeof(choices[0]), UNLETTERED = 256 };

static bool take_mode(const struct tool *tool, const char *text)
{
	for (int i = 0; tool->modes[i]; i++)
		if (strcmp(text, tool->modes[i]) == 0) {
			opt.mode = i;
			return true;
		}
	return false;
}

static bool take_number(const struct choice *c, const char *text)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= c->least && v <= c->most))
		return false;
	if (c->kind == REAL)
		*(double *)c->to = v;
	else if (c->kind == WHOLE)
		*(int *)c->to = (int)v;
	else if (opt.watch_count < WATCHED)
		opt.watch[opt.watch_count++] = (int)v;
	return true;
}

static bool take(const struct tool *tool, const struct choice *c, const char *text)
{
	switch (c->kind) {
	case MODE:
		return take_mode(tool, text);
	case TEXT:
		*(const char **)c->to = text;
		return true;
	case FLAG:
		*(bool *)c->to = true;
		return true;
	case HELP:
		printf("%s", tool->usage);
		exit(0);
	default:
		return take_number(c, text);
	}
}

/* What getopt_long() wants to know, of the options that the tool takes. */
static void describe(const struct tool *tool, struct option *longs, char *letters)
{
	for (int i = 0; i < CHOICES; i++) {
		const struct choice *c = &choices[i];
		bool has_value = c->kind != FLAG && c->kind != HELP;
		if (!(c->takers & tool->bit))
			continue;
		*longs++ = (struct option){c->name, has_value, NULL, UNLETTERED + i};
		if (c->letter)
			*letters++ = c->letter;
		if (c->letter && has_value)
			*letters++ = ':';
	}
}

static const struct choice *choice_of(int c)
{
	for (int i = 0; i < CHOICES; i++)
		if (c == UNLETTERED + i || c == choices[i].letter)
			return &choices[i];
	return NULL;
}

bool options_read(int argc, char **argv, const struct tool *tool)
{
	struct option longs[CHOICES + 1] = {0};
	char letters[2 * CHOICES + 1] = "";
	describe(tool, longs, letters);
	for (int c; (c = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
		if (c == '?')
			return false;
		if (!take(tool, choice_of(c), optarg)) {
			fprintf(stderr, "%s: bad value: %s\n", tool->name, optarg);
			return false;
		}
	}
	if (!opt.url || optind < argc) {
		fprintf(stderr, "%s", tool->usage);
		return false;
	}
	if (opt.nap_ms < 0)
		opt.nap_ms = opt.count < 100 ? 0 : 1;
	if (!opt.sample)
		opt.sample = opt.count > 100 ? opt.count / 100 : 1;
	return true;
}
