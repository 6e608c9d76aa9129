/* Any bytes as a publisher's data message: what is passed on is passed on the second time as it is. */
#include "base/check.h"
#include "codec/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct msg *m = metadata_read(span_of(data, n));
	if (m) {
		struct msg *again = metadata_read(msg_span(m));
		check(m->n && (!m->frame.is_meta || (again && again->n == m->n)));
		msg_unref(&again);
	}
	msg_unref(&m);
	check(msg_live() == 0);
	return 0;
}
