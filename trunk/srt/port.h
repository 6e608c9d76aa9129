/* port - a UDP port at which SRT callers are taken. Layer: srt.
 *
 * Whether a caller may come in is asked while its handshake lasts, on a thread of the library that serves all
 * connections of the port: see srt_judge. */
#pragma once
#include "net/steer.h"
#include "srt/link.h"

/* The offset of the connection's number in a packet; the number is 0 during the handshake. */
enum { SRT_NUMBER_AT = 12 };

struct srt_port;

/* Reasons of a refusal, which srt/access_control.h numbers after HTTP. */
enum srt_refusal {
	SRT_REFUSE_HOST = 1003,
	SRT_REFUSE_SYNTAX = 1400,
	SRT_REFUSE_OVERLOAD = 1402,
	SRT_REFUSE_FORBIDDEN = 1403,
	SRT_REFUSE_NOT_FOUND = 1404,
	SRT_REFUSE_MODE = 1405,
	SRT_REFUSE_CONFLICT = 1409,
	SRT_REFUSE_INTERNAL = 1500,
	SRT_REFUSE_UNAVAILABLE = 1503,
};

/* A caller of which nothing is known yet but this. */
struct srt_caller {
	const struct addr *peer;
	const char *stream_id;
};

/* The decision about a caller. */
struct srt_verdict {
	int refusal;                /* 0: it may come in; else what it is told: 1000 and more */
	struct srt_options options; /* of this connection, those for the port's memory excepted */
	char passphrase[SRT_PASSPHRASE_MAX + 1]; /* where the options' may stand */
};

/* Called on a thread of libsrt: it must be short, and call nothing of co, net, log, err or whatever else belongs
 * to the thread of the coroutines without a lock of its own. */
typedef void srt_judge(void *ctx, const struct srt_caller *caller, struct srt_verdict *out);

struct srt_port_opts {
	int fd; /* a bound UDP socket; taken, also on failure */
	const struct srt_options *options;
	srt_judge *judge;
	void *ctx;   /* outlives the port, and all of its callers' handshakes */
	int backlog; /* callers that were let in and not accepted yet */
};

err srt_port_open(struct srt_port **out, const struct srt_port_opts *opts) BLOCKS;
/* See steer_share(). */
err srt_port_share(struct srt_port *port, bool on);
/* The number of the newest connection, or of the port itself before there was one. The library counts them down. */
uint32_t srt_port_newest(const struct srt_port *port);
/* Stops listening; links live on, and the socket with them. NULL is fine; clears. */
void srt_port_close(struct srt_port **port);
/* The next one that was let in; ERR_AGAIN: there is none. The running coroutine is woken when there is. */
err srt_port_accept(struct srt_port *port, struct srt_link **out);
