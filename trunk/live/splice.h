/* splice - where a stream that comes from a new server joins the one that was shown. Layer: live.
 *
 * Two servers that are fed by one encoder send the same messages with times that differ by a
 * constant. What was sent is remembered by its fingerprint; what the new server sends first (its
 * cache and the beginning of the live stream) is compared with it. A run of equal messages at equal
 * distances is the same stream: what was sent is skipped and the rest follows without a seam.
 * One equal message proves nothing, since silence and still pictures repeat. */
#pragma once
#include "base/fetch.h"
#include "codec/msg.h"

/* There are a thousand for each stream: two words. */
struct splice_mark {
	uint64_t print; /* of type, length and payload; the lowest bit: it is a key frame */
	int64_t ts;     /* on the source's timeline; of new messages, the server's own time */
};

static inline bool splice_is_key(const struct splice_mark *mark)
{
	return mark->print & 1;
}

struct splice {
	struct splice_mark *marks; /* ring, oldest first from `first` */
	uint32_t first, count, room;
};

void splice_fini(struct splice *s);
/* Remembers a message that was published at this source time. */
void splice_note(struct splice *s, const struct msg *m, int64_t ts);
/* Where the next marks go is fetched. */
static inline void splice_fetch(const struct splice *s)
{
	uint32_t at = s->first + s->count;
	if (s->room)
		fetch(&s->marks[at < s->room ? at : at - s->room], 2 * FETCH_LINE);
}
struct splice_mark splice_mark(const struct msg *m, int64_t ts);

struct splice_answer {
	bool same;      /* the messages continue what was sent */
	int64_t offset; /* source time = their time + offset */
	uint32_t start; /* the first of the messages to publish */
};
/* Compares what a new server has sent so far. `expected` is the source time that a message arriving
 * now should have: of several places that fit, the nearest to it is taken. Without a match, start
 * is the first key frame that lies behind what was sent by then, else the newest one, or `count` when
 * none has come; `has_video` says whether to wait for one. */
struct splice_answer splice_find(const struct splice *s, const struct splice_mark *marks,
				 uint32_t count, int64_t expected, bool has_video);
