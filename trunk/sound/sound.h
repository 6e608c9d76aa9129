/* sound - audio of a stream in another codec: Opus for browsers, AAC for everybody else. Layer: sound.
 *
 * One object converts one stream, on the helper threads: frames in, frames out a little later. Times are in
 * units of 1/48 ms. Optional: a program that was built without libavcodec and libopus says so. */
#pragma once
#include "base/span.h"
#include "co/co.h"

struct msg;
struct sound_converter;

enum sound_form { SOUND_OPUS, SOUND_AAC };
enum { SOUND_CLOCK = 48, SOUND_QUEUE = 256 /* frames that wait; more are dropped */ };

struct sound_opts {
	enum sound_form to;
	int bitrate;            /* bits a second */
	struct co_group *group; /* its coroutine's; outlives it */
	const char *name;       /* of the stream, for the log; copied */
	/* A frame, and before the first one of AAC its AudioSpecificConfig. Called in the object's own
	 * coroutine; must neither block nor free it. */
	void (*on_frame)(void *ctx, struct span frame, int64_t ts);
	void (*on_config)(void *ctx, struct span config);
	void *ctx;
};

/* Whether sound of this codec can be converted; else *reason says why not. */
bool sound_can(enum sound_form to, uint32_t codec, const char **reason);
/* NULL: there is no memory for a coroutine. */
struct sound_converter *sound_new(const struct sound_opts *opts);
/* Nothing is called any more; does not wait. NULL is fine; clears. */
void sound_free(struct sound_converter **sound);
/* A message with a frame or a sequence header of the default track; its time. */
void sound_take(struct sound_converter *sound, const struct msg *msg, int64_t ts);
