/* Any bytes as a fragmented MP4: what is said of a fragment lies within it, and a whole one can be made of them. */
#include "base/check.h"
#include "codec/mp4_movie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_moof(struct span body)
{
	struct mp4_moof_facts facts;
	if (!mp4_read_moof(&facts, body))
		return;
	for (size_t i = 0; i < MP4_TRACKS; i++) {
		const struct mp4_run_facts *run = &facts.runs[i];
		struct cur c = cur_of(run->entries.p, run->entries.n);
		struct mp4_sample sample;
		uint64_t duration = 0;
		uint32_t count = 0;
		for (; mp4_next_entry(&c, &sample); count++)
			duration += sample.duration;
		check(count == run->count && duration == run->duration);
	}
}

/* The fragments are looked for in front of the init, too, so that one input has both. */
static void make_movie(struct span data)
{
	struct mp4_movie movie = {0};
	struct buf head = {.max = 1 << 20};
	struct mp4_box box;
	bool is_good = mp4_movie_begin(&movie, data);
	for (struct cur c = cur_of(data.p, data.n); is_good && mp4_next_box(&c, &box);)
		if (strcmp(box.type, "moof") == 0) {
			uint64_t before = movie.bytes;
			is_good = mp4_movie_add(&movie, box.body, 0) || movie.bytes > before;
		}
	if (movie.count > 0 && mp4_movie_write(&movie, &head))
		check(head.n > 0);
	buf_free(&head);
	mp4_movie_fini(&movie);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mp4_init_facts init;
	struct mp4_box box;
	if (mp4_read_init(&init, span_of(data, n)))
		check(init.tracks > 0 && init.tracks <= MP4_TRACKS);
	for (struct cur c = cur_of(data, n); mp4_next_box(&c, &box);)
		if (strcmp(box.type, "moof") == 0)
			read_moof(box.body);
	make_movie(span_of(data, n));
	return 0;
}
