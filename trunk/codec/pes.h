/* pes - packetized elementary streams (ISO 13818-1 2.4.3.6), of transport and of program streams. Layer: codec. */
#pragma once
#include "base/span.h"

enum { PES_HEAD_MAX = 9 + 255 };

struct pes_head {
	uint8_t stream_id;
	size_t n;         /* bytes of the header, to the payload */
	size_t length;    /* of the payload; 0 also where it is not told */
	bool is_bounded;  /* it is told */
	int64_t pts, dts; /* 33 bits of 90 kHz; ES_NO_TIME where there is none */
	bool is_scrambled;
};

enum pes_result {
	PES_OK,
	PES_SHORT, /* more bytes are needed */
	PES_BAD,   /* no header: no start code, nonsense */
};
/* `s` begins with the start code. */
enum pes_result pes_read(struct pes_head *h, struct span s);
/* Whether packets of this stream_id have the header's optional part, and so times. */
bool pes_has_times(unsigned stream_id);

/* Times of one program, which wrap after 26.5 hours, as times that do not. Zeroed memory. */
struct pes_clock {
	bool begun;
	int64_t last;
};
int64_t pes_unwrap(struct pes_clock *clock, int64_t time);
