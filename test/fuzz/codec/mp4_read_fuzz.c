/* Any bytes as a fragmented MP4: what is said of a fragment lies within it. */
#include "base/check.h"
#include "codec/mp4_read.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mp4_init_facts init;
	struct mp4_box box;
	if (mp4_read_init(&init, span_of(data, n)))
		check(init.tracks > 0 && init.tracks <= MP4_TRACKS);
	for (struct cur c = cur_of(data, n); mp4_next_box(&c, &box);)
		if (strcmp(box.type, "moof") == 0)
			read_moof(box.body);
	return 0;
}
