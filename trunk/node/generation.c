#include "node/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next word of a line, up to a blank. */
static const char *take_word(char out[static GENERATION_ADDRESS_MAX], const char *text)
{
	size_t n = strcspn(text, " ");
	snprintf(out, GENERATION_ADDRESS_MAX, "%.*s", (int)n, text);
	return text + n + strspn(text + n, " ");
}

void generation_read(struct generation *g, const char *text)
{
	char pid[GENERATION_ADDRESS_MAX];
	text = take_word(pid, text);
	text = take_word(g->rtmp, text);
	(void)take_word(g->api, text);
	g->pid = (int)strtol(pid, NULL, 10);
}

bool generation_has(const struct generation *g, const char *key)
{
	return g->state == GENERATION_THERE && g->keys && map_get(g->keys, key);
}

/* The values in the map. */
static char is_any, is_rtc;

void generation_note(struct generation *g, const char *key, bool has)
{
	if (!g->keys)
		g->keys = map_new();
	if (has)
		map_set(g->keys, key, &is_any);
	else
		map_remove(g->keys, key);
}

void generation_note_rtc(struct generation *g, const char *key)
{
	if (g->keys && map_get(g->keys, key))
		map_set(g->keys, key, &is_rtc);
}

bool generation_has_rtc(const struct generation *g, const char *key)
{
	return generation_has(g, key) && map_get(g->keys, key) == &is_rtc;
}

bool generation_want_key(struct generation *g, const char *key)
{
	if (!generation_has_rtc(g, key) || !g->on_want_key)
		return false;
	g->on_want_key(g, key);
	return true;
}

void generation_forget(struct generation *g)
{
	map_free(&g->keys);
	*g = (struct generation){0};
}
