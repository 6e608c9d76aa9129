#include "service/flv_kinds.h"

#include <string.h>

enum { GUESS_MS = 500 }; /* the second kind of media is waited for no longer */

static bool metadata_names(const struct source *source, const char *word)
{
	const struct headers *h = source->headers;
	for (int i = 0; h && i < h->count; i++)
		if (h->v[i]->type == MSG_DATA &&
		    memmem(h->v[i]->payload, h->v[i]->n, word, strlen(word)))
			return true;
	return false;
}

static uint8_t bits(bool audio, bool video)
{
	return (uint8_t)((audio ? WIRE_AUDIO : 0) | (video ? WIRE_VIDEO : 0));
}

/* Metadata name the kinds, which may be long in coming. Without such, what comes within a while counts; and
 * when nothing has come, both are announced. */
static bool guess(uint8_t *kinds, const struct source *source, int64_t *deadline)
{
	uint8_t seen = bits(source->has_audio, source->has_video);
	uint8_t named = bits(metadata_names(source, "audiocodecid"),
			     metadata_names(source, "videocodecid"));
	int64_t due = source->since_ms + GUESS_MS;
	*kinds = named | seen ? named | seen : WIRE_AUDIO | WIRE_VIDEO;
	if (named || seen == (WIRE_AUDIO | WIRE_VIDEO) || clock_ms() >= due)
		return true;
	*deadline = due < *deadline ? due : *deadline;
	return false;
}

bool flv_kinds(uint8_t *kinds, const struct source *source, const struct conf_http_remux *conf,
	       int64_t *deadline)
{
	*kinds = bits(conf->has_audio, conf->has_video);
	return !conf->guess_has_av || guess(kinds, source, deadline);
}
