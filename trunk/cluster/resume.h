/* resume - joins what one server sends to what another one has sent before. Layer: cluster.
 *
 * The first messages of a new server are held until they tell where they belong (live/splice):
 * behind what was shown, if both servers have the same encoder, else at a key frame. A publisher of this
 * server has the source before any of them. */
#pragma once
#include "live/source.h"
#include "live/splice.h"

struct held {
	struct msg *msg;
	uint32_t raw;
};

struct resume {
	struct source *source; /* borrowed */
	struct feeder *feeder; /* in whose name the source is fed */
	struct splice splice;  /* what was shown */
	bool open;             /* messages of the server in use go on at once */
	struct held *held;
	uint32_t count, room;
	size_t bytes;     /* of what is held */
	int64_t look_ms;  /* no look for the place before */
	int64_t began_ms; /* arrival of the first frame that is held; 0: there is none */
	bool skipping;    /* behind the place of resuming: the rest of the old messages */
	struct timeline_track
		skip_to[TIMELINE_TRACKS]; /* where each had come to; INT64_MIN: passed */
	int skip_tracks;
	int64_t skip_offset;
};

/* Another server begins. */
void resume_begin(struct resume *resume);
/* A message of the server in use, its frame known; takes it. */
void resume_take(struct resume *resume, struct msg *m, uint32_t raw);
/* The server in use has another publisher of the stream from here on: nothing of the former one's is kept. */
void resume_renew(struct resume *resume);
/* All that has arrived was taken: is it enough? */
void resume_look(struct resume *resume);
/* When to look again though nothing arrives; CLOCK_NEVER. */
int64_t resume_due(const struct resume *resume);
/* The server in use is gone: what it has sent is used as far as possible. */
void resume_end(struct resume *resume);
/* Forgets the messages that were shown: the next server is not compared with them. */
void resume_forget(struct resume *resume);
void resume_fini(struct resume *resume);
