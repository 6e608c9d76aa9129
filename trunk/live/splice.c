#include "live/splice.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	KEEP_MS = 15000,
	MARKS_MAX = 4096,
	MARKS_FIRST = 64,
	DISTANCE_MS = 2,   /* times may be rounded on their way */
	RUN_FROM_KEY = 3,  /* messages that must be equal when the run begins at a key frame */
	RUN_FROM_ANY = 12, /* and when it does not */
	NEAR_MS = 250,     /* a shorter run from a key frame must be so near to the expected time */
	EXPECTED_MS = 1500, /* a match further from the expected time is a repetition */
};

void splice_fini(struct splice *s)
{
	free(s->marks);
	*s = (struct splice){0};
}

static uint64_t mix(uint64_t h, const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, 8);
	h = (h ^ word) * 0xff51afd7ed558ccdULL;
	return h ^ h >> 32;
}

/* Large messages by four words at once, which do not wait for each other's multiplication. */
static uint64_t hash_of(uint8_t type, struct span s)
{
	enum { LANES = 4, WORD = 8 };
	uint64_t lanes[LANES] = {0x9e3779b97f4a7c15ULL ^ s.n, type, 2, 3};
	for (; s.n >= LANES * WORD; s.p += LANES * WORD, s.n -= LANES * WORD)
		for (int i = 0; i < LANES; i++)
			lanes[i] = mix(lanes[i], s.p + i * WORD);
	for (; s.n >= WORD; s.p += WORD, s.n -= WORD)
		lanes[0] = mix(lanes[0], s.p);
	uint8_t rest[WORD] = {0};
	if (s.n)
		memcpy(rest, s.p, s.n);
	uint64_t h = mix(lanes[0], rest);
	for (int i = 1; i < LANES; i++)
		h = mix(h, (const uint8_t *)&lanes[i]);
	return h ^ h >> 29;
}

struct splice_mark splice_mark(const struct msg *m, int64_t ts)
{
	uint64_t hash = hash_of(m->type, msg_span(m));
	return (struct splice_mark){.print = (hash & ~UINT64_C(1)) | m->frame.is_key, .ts = ts};
}

static struct splice_mark *mark_at(const struct splice *s, uint32_t i)
{
	uint32_t at = s->first + i;
	return &s->marks[at < s->room ? at : at - s->room];
}

/* By a quarter: the ring goes round through all of its room, and would keep twice the memory that it needs. */
static void grow(struct splice *s)
{
	uint32_t room = s->room ? s->room + s->room / 4 : MARKS_FIRST;
	struct splice_mark *marks = mem_alloc(room * sizeof(marks[0]));
	for (uint32_t i = 0; i < s->count; i++)
		marks[i] = *mark_at(s, i);
	free(s->marks);
	s->marks = marks;
	s->room = room;
	s->first = 0;
}

void splice_note(struct splice *s, const struct msg *m, int64_t ts)
{
	while (s->count && (s->count >= MARKS_MAX || mark_at(s, 0)->ts < ts - KEEP_MS)) {
		s->first = s->first + 1 < s->room ? s->first + 1 : 0;
		s->count--;
	}
	if (s->count == s->room)
		grow(s);
	*mark_at(s, s->count++) = splice_mark(m, ts);
}

static bool is_equal(const struct splice_mark *a, const struct splice_mark *b, int64_t offset)
{
	int64_t distance = b->ts + offset - a->ts;
	return a->print == b->print && distance <= DISTANCE_MS && distance >= -DISTANCE_MS;
}

/* How many messages from `marks` on equal what was sent from `at` on; 0 when the two differ
 * before either of them ends. */
static uint32_t run_length(const struct splice *s, uint32_t at, const struct splice_mark *marks,
			   uint32_t count)
{
	int64_t offset = mark_at(s, at)->ts - marks[0].ts;
	uint32_t n = 0;
	while (n < count && at + n < s->count) {
		if (!is_equal(mark_at(s, at + n), &marks[n], offset))
			return 0;
		n++;
	}
	return n;
}

static uint32_t keys_of(const struct splice *s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->count; i++)
		n += splice_is_key(mark_at(s, i));
	return n;
}

