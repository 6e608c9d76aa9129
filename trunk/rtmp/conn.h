/* conn - whole RTMP messages over a socket, for both sides. Layer: rtmp.
 * Handles by itself: Set Chunk Size, Abort, acknowledgements, answers to pings. Aggregates are
 * split. AMF3-framed commands and data are handed out as AMF0. Only broken chunks, silence and a peer
 * that does not take its answers end a connection; other nonsense is ignored with a line in the log.
 * Between two messages a connection keeps no buffers. */
#pragma once
#include "codec/amf0.h"
#include "codec/chunk.h"
#include "net/sock.h"

enum { RTMP_COMMAND_MAX = 65536, RTMP_MEDIA_MAX = 16 * 1024 * 1024, RTMP_OUT_MAX = 1024 * 1024 };
enum {
	UC_STREAM_BEGIN = 0,
	UC_STREAM_EOF = 1,
	UC_STREAM_DRY = 2,
	UC_SET_BUFFER = 3,
	UC_RECORDED = 4,
	UC_PING = 6,
	UC_PONG = 7
};

struct rtmp_conn {
	struct sock *sock; /* owned */
	struct chunk_reader *reader;
	struct rtmp_queue *queue; /* messages read but not yet handed out */
	struct buf out;           /* control bytes not yet sent; a peer that lets it grow beyond
	                               * RTMP_OUT_MAX is ended with ERR_LIMIT */
	uint32_t out_chunk_size;
	uint32_t in_window; /* peer's Window Acknowledgement Size; 0: it never told one */
	uint32_t acked;     /* received bytes at our last acknowledgement, modulo 2^32 */
	int64_t ping_ms;    /* when our unanswered ping was sent; 0: none is out */
	int64_t pong_ms;    /* when the last pong arrived */
	double connect_tid; /* transaction of the peer's connect, for its answer */
	uint32_t streams;   /* message stream ids that the peer was given: bit 1 for id 1 */
	uint32_t oddities;  /* messages that were ignored, see conn_oddity() */
};

/* Takes the socket. */
struct rtmp_conn *rtmp_conn_new(struct sock *sock);
/* Frees everything, closes the socket at once if it is still there. */
void rtmp_conn_free(struct rtmp_conn **conn);
/* Messages may be as large as RTMP_MEDIA_MAX from now on; before that RTMP_COMMAND_MAX, and longer ones
 * are ignored. */
void rtmp_conn_allow_media(struct rtmp_conn *conn);

/* The next message that is the application's business: commands, data, audio, video, user
 * control other than pings. The receiver owns it: rtmp_msg_fini(). Flushes `out` first. Bounded
 * by the socket's deadline. */
err rtmp_recv(struct rtmp_conn *conn, struct rtmp_msg *m) BLOCKS;
/* The same without waiting: ERR_AGAIN when no whole message is there. Replies that become due
 * (acknowledgement, pong) are left in `out` for the caller to send between whole messages. When it
 * says ERR_AGAIN only because it has worked for long enough, it wakes its caller again. */
err rtmp_try_recv(struct rtmp_conn *conn, struct rtmp_msg *m);

/* These append to conn->out; rtmp_flush() sends it. */
void rtmp_put(struct rtmp_conn *conn, uint32_t csid, uint8_t type, uint32_t stream_id, uint32_t ts,
	      struct span body);
void rtmp_put_u32(struct rtmp_conn *conn, uint8_t type,
		  uint32_t value);                               /* a protocol control message */
void rtmp_put_chunk_size(struct rtmp_conn *conn, uint32_t size); /* and uses it from then on */
void rtmp_put_user_control(struct rtmp_conn *conn, uint16_t event, uint32_t value);
/* Pings the peer unless a ping is out already; the pong sets pong_ms and clears ping_ms. */
void rtmp_put_ping(struct rtmp_conn *conn);
/* Command with name, transaction and up to three values; takes the values (NULL: not written). */
void rtmp_put_command(struct rtmp_conn *conn, uint32_t csid, uint32_t stream_id, const char *name,
		      double tid, struct amf *a, struct amf *b, struct amf *c);
err rtmp_flush(struct rtmp_conn *conn) BLOCKS;
