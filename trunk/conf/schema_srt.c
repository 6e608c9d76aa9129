/* SRT: encoders and others that publish and play by it. */
#include "conf/schema_rows.h"

#include <string.h>

static const struct choice mode_names[] = {
	{"publish", SRT_MODE_PUBLISH}, {"request", SRT_MODE_REQUEST}, {}};
static const struct choice key_names[] = {{"0", 0}, {"16", 16}, {"24", 24}, {"32", 32}, {}};

enum { LATENCY_MAX = 60000, BUFFER_MIN = 64 * 1024, BUFFER_MAX = 256 << 20 };

static const char *judge_passphrase(const char *word)
{
	size_t n = strlen(word);
	return n == 0 || (n >= 10 && n <= 79) ? NULL : "10 to 79 characters";
}

#define KEY_HELP                                                                                   \
	"Bytes of the key that a passphrase is made into; 0: as the caller has it, and 16 if it "  \
	"does not say."

static const struct row rows[] = {
	BLOCK("srt_server",
	      "SRT by libsrt: UDP ports at which encoders publish and players play MPEG-TS. "
	      "Processes that share a host need a port each."),
	ONOFF("srt_server.enabled", conf, srt_server.enabled, "off", NOW, "Whether SRT is served."),
	LIST("srt_server.listen", conf, srt_server.listen, NOW,
	     "The UDP ports: one or more of [ip:]port. All connections of a port are received by "
	     "one thread, which is enough for about 1 Gb/s.",
	     .value = "10080", .min = 1, .judge = value_check_endpoint),
	INT("srt_server.maxbw", conf, srt_server.maxbw, "-1", -1, INT_MAX, NEW,
	    "Bytes per second that may be sent to one connection; -1: as much as there is, 0: by "
	    "what is put in."),
	INT("srt_server.mss", conf, srt_server.mss, "1500", 76, 65536, RESTART,
	    "The size of an IP packet; each side takes the smaller one of both."),
	MILLIS("srt_server.connect_timeout", conf, srt_server.connect_timeout_ms, "3000", 100,
	       MINUTE, NEW, "How long a server that this one calls by SRT may take to answer."),
	MILLIS("srt_server.peer_idle_timeout", conf, srt_server.peer_idle_timeout_ms, "10000", 500,
	       10 * MINUTE, NEW,
	       "A peer that is not heard for so long is gone; one that has nothing to send says so "
	       "each second."),
	TEXT("srt_server.default_app", conf, srt_server.default_app, "live", NEW,
	     "The app of stream ids without '/'."),
	TEXT("srt_server.default_streamid", conf, srt_server.default_streamid,
	     "#!::r=live/livestream,m=request", NEW,
	     "What a caller without a stream id is taken to ask for."),
	ENUM("srt_server.default_mode", conf, srt_server.default_mode, enum conf_srt_mode,
	     mode_names, "request", NEW,
	     "What a caller wants whose stream id is a plain name, without '#!::…m='."),
	MILLIS("srt_server.latency", conf, srt_server.latency_ms, "120", 0, LATENCY_MAX, NEW,
	       "How long after its sending a packet is delivered, both ways: the time in which "
	       "lost "
	       "ones are sent again. Three to four round trips; the larger one of both sides "
	       "counts."),
	MILLIS("srt_server.recvlatency", conf, srt_server.recvlatency_ms, "-1", -1, LATENCY_MAX,
	       NEW, "The same for what comes here; -1: as 'latency'."),
	MILLIS("srt_server.peerlatency", conf, srt_server.peerlatency_ms, "-1", -1, LATENCY_MAX,
	       NEW, "The same for what goes to the caller, at least; -1: as 'latency'."),
	ONOFF("srt_server.tsbpdmode", conf, srt_server.tsbpdmode, "on", NEW,
	      "Whether packets are delivered with that constant delay; 'off': as soon as they are "
	      "complete, whenever that is, and without a thread for each publisher."),
	ONOFF("srt_server.tlpktdrop", conf, srt_server.tlpktdrop, "on", NEW,
	      "Whether packets that have not come in time are given up; 'off': all waits for "
	      "them."),
	INT("srt_server.sendbuf", conf, srt_server.sendbuf, "12058624", BUFFER_MIN, BUFFER_MAX,
	    RESTART,
	    "Bytes that may wait to be sent to one connection, or to be acknowledged: bitrate "
	    "times "
	    "latency, and more. Memory is taken as it is used."),
	INT("srt_server.recvbuf", conf, srt_server.recvbuf, "12058624", BUFFER_MIN, BUFFER_MAX,
	    RESTART, "Bytes of one publisher that may wait for their time, likewise."),
	INT("srt_server.payloadsize", conf, srt_server.payloadsize, "1316", 188, 1456, NEW,
	    "Bytes of a message: seven packets of MPEG-TS."),
	TEXT("srt_server.passphrase", conf, srt_server.passphrase, NULL, NEW,
	     "Encrypts, and refuses callers that have another one or none; 10 to 79 characters.",
	     .hidden = true, .judge = judge_passphrase, .example = "change-me-please"),
	ENUM("srt_server.pbkeylen", conf, srt_server.pbkeylen, enum conf_srt_key, key_names, "0",
	     NEW, KEY_HELP),
	IDLE("srt_server.sei_filter", "SEI is passed on as it comes."),
	IDLE("srt_server.mix_correct", "Times are always brought into order."),

	BLOCK("vhost.srt", "SRT for the streams of this vhost; see srt_server for the ports."),
	ONOFF("vhost.srt.enabled", conf_vhost, srt.enabled, "off", NEW,
	      "Whether streams can be published and played by SRT."),
	TEXT("vhost.srt.passphrase", conf_vhost, srt.passphrase, NULL, NEW,
	     "For the streams of this vhost, in the place of srt_server.passphrase.",
	     .hidden = true, .judge = judge_passphrase, .example = "change-me-please"),
	IDLE("vhost.srt.srt_to_rtmp",
	     "A stream that comes by SRT can be played by all protocols, as any other."),
};

SCHEMA_PART(schema_srt, rows);
