/* Any bytes as AMF0 values; what was read can be written, and reads back as the same bytes. */
#include "base/check.h"
#include "codec/amf0.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void write_read_write(const struct amf *v)
{
	struct buf first = {.max = 4 << 20}, second = {.max = 4 << 20};
	struct amf *again = NULL;
	amf_write(&first, v);
	check(buf_ok(&first));
	struct cur c = cur_of(first.p, first.n);
	check(amf_read(&again, &c) == OK && cur_left(&c) == 0);
	amf_write(&second, again);
	check(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
	amf_free(&again);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur c = cur_of(data, n);
	struct amf *v = NULL;
	while (cur_left(&c) && amf_read(&v, &c) == OK) {
		write_read_write(v);
		(void)amf_get_string(v, "code", "");
		amf_set(v, "server", amf_string("x"));
		amf_unset(v, "duration");
		amf_append(v, amf_null());
		amf_free(&v);
	}
	return 0;
}
