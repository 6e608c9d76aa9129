/* bench - what the files of the load generator share.
 *
 * One thread, one epoll set, level-triggered, one recv per event. It must cost less than the
 * server it measures: of the players only every sample-th reads each message (for the latency);
 * the others, once they have had their first frame, let the kernel drop what arrives and count. */
#pragma once
#include "base/buf.h"
#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Of srs_bench; the other tools have modes of their own. */
enum { MODE_PLAY_RTMP, MODE_PLAY_FLV, MODE_PUBLISH, MODE_IDLE, MODE_SINK, MODE_PROBE };

enum { WATCHED = 64 };

struct options {
	int mode; /* place in the tool's list */
	const char *url;
	int count;       /* connections */
	int first;       /* of the numbers that stand for %d */
	int streams;     /* %d goes round after so many; 0: never */
	double ramp;     /* new connections a second; 0: all at once */
	double seconds;  /* of measuring; 0: until a signal */
	double warm;     /* between the last one's start and the measuring */
	double patience; /* for those who do not start */
	int kbps, fps, audio;
	double gop; /* seconds from one key frame to the next */
	int chunk_size;
	double nap_ms;   /* arrivals are looked for so often; 0: at once */
	double stall_ms; /* a longer gap is a stall */
	int latency_ms;  /* of SRT */
	int sample;      /* every so many players read all; 0: about a hundred of them do */
	bool json;
	bool edge; /* says that it is an edge server */
	const char *name;
	int watch[WATCHED], watch_count; /* processes of the server */
};
extern struct options opt;

/* A load generator, as its command line is read. */
enum { FOR_SRS = 1, FOR_RTC = 2, FOR_SRT = 4 };
struct tool {
	const char *name, *usage;
	const char *const *modes; /* ends with NULL */
	int bit;                  /* FOR_ */
};
/* Fills `opt` over what the tool has preset. False: it has said what is wrong. */
bool options_read(int argc, char **argv, const struct tool *tool);
extern const char *const srs_modes[];

/* Descriptors and signals, once. */
void process_prepare(void);
bool process_stopping(void);
/* The measuring is to begin, however much of the warm-up is left: for programs that wait for one another. */
bool process_beginning(void);

int64_t now_us(void);

/* ---- figures ---- */

/* Milliseconds in steps of a tenth, up to ten seconds. */
enum { HIST_STEPS = 100000 };
struct hist {
	uint64_t n;
	double max;
	uint32_t step[HIST_STEPS + 1];
};
void hist_add(struct hist *h, int64_t us);
double hist_at(const struct hist *h, double part);

struct figures {
	struct hist connect, first_byte, first_frame; /* since the beginning of the connection */
	struct hist latency, video_latency, gap;
	uint64_t stalls, disconnects, failures, redirects, late_frames, skipped;
};
extern struct figures fig;
/* Why connections failed, with a count for each reason. */
void reason_add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* CPU seconds and resident KB of the watched processes. */
double watch_cpu(void);
double watch_rss(void);
double own_cpu(void);

/* ---- a URL ---- */

struct url {
	char scheme[8], host[128], port[8];
	char app[256];    /* all but the last part of the path */
	char stream[512]; /* the last part, with the query */
};
bool url_read(struct url *url, const char *text);
/* That of the options for this connection: %d in it is its number. */
void url_numbered(char *out, size_t cap, int index);

/* ---- what a stream carries ---- */

enum {
	STAMP_AT_AUDIO = 2,  /* behind the two bytes of AAC */
	STAMP_AT_VIDEO = 10, /* behind AVC's five, a NAL length and a NAL type */
	STAMP_SIZE = 16,     /* a mark and the time of sending in microseconds */
	MEDIA_HEAD = STAMP_AT_VIDEO + STAMP_SIZE,
};
/* Where NAL units are told apart by zeros, it is text. */
enum { STAMP_TEXT = 24 };
void stamp_write_text(char *p, int64_t us);
/* The first one among these bytes. */
bool stamp_find(struct span bytes, int64_t *us);
void stamp_write(uint8_t *p, int64_t us);
bool stamp_read(const uint8_t *p, int64_t *us);

enum { PAYLOAD_MAX = 4 << 20 }; /* of a picture */
extern const uint8_t media_avcc[37], media_asc[2];
uint32_t audio_size(void);
uint32_t video_size(bool is_key);
uint32_t gop_frames(void);
double stream_rate(void); /* bytes a second of one publisher's payload */

/* ---- reading ---- */

