/* starts - at which pictures of a stream receivers can begin, and how long it pays to wait for the next
 * one. Layer: live, a part of a source.
 *
 * Key frames may be minutes apart, marked only once (intra refresh) or never. Nobody waits for one
 * without limit: as long as the stream's own distance between them, START_WAIT_MAX_MS at most, and
 * START_WAIT_MS where no distance is known. Then the live pictures go out as they come. */
#pragma once
#include "codec/msg.h"

enum { START_WAIT_MS = 2000, START_WAIT_MAX_MS = 10000 };

enum starts_state {
	STARTS_UNKNOWN, /* no pictures, or too few to say */
	STARTS_REGULAR, /* they come within START_WAIT_MAX_MS */
	STARTS_RARE,    /* they are further apart than that */
	STARTS_NONE,    /* none has come for that long, and none before */
};

struct starts {
	enum starts_state state;
	unsigned nal_form;   /* of the pictures; codec/nal.h */
	bool has_picture;    /* of this feeder */
	bool has_start;      /* likewise */
	int64_t since_ts;    /* of the newest start, or of the first picture */
	int64_t distance_ms; /* of the last two starts; 0: not known */
	bool told,
		told_distance; /* the log was told that they are missing, how far apart they are */
};

/* Another feeder. What is known of the distance stays: often it is the same encoder. */
void starts_begin(struct starts *starts);
/* A header of the first video track: says how pictures are laid out. */
void starts_take_header(struct starts *starts, const struct msg *m);
/* Whether decoding can begin at this message, as far as its bytes say. */
bool starts_is_one(const struct starts *starts, const struct msg *m);
/* Notes a picture, on the source's timeline, with frame.is_key as starts_is_one() says. The log is told
 * once, in the name of the stream, when they are too far apart to wait for. */
void starts_note(struct starts *starts, const struct msg *m, const char *name);
/* How long a receiver that needs a start waits for one. */
int64_t starts_wait_ms(const struct starts *starts);
/* "regular", "rare", "none", "unknown". */
const char *starts_name(enum starts_state state);
