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

/* One kind is there and the other is not: then metadata that speak of the one alone are believed,
 * else a while must pass. */
static bool has_shown_all(const struct source *source, int64_t *deadline)
{
	if (source->has_audio && source->has_video)
		return true;
	if (!source->has_audio && !source->has_video)
		return false;
	bool audio = metadata_names(source, "audiocodecid");
	bool video = metadata_names(source, "videocodecid");
	if (audio != video && audio == source->has_audio)
		return true;
	int64_t due = source->since_ms + GUESS_MS;
	if (clock_ms() >= due)
		return true;
	*deadline = due < *deadline ? due : *deadline;
	return false;
}

static uint8_t bits(bool audio, bool video)
{
	return (uint8_t)((audio ? WIRE_AUDIO : 0) | (video ? WIRE_VIDEO : 0));
}

bool flv_kinds(uint8_t *kinds, const struct source *source, const struct conf_http_remux *conf,
	       int64_t *deadline)
{
	if (conf->guess_has_av && !has_shown_all(source, deadline))
		return false;
	*kinds = conf->guess_has_av ? bits(source->has_audio, source->has_video)
				    : bits(conf->has_audio, conf->has_video);
	return true;
}
