/* Any bytes through the reader of transport streams, whole and in pieces: messages are complete, and nothing leaks. */
#include "codec/ts_demux.h"
#include "support/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(struct ts_demux *d)
{
	struct msg *m;
	uint32_t raw;
	char note[TS_DEMUX_NOTE];
	while (ts_demux_next(d, &m, &raw))
		look_at(m);
	(void)ts_demux_note(d, note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ts_demux *d = ts_demux_new(&(struct ts_demux_opts){.audio = n ? data[0] % 3 : 0});
	size_t piece = look_piece(data, n);
	for (size_t at = 0; at < n; at += piece) {
		ts_demux_take(d, span_of(data + at, piece < n - at ? piece : n - at));
		look(d);
	}
	if (n % 5 == 0)
		ts_demux_lost(d);
	ts_demux_end(d);
	look(d);
	ts_demux_free(&d);
	check(msg_live() == 0);
	return 0;
}
