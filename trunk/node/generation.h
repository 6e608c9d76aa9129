/* generation - the other process of an upgrade in place: the one before this one, which keeps its sessions until they
 * end, or the one that has taken over from it. Layer: node. main/upgrade.c keeps it true. */
#pragma once
#include "base/map.h"

#include <stdbool.h>

enum generation_state {
	GENERATION_NONE,
	GENERATION_EXPECTED, /* it is there, and has not said yet which streams it has */
	GENERATION_THERE,
};

enum { GENERATION_ADDRESS_MAX = 64 };

struct generation {
	enum generation_state state;
	int pid;                           /* 0: that process has ended */
	char rtmp[GENERATION_ADDRESS_MAX]; /* "ip:port" where this process reaches it; "" */
	char api[GENERATION_ADDRESS_MAX];  /* likewise, of a former one */
	struct map *keys;                  /* of streams that a former one has; NULL: none */
	/* Asks a former one for a key frame of a WebRTC publisher's stream. */
	void (*on_want_key)(struct generation *generation, const char *key);
};

/* Takes what it says of itself: "PID RTMP API", the addresses as they are here. */
void generation_read(struct generation *g, const char *text);
/* It has the stream of that key, and can be asked for it. */
bool generation_has(const struct generation *g, const char *key);
void generation_note(struct generation *g, const char *key, bool has);
/* Of a stream that was noted: a WebRTC publisher feeds it there. */
void generation_note_rtc(struct generation *g, const char *key);
bool generation_has_rtc(const struct generation *g, const char *key);
/* Asks that publisher for a key frame; false: there is none. */
bool generation_want_key(struct generation *g, const char *key);
/* It has ended; zeroed memory is fine. */
void generation_forget(struct generation *g);
