/* srt_gate - which SRT callers are let in while their handshake lasts, and with which options. Layer: service.
 *
 * It is asked on a thread of libsrt, and knows what can be said at once: the stream id, the vhost, the rules of
 * `security`, how many are on their way already. Such a refusal reaches the caller with its reason. What takes
 * longer (web services, other servers) is asked when it is connected: then a refusal is an end of the
 * connection. */
#pragma once
#include "conf/conf.h"
#include "srt/port.h"
#include "srt/stream_id.h"

enum {
	SRT_WAITING_MAX = 256,        /* callers let in whose session has not begun */
	SRT_WAITING_PER_ADDRESS = 32, /* of one IP address, the host's own excepted */
	SRT_WAITING_MS = 5000,        /* after that one has failed by itself */
	SRT_FULL_MS = 1000,           /* so long all are refused after one had to be sent away */
};

struct srt_gate;
struct srt_gate *srt_gate_new(struct conf *conf);
/* After all ports. */
void srt_gate_free(struct srt_gate **gate);
/* From now on these are the rules. */
void srt_gate_set_conf(struct srt_gate *gate, struct conf *conf);
/* For srt_port_opts; the context is the gate. */
void srt_gate_judge(void *gate, const struct srt_caller *caller, struct srt_verdict *out);
/* Ends the handshake of a caller from that address: it has a session, or was refused. */
void srt_gate_taken(struct srt_gate *gate, const struct addr *peer);
/* There was no place for one that was let in. */
void srt_gate_set_full(struct srt_gate *gate);
/* How many callers were refused so far. */
uint64_t srt_gate_refused(struct srt_gate *gate);

/* How stream ids are read. Texts are borrowed from the configuration. */
struct stream_id_defaults srt_gate_defaults(const struct conf *conf);