enum { LANES = 8, COMMAND_MAX = 4096 };

/* One chunk stream: the message that is under way on it. */
struct lane {
	uint32_t csid, length, got;
	uint8_t type;
	bool is_extended;
	uint8_t head_n;
	uint8_t head[MEDIA_HEAD];
};

struct scan {
	uint32_t chunk_size;
	uint32_t left;  /* of the chunk or of the tag */
	uint32_t piece; /* of HTTP's chunk framing; UINT32_MAX: there is none */
	uint8_t piece_state;
	uint8_t header_n;
	uint8_t header[24];
	struct lane *lane;
	struct lane lanes[LANES];
	struct buf command; /* of the message that is not media */
};

struct peer;
/* Chunks, and the body of an HTTP-FLV answer. False: the bytes make no sense. */
bool scan_chunks(struct peer *peer, const uint8_t *p, size_t n);
bool scan_flv(struct peer *peer, const uint8_t *p, size_t n);

/* ---- a connection ---- */

enum state { PEER_NEW, PEER_CONNECTING, PEER_SHAKING, PEER_TALKING, PEER_RUNNING, PEER_ENDED };

struct peer {
	int fd;
	int index;
	enum state state;
	uint8_t step; /* of the conversation */
	uint8_t redirects;
	bool is_full;    /* reads every message */
	bool wants_room; /* registered for EPOLLOUT */
	bool has_byte, has_frame;
	struct url url;
	struct ssl_st *ssl; /* NULL: plain */
	struct scan *scan;  /* NULL once nothing is read any more */
	struct buf in;      /* of the handshake, or the head of the answer */
	struct buf out;
	size_t out_off;
	uint32_t stream_id;
	uint32_t ack_window;
	uint64_t received, acked;
	uint64_t sent;
	uint64_t window_bytes; /* of them, before the measuring began */
	int64_t begin_us, last_us, ack_us, run_us;
	int64_t worst_gap_us;
	uint32_t frames;
	uint64_t next_turn;
};
extern struct peer *peers;

/* The connection's own words, sent as far as there is room. */
void peer_send(struct peer *peer, struct span bytes);
void peer_flush(struct peer *peer);
void peer_fail(struct peer *peer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* It does now what it is there for. */
void peer_runs(struct peer *peer);
void peer_redirect(struct peer *peer, const char *url);
void peer_open(struct peer *peer);
void peer_close(struct peer *peer);
void peer_event(struct peer *peer, uint32_t events);

/* Called by the scanners. `head` is the beginning of the payload. */
void peer_first_byte(struct peer *peer);
void peer_media(struct peer *peer, uint8_t type, uint32_t length, const uint8_t *head, uint32_t n);

/* TLS. The calls return what recv() and send() would. */
bool tls_wanted(const struct peer *peer);
void tls_begin(struct peer *peer);
void tls_end(struct peer *peer);
ssize_t tls_shake(struct peer *peer);
ssize_t tls_recv(struct peer *peer, void *p, size_t cap);
ssize_t tls_send(struct peer *peer, const void *p, size_t n);

/* RTMP's conversation. */
void rtmp_connected(struct peer *peer);
bool rtmp_input(struct peer *peer, const uint8_t *p, size_t n);
void rtmp_message(struct peer *peer, uint8_t type, struct span body);
void rtmp_ack(struct peer *peer, int64_t now);
/* HTTP's. */
void http_connected(struct peer *peer);
bool http_input(struct peer *peer, const uint8_t *p, size_t n);
/* Asks again when it is time; returns when that is. */
int64_t http_probe(int64_t now);

/* ---- publishing ---- */

/* Sends what is due; returns when the next is, in microseconds. */
int64_t stream_run(int64_t now);
/* Metadata and sequence headers. */
void stream_begin(struct peer *peer);

/* ---- loop and report ---- */

extern int epoll_fd;
extern int opened, running, ended;
extern int64_t window_us; /* beginning of the measuring; 0 before */
struct result {
	double seconds, server_cpu, own_cpu, rss_before, rss_after;
};
void report(const struct result *result);

struct rates {
	double sum, low, middle, high; /* kb/s */
	int n;
};
/* Of so many; sorts them. */
struct rates rates_of(double *kbps, int n);
void reasons_print(void);
/* The one object of --json: its beginning, what the tool has of its own between, and its end. */
void json_begin(const struct result *r, const struct rates *rates, const char *mode, int still_run);
void json_hist(const char *name, const struct hist *h);
void json_end(const struct result *r);
