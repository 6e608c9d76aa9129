/* Any bytes through the reader of program streams, whole and in pieces: messages are complete, and nothing leaks. */
#include "codec/ps_demux.h"
#include "support/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(struct ps_demux *d)
{
	struct msg *m;
	uint32_t raw;
	char note[PS_NOTE];
	while (ps_demux_next(d, &m, &raw))
		look_at(m);
	(void)ps_demux_note(d, note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ps_demux *d = ps_demux_new();
	size_t piece = look_piece(data, n);
	for (size_t at = 0; at < n; at += piece) {
		ps_demux_take(d, span_of(data + at, piece < n - at ? piece : n - at),
			      n % 2 ? (int64_t)at * 900 : ES_NO_TIME);
		if (n % 7 == 0)
			ps_demux_take_sound(d, at % 2 ? ES_ALAW : ES_ADTS, span_of(data, n % 64));
		look(d);
	}
	if (n % 5 == 0)
		ps_demux_lost(d);
	ps_demux_end(d);
	look(d);
	ps_demux_free(&d);
	check(msg_live() == 0);
	return 0;
}
