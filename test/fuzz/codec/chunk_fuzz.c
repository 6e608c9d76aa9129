/* Any bytes through the chunk reader, whole and in pieces: both must end the same way. */
#include "base/check.h"
#include "codec/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t run(const uint8_t *data, size_t n, size_t cut)
{
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, 1 << 20, 2 << 20);
	uint64_t sum = 0;
	err e = OK;
	for (size_t at = 0; at < n && !e; at += cut) {
		struct cur c = cur_of(data + at, cut < n - at ? cut : n - at);
		while (!e && cur_left(&c)) {
			struct rtmp_msg m = {0};
			bool got;
			e = chunk_read(r, &c, &m, &got);
			if (e || !got)
				continue;
			struct span s = m.media ? msg_span(m.media) : buf_span(&m.body);
			sum = sum * 31 + m.type + m.ts + m.csid + m.stream_id + s.n;
			for (size_t i = 0; i < s.n; i++)
				sum = sum * 31 + s.p[i];
			rtmp_msg_fini(&m);
		}
	}
	chunk_reader_free(&r);
	check(msg_live() == 0);
	return sum * 31 + e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t cut = n ? data[n - 1] % 7 + 1 : 1;
	check(run(data, n, n + 1) == run(data, n, cut));
	return 0;
}
