/* Any bytes through the FLV reader, whole and in pieces: both must end the same way. */
#include "base/check.h"
#include "codec/flv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t run(const uint8_t *data, size_t n, size_t cut)
{
	struct flv_reader *r = flv_reader_new(1 << 20);
	uint64_t sum = 0;
	err e = OK;
	for (size_t at = 0; at < n && !e; at += cut) {
		struct cur c = cur_of(data + at, cut < n - at ? cut : n - at);
		while (!e && cur_left(&c)) {
			struct msg *m = NULL;
			e = flv_read(r, &c, &m);
			if (!m)
				continue;
			sum = sum * 31 + m->type + (uint64_t)m->ts + m->n;
			for (size_t i = 0; i < m->n; i++)
				sum = sum * 31 + m->payload[i];
			msg_unref(&m);
		}
	}
	flv_reader_free(&r);
	check(msg_live() == 0);
	return sum * 31 + e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t cut = n ? data[n - 1] % 7 + 1 : 1;
	check(run(data, n, n + 1) == run(data, n, cut));
	return 0;
}
