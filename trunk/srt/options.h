/* options - what an SRT socket is opened with. Layer: srt. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	SRT_PASSPHRASE_MIN = 10,
	SRT_PASSPHRASE_MAX = 79,
	SRT_PAYLOAD_MAX = 1456, /* bytes of a message */
};

/* As libsrt names them (docs/API/API-socket-options.md); times in milliseconds. */
struct srt_options {
	int64_t maxbw; /* bytes per second; -1: no limit */
	int mss, payload_size;
	int connect_timeout_ms, peer_idle_timeout_ms;
	int recv_latency_ms, peer_latency_ms;
	bool tsbpd, tlpktdrop;
	int send_buffer, recv_buffer; /* bytes */
	const char *passphrase;       /* "": not encrypted; borrowed for the call */
	int key_bytes;                /* 16, 24, 32; 0: as the peer has it */
};
