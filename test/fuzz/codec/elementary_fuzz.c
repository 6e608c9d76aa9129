/* Any bytes as elementary streams of each kind. */
#include "base/check.h"
#include "codec/elementary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct elementary es;
	struct es_out out = {0};
	struct msg *m;
	uint32_t raw;
	int64_t time = 0;
	if (n < 2)
		return 0;
	elementary_begin(&es, (enum es_kind)(data[0] % (ES_ULAW + 1)), &out);
	es.channels = data[1] % 3;
	struct span rest = span_of(data + 2, n - 2);
	while (rest.n > 0) {
		size_t piece = rest.p[0] % 64u + 1;
		int64_t now = rest.p[0] & 0x80 ? ES_NO_TIME : (time += rest.p[0] * 100);
		elementary_take(&es, span_head(rest, piece), now, now);
		if (rest.p[0] == 0x47)
			elementary_lost(&es);
		rest = span_rest(rest, piece);
	}
	elementary_end(&es);
	while (es_out_next(&out, &m, &raw))
		msg_unref(&m);
	elementary_free(&es);
	es_out_free(&out);
	check(msg_live() == 0);
	return 0;
}
