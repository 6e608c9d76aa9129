/* chunk - RTMP chunk streams (specification 5.3): bytes to messages and back. Layer: codec.
 *
 * The reader is fed whatever arrived and hands out whole messages; it keeps nothing but what is
 * unfinished, so a connection needs no receive buffer. Memory grows with the bytes received, not
 * with lengths announced. Set Chunk Size and Abort act inside the reader. Any number of chunk stream ids
 * may be used: those that were idle are forgotten for new ones. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "codec/msg.h"

/* Message type ids (specification 5.4, 6.2, 7.1). */
enum rtmp_type {
	RTMP_SET_CHUNK_SIZE = 1,
	RTMP_ABORT = 2,
	RTMP_ACK = 3,
	RTMP_USER_CONTROL = 4,
	RTMP_WINDOW_ACK_SIZE = 5,
	RTMP_SET_PEER_BANDWIDTH = 6,
	RTMP_AUDIO = 8,
	RTMP_VIDEO = 9,
	RTMP_DATA_AMF3 = 15,
	RTMP_COMMAND_AMF3 = 17,
	RTMP_DATA = 18,
	RTMP_COMMAND = 20,
	RTMP_AGGREGATE = 22,
};

/* The chunk streams that we write on. Other tracks than the first have streams of their own, from
 * CSID_TRACKS on; all are below 64, which one byte can say. */
enum {
	CSID_CONTROL = 2,
	CSID_CONNECTION = 3,
	CSID_DATA = 4,
	CSID_STREAM = 5,
	CSID_VIDEO = 6,
	CSID_AUDIO = 7,
	CSID_TRACKS = 8,
};

enum {
	CHUNK_SIZE_DEFAULT = 128,
	CHUNK_SIZE_MAX = 0xFFFFFF,
	CHUNK_STREAMS_MAX = 256, /* chunk streams whose last header is remembered */
	CHUNK_HEADER_MAX = 18,
	CHUNK_TIME_EXTENDED = 0xFFFFFF, /* in the field of a time that does not fit into it */
};

/* One message as it stands on the wire. The payload of the three media types arrives in `media`,
 * of all others in `body`. */
struct rtmp_msg {
	uint8_t type;
	uint32_t ts; /* absolute, modulo 2^32 */
	uint32_t stream_id;
	uint32_t csid;
	uint32_t
		skipped; /* the length of a message beyond the limit, which came without its bytes */
	struct msg *media; /* one reference, the receiver's; frame and ts not yet set */
	struct buf body;   /* the receiver's */
};
/* Releases whichever payload is there. */
void rtmp_msg_fini(struct rtmp_msg *m);

struct chunk_reader;
struct chunk_reader *chunk_reader_new(void);
void chunk_reader_free(struct chunk_reader **reader);
/* The largest message whose bytes are kept from now on, and the most that may be unfinished on all chunk
 * streams together; small until a peer has been let in, large for a publisher. Longer messages are read
 * to their end and handed out without their bytes. */
void chunk_reader_limit(struct chunk_reader *reader, size_t message_max, size_t pending_max);
/* Consumes from `c` until one message is complete (*got) or `c` is empty. ERR_PROTOCOL and
 * ERR_LIMIT say what was wrong; the reader is then dead. */
err chunk_read(struct chunk_reader *reader, struct cur *c, struct rtmp_msg *out, bool *got);

/* What chunk_read() looks at is fetched; for who is about to read bytes for it. */
void chunk_reader_fetch(const struct chunk_reader *reader);

/* Writes one message with a type 0 header and type 3 continuations. */
void chunk_write(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		 uint32_t stream_id, uint32_t ts, struct span payload);
/* Only the type 0 header (12 bytes for csid 2-63, extended timestamp included if it needs one). */
void chunk_write_header0(struct buf *b, uint32_t csid, uint8_t type, uint32_t stream_id,
			 uint32_t ts, uint32_t length);
/* One message with a type 1 header: `delta` below 0xFFFFFF; no stream id and no absolute time, so
 * the bytes suit every receiver that has read a type 0 on this chunk stream. */
enum { CHUNK_HEADER1_SIZE = 8 };
void chunk_write_delta(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		       uint32_t delta, struct span payload);
/* The size chunk_write_delta() will produce. */
size_t chunk_delta_size(uint32_t chunk_size, size_t payload);
