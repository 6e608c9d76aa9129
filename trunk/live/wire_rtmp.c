/* RTMP chunks. Shared bytes carry time as a delta (chunk type 1), which names neither a message stream
 * nor an absolute time, so they suit every receiver that was primed by a type 0 header:
 *
 *   page:     [h1 payload][h1 payload][h1 payload] …      h1: type 1 header, shared
 *   receiver:  h0 payload  h0 payload [h1 payload] …      h0: its own; one per chunk stream
 *
 * The chains are the chunk streams. Each track has its own, since the tracks of one kind need not come
 * in the order of their times, and a delta cannot go back. */
#include "codec/chunk.h"
#include "live/page.h"
#include "live/wire_format.h"

#include <string.h>

/* The chain of track 0; further tracks follow it, the last chain is shared by what is left. */
enum { CHAIN_DATA, CHAIN_AUDIO, CHAIN_VIDEO = 8 };
enum { AUDIO_TRACKS = CHAIN_VIDEO - CHAIN_AUDIO, VIDEO_TRACKS = CHAINS_MAX - CHAIN_VIDEO };

struct chains {
	int64_t last_ts[CHAINS_MAX];
	uint16_t begun; /* chains that have a last_ts */
};

static uint8_t chain(const struct msg *m)
{
	uint8_t track = m->frame.track;
	if (m->type == MSG_AUDIO)
		return CHAIN_AUDIO + (track < AUDIO_TRACKS ? track : AUDIO_TRACKS - 1);
	if (m->type == MSG_VIDEO)
		return CHAIN_VIDEO + (track < VIDEO_TRACKS ? track : VIDEO_TRACKS - 1);
	return CHAIN_DATA;
}

static uint32_t csid_of(uint8_t chain)
{
	switch (chain) {
	case CHAIN_DATA:
		return CSID_DATA;
	case CHAIN_AUDIO:
		return CSID_AUDIO;
	case CHAIN_VIDEO:
		return CSID_VIDEO;
	default:
		return CSID_TRACKS + chain;
	}
}

static uint8_t type_of(uint8_t kind)
{
	if (kind & (WIRE_DATA | WIRE_ENCODER_TIME))
		return RTMP_DATA;
	return kind == WIRE_VIDEO ? RTMP_VIDEO : RTMP_AUDIO;
}

static int64_t delta_of(const struct chains *chains, const struct msg *m)
{
	uint8_t i = chain(m);
	return chains->begun & 1u << i ? m->ts - chains->last_ts[i] : 0;
}

static bool follows(void *state, const struct msg *m)
{
	int64_t delta = delta_of(state, m);
	if (delta >= 0 && delta < CHUNK_TIME_EXTENDED)
		return true;
	memset(state, 0, sizeof(struct chains));
	return false;
}

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)state;
	return chunk_delta_size(opts->chunk_size, m->n);
}

static void render(const struct wire_opts *opts, void *state, const struct msg *m, struct buf *out)
{
	struct chains *chains = state;
	uint8_t i = chain(m);
	chunk_write_delta(out, opts->chunk_size, csid_of(i), type_of(wire_kind(m)),
			  (uint32_t)delta_of(chains, m), msg_span(m));
	chains->last_ts[i] = m->ts;
	chains->begun |= (uint16_t)(1u << i);
}

/* A message whose own header needs the extended timestamp: continuation chunks carry it too, so the
 * message is made anew as a whole from the shared bytes. */
static uint32_t write_whole(const struct wire_receiver *to, const struct rendering *r,
			    struct buf *out)
{
	uint32_t chunk_size = to->opts->chunk_size;
	const uint8_t *p = r->bytes.p + CHUNK_HEADER1_SIZE;
	struct buf payload = {.max = r->n};
	for (uint32_t left = r->n; left > 0;) {
		uint32_t piece = left < chunk_size ? left : chunk_size;
		buf_put(&payload, p, piece);
		p += piece + 1; /* one byte of type 3 header between two chunks */
		left -= piece;
	}
	chunk_write(out, chunk_size, csid_of(r->chain), type_of(r->kind), to->stream_id, to->ts,
		    buf_span(&payload));
	buf_free(&payload);
	return (uint32_t)r->bytes.n;
}

static uint32_t prime(const struct wire_receiver *to, const struct rendering *r, struct buf *out)
{
	if (to->ts >= CHUNK_TIME_EXTENDED)
		return write_whole(to, r, out);
	chunk_write_header0(out, csid_of(r->chain), type_of(r->kind), to->stream_id, to->ts, r->n);
	return CHUNK_HEADER1_SIZE;
}

static void write_own(const struct wire_receiver *to, const struct msg *m, struct buf *out)
{
	chunk_write(out, to->opts->chunk_size, csid_of(chain(m)), type_of(wire_kind(m)),
		    to->stream_id, to->ts, msg_span(m));
}

const struct wire_format wire_rtmp = {
	.name = "rtmp",
	.state_size = sizeof(struct chains),
	.chain = chain,
	.follows = follows,
	.size = size,
	.render = render,
	.prime = prime,
	.write = write_own,
};
