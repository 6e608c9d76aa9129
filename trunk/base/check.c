#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static void (*last_words_hook)(const char *text);

void check_set_last_words(void (*last_words)(const char *text))
{
	last_words_hook = last_words;
}

void check_failed(const char *file, int line, const char *expr)
{
	static char text[256];
	snprintf(text, sizeof(text), "%s:%d: this cannot be: %s", file, line, expr);
	fprintf(stderr, "%s\n", text);
	if (last_words_hook)
		last_words_hook(text);
	abort();
}
