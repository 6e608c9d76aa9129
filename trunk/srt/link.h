/* link - one SRT connection: messages in and out, as coroutines take them. Layer: srt.
 * A message is at most SRT_PAYLOAD_MAX bytes, and comes whole or not at all. Nothing here waits, but
 * srt_link_connect(). */
#pragma once
#include "base/addr.h"
#include "srt/bridge.h"
#include "srt/options.h"

#include <stddef.h>

enum { SRT_STREAM_ID_MAX = 512 };

struct srt_link;

/* Figures of the line since the connection began. */
struct srt_figures {
	double rtt_ms;
	int recv_latency_ms;  /* between the peer's sending and our reading, agreed on */
	int send_latency_ms;  /* likewise the other way */
	int64_t recv_packets; /* of media, those that came twice left out */
	int64_t recv_lost;    /* packets that were missed when later ones came */
	int64_t recv_retransmitted;
	int64_t recv_dropped; /* they came too late or never */
	int64_t recv_undecrypted;
	int64_t send_packets;
	int64_t send_lost; /* as the peer has told */
	int64_t send_retransmitted;
	int64_t send_dropped; /* they could not be sent in time */
	int send_waiting;     /* packets that the peer has not acknowledged */
	int send_buffer_ms;   /* what waits to be sent or acknowledged */
	int recv_buffer_ms;   /* what waits for its time */
};

/* Calls `to` and waits until it has agreed; the deadline is the connect timeout of the options. An error has the
 * peer's reason: ERR_DENIED: it refused, ERR_TIMEOUT: it did not answer, ERR_STOPPED. */
err srt_link_connect(struct srt_link **out, const struct addr *to, const char *stream_id,
		     const struct srt_options *options) BLOCKS;
/* The peer is told, if it is there. NULL is fine; clears. */
void srt_link_close(struct srt_link **link);

/* Makes the running coroutine the one that events wake. */
void srt_link_attach(struct srt_link *link);
/* The next message; ERR_AGAIN: there is none now; ERR_CLOSED: the peer has left, or is silent for too long. */
err srt_link_recv(struct srt_link *link, void *out, size_t room, size_t *n);
/* Sends one message; ERR_AGAIN: there is no room now, see srt_link_is_writable(). */
err srt_link_send(struct srt_link *link, const void *p, size_t n);
bool srt_link_is_writable(const struct srt_link *link);
/* The peer has left, or the connection has broken. What it had sent may still be read. */
bool srt_link_is_gone(const struct srt_link *link);

/* By which packets of the peer name it. */
uint32_t srt_link_number(const struct srt_link *link);
const struct addr *srt_link_peer(const struct srt_link *link);
/* The stream id that the caller sent; "" without one. */
const char *srt_link_stream_id(const struct srt_link *link);
/* Monotonic; when the last message came, at first when the link began. */
int64_t srt_link_heard_ms(const struct srt_link *link);
/* When the last message was sent, likewise. */
int64_t srt_link_sent_ms(const struct srt_link *link);
int64_t srt_link_recv_bytes(const struct srt_link *link);
int64_t srt_link_send_bytes(const struct srt_link *link);
int srt_link_payload_size(const struct srt_link *link);
bool srt_link_is_encrypted(const struct srt_link *link);
/* A few microseconds. Of a link that is gone: as they were when they were last asked for. */
void srt_link_figures(struct srt_link *link, struct srt_figures *out);
