/* Any bytes as an audio and as a video message: its access units, their NAL units and parameter
 * sets, and the message that is written of each. */
#include "base/check.h"
#include "codec/au.h"
#include "codec/nal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk_units(const struct au *au)
{
	struct param_walk w;
	struct span nal;
	struct buf b = {.max = 1 << 22};
	for (param_begin(&w, au->codec, au->data); param_next(&w, &nal);)
		check(nal.n > 0);
	for (unsigned form = 0; form <= 4; form++) {
		struct cur c = cur_of(au->data.p, au->data.n);
		while (nal_next(&c, form, &nal))
			check(nal.n > 0 && nal.p >= au->data.p &&
			      nal.p + nal.n <= au->data.p + au->data.n);
		buf_clear(&b);
		nal_write_lengths(&b, au->data, nal_form(au->data, form));
	}
	buf_free(&b);
}

static void write_again(const struct au *au)
{
	struct buf b = {.max = 1 << 20};
	struct au_walk w;
	struct au got;
	au_write(&b, au);
	struct msg *m = msg_new(au->type, au->dts, b.n);
	memcpy(m->payload, b.p, b.n);
	au_begin(&w, m);
	if (au->codec && au_next(&w, &got)) {
		check(got.pts == au->pts && got.is_key == au->is_key && got.track == au->track);
		check(got.data.n == au->data.n && got.is_header == au->is_header);
	}
	msg_unref(&m);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (enum msg_type type = MSG_AUDIO; type <= MSG_VIDEO; type++) {
		struct msg *m = msg_new(type, 5000000000, n);
		struct au_walk w;
		struct au au;
		if (n)
			memcpy(m->payload, data, n);
		for (au_begin(&w, m); au_next(&w, &au);) {
			walk_units(&au);
			write_again(&au);
		}
		msg_unref(&m);
	}
	return 0;
}