static int64_t far_from(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* The best place in what was sent for a run that begins with marks[from]: the nearest to the
 * expected time. A server may be seconds behind, or its cache may not have arrived in full: a place
 * far from there is taken when it is the only one, and what was sent is long enough to tell. */
static bool find_run(const struct splice *s, const struct splice_mark *marks, uint32_t count,
		     uint32_t from, uint32_t least, int64_t expected, struct splice_answer *out)
{
	int64_t best = INT64_MAX;
	uint32_t places = 0, length = 0;
	struct splice_answer answer = *out;
	for (uint32_t at = 0; at < s->count; at++) {
		uint32_t n = run_length(s, at, marks + from, count - from);
		int64_t offset = n ? mark_at(s, at)->ts - marks[from].ts : 0;
		int64_t distance = far_from(marks[count - 1].ts + offset, expected);
		places += n > 0;
		if (n < least || distance >= best)
			continue;
		best = distance;
		length = n;
		answer = (struct splice_answer){.same = true, .offset = offset, .start = from + n};
	}
	bool only = places == 1 && length >= RUN_FROM_ANY && keys_of(s) != 1;
	if (best == INT64_MAX || (best > EXPECTED_MS && !only))
		return false;
	*out = answer;
	return true;
}

/* A server that was lost just behind a key frame has sent no more of that GOP than the beginning: a
 * short run proves enough when it is all that there is to compare, and where it should be. */
static bool find_short_run(const struct splice *s, const struct splice_mark *marks, uint32_t count,
			   uint32_t key, int64_t expected, struct splice_answer *out)
{
	for (uint32_t at = s->count > RUN_FROM_KEY ? s->count - RUN_FROM_KEY : 0; at < s->count;
	     at++) {
		uint32_t n = run_length(s, at, marks + key, count - key);
		int64_t offset = mark_at(s, at)->ts - marks[key].ts;
		if (n == 0 || at + n < s->count || n == count - key ||
		    far_from(marks[count - 1].ts + offset, expected) > NEAR_MS)
			continue;
		*out = (struct splice_answer){.same = true, .offset = offset, .start = key + n};
		return true;
	}
	return false;
}

/* The other way round: what was sent begins in the middle of what the server has. */
static bool find_beginning(const struct splice *s, const struct splice_mark *marks, uint32_t count,
			   int64_t expected, struct splice_answer *out)
{
	int64_t best = EXPECTED_MS;
	for (uint32_t from = 1; s->count && from < count; from++) {
		uint32_t n = run_length(s, 0, marks + from, count - from);
		int64_t offset = mark_at(s, 0)->ts - marks[from].ts;
		int64_t distance = far_from(marks[count - 1].ts + offset, expected);
		if (n < RUN_FROM_ANY || distance > best)
			continue;
		best = distance;
		*out = (struct splice_answer){.same = true, .offset = offset, .start = from + n};
	}
	return out->same;
}

/* The first key frame behind what was sent, if the newest message is what comes now; the newest one when there is
 * none: a server may send from further back than anybody wants to see. One must be among the marks. */
static uint32_t key_behind(const struct splice *s, const struct splice_mark *marks, uint32_t count,
			   int64_t expected)
{
	int64_t sent = s->count ? mark_at(s, s->count - 1)->ts : INT64_MIN;
	int64_t offset = expected - marks[count - 1].ts;
	uint32_t key = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (!splice_is_key(&marks[i]))
			continue;
		key = i;
		if (marks[i].ts + offset > sent)
			break;
	}
	return key;
}

struct splice_answer splice_find(const struct splice *s, const struct splice_mark *marks,
				 uint32_t count, int64_t expected, bool has_video)
{
	struct splice_answer answer = {.start = count};
	uint32_t key = 0;
	while (key < count && !splice_is_key(&marks[key]))
		key++;
	if (key < count && find_run(s, marks, count, key, RUN_FROM_KEY, expected, &answer))
		return answer;
	if (key < count && find_short_run(s, marks, count, key, expected, &answer))
		return answer;
	if (count && find_run(s, marks, count, 0, RUN_FROM_ANY, expected, &answer))
		return answer;
	if (find_beginning(s, marks, count, expected, &answer))
		return answer;
	answer.start = key < count ? key_behind(s, marks, count, expected) : has_video ? count : 0;
	return answer;
}
