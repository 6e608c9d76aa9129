/* A virtual host: its publishers and players. */
#include "conf/schema_rows.h"

static const struct choice jitter_names[] = {
	{"full", JITTER_FULL}, {"zero", JITTER_ZERO}, {"off", JITTER_OFF}, {}};

static const struct row rows[] = {
	/* ---- vhosts ---- */
	NAMED("vhost", conf, vhosts, vhost_count, vhost_room,
	      "Settings for the streams of one virtual host. __defaultVhost__ takes all requests "
	      "for names without a block of their own.",
	      .example = "__defaultVhost__"),
	ONOFF("vhost.enabled", conf_vhost, enabled, "on", NEW,
	      "Whether clients of this vhost are served."),
	IDLE("vhost.tcp_nodelay",
	     "It is always on: messages are gathered by this server (mw_latency)."),
	ONOFF("vhost.min_latency", conf_vhost, min_latency, "off", NEW,
	      "Whether each picture is passed on at once, whatever mw_latency says."),
	INT("vhost.chunk_size", conf_vhost, chunk_size, "60000", 1, 16777215, NEW,
	    "As the global chunk_size, whose value is used where a vhost has none."),
	INT("vhost.in_ack_size", conf_vhost, in_ack_size, "0", 0, INT_MAX, NEW,
	    "After how many bytes a client gets an acknowledgement although it never asked for "
	    "them; 0 for never."),
	INT("vhost.out_ack_size", conf_vhost, out_ack_size, "2500000", 0, INT_MAX, NEW,
	    "After how many bytes clients shall acknowledge; 0 asks for nothing."),

	BLOCK("vhost.publish", "Clients that bring a stream."),
	IDLE("vhost.publish.mr",
	     "Reads are always merged as far as nobody waits for what is read."),
	IDLE("vhost.publish.mr_latency",
	     "Reads are merged until the players' next turn, see play.mw_latency."),
	MILLIS("vhost.publish.firstpkt_timeout", conf_vhost, publish.firstpkt_timeout_ms, "20000",
	       100, DAY, NEW, "How long a publisher may take until its first message."),
	MILLIS("vhost.publish.normal_timeout", conf_vhost, publish.normal_timeout_ms, "5000", 100,
	       DAY, NEW, "How long a publisher may be silent later."),
	SECONDS("vhost.publish.kickoff_for_idle", conf_vhost, publish.kickoff_for_idle_ms, "0", 0,
		INT64_C(365) * DAY, NEW,
		"After how many seconds without a single player, and without another server that "
		"takes the stream for its own, a publisher is disconnected; 0 for never. At an "
		"edge "
		"without effect: who watches is known to its origin."),
	SECONDS("vhost.publish.reconnect_grace", conf_vhost, publish.reconnect_grace_ms, "10", 0,
		HOUR, NEW,
		"How long players are kept waiting after the publisher left: one that comes back "
		"in time is only a pause for them."),
	INT("vhost.publish.max_bitrate", conf_vhost, publish.max_bitrate, "0", 0, 100000000, NEW,
	    "How many kilobits per second a publisher may send, on an average of three seconds; 0 "
	    "for "
	    "any number. One that sends more is warned of in the log, and disconnected when it "
	    "still "
	    "does so six seconds later."),
	IDLE("vhost.publish.parse_sps", "Headers are always read, for the API."),
	IDLE("vhost.publish.try_annexb_first", "Pictures are passed on as they are."),

	BLOCK("vhost.play", "Clients that take a stream."),
	ONOFF("vhost.play.gop_cache", conf_vhost, play.gop_cache, "on", NEW,
	      "Whether a new player gets the stream from the last key frame on and sees a "
	      "picture at once. 'off' starts at the next key frame, nearer to live."),
	INT("vhost.play.gop_cache_max_frames", conf_vhost, play.gop_cache_max_frames, "2500", 0,
	    1000000, NEW, "How many messages that start may have at most; 0 for any number."),
	SECONDS("vhost.play.resume_window", conf_vhost, play.resume_window_ms, "0", 0, MINUTE, NEW,
		"How many seconds of each stream are kept beyond the last GOP for edges that come "
		"from another origin with the same stream. For encoders that publish to several "
		"origins: whatever becomes of one of them, viewers behind edges then lack no "
		"frame. Where streams come through edges this is not needed."),
	SECONDS("vhost.play.queue_length", conf_vhost, play.queue_length_ms, "30", 100, HOUR, NEW,
		"How far a slow player may fall behind before it is moved to a newer key frame."),
	ENUM("vhost.play.time_jitter", conf_vhost, play.time_jitter, enum conf_jitter, jitter_names,
	     "full", NEW,
	     "How timestamps are corrected: 'full' starts at 0 and repairs jumps, 'zero' only "
	     "starts at 0, 'off' leaves them."),
	ONOFF("vhost.play.atc", conf_vhost, play.atc, "off", NEW,
	      "Whether the publisher's absolute timestamps are passed on."),
	ONOFF("vhost.play.atc_auto", conf_vhost, play.atc_auto, "off", NEW,
	      "Whether atc is switched on by the publisher's metadata (bravo_atc).", .later = true),
	ONOFF("vhost.play.mix_correct", conf_vhost, play.mix_correct, "off", NEW,
	      "Whether audio and video are put in the order of their timestamps.", .later = true),
	MILLIS("vhost.play.mw_latency", conf_vhost, play.mw_latency_ms, "100", 0, MINUTE, NEW,
	       "How long messages are collected before they are sent together: an upper bound on "
	       "the delay it adds. Larger values cost less CPU per player."),
	IDLE("vhost.play.mw_msgs",
	     "mw_latency alone decides: it is kept whatever the number of messages."),
	MILLIS("vhost.play.send_min_interval", conf_vhost, play.send_min_interval_ms, "0", 0,
	       MINUTE, NEW, "The least time between two messages to a player; 0 for none.",
	       .later = true),
	ONOFF("vhost.play.reduce_sequence_header", conf_vhost, play.reduce_sequence_header, "off",
	      NEW, "Whether headers that repeat the ones before are dropped."),
	ONOFF("vhost.play.notify_unpublish", conf_vhost, play.notify_unpublish, "on", NEW,
	      "Whether players are told and let go when a stream has ended. 'off' keeps them "
	      "waiting for the next publisher; an edge then asks for it as long as they do."),
	SECONDS("vhost.play.stalled_timeout", conf_vhost, play.stalled_timeout_ms, "15", 1000, HOUR,
		NEW, "After how many seconds a player that takes no data at all is disconnected."),
	INT("vhost.play.max_players", conf_vhost, play.max_players, "0", 0, 1000000, NEW,
	    "How many players one stream may have at this server; 0 for any number. Servers of the "
	    "cluster do not count, nor do players of HLS. See max_connections_per_address for the "
	    "limit "
	    "of an address."),
	SECONDS("vhost.play.wait_timeout", conf_vhost, play.wait_timeout_ms, "3600", 0, DAY, NEW,
		"After how many seconds a player is let go whose stream does not come. 0: never."),

	BLOCK("vhost.tls", "Certificates for clients that name this vhost (SNI)."),
	LIST("vhost.tls.key", conf_vhost, tls.key, NOW,
	     "The file with the private key, see rtmps.key.",
	     .example = "./conf/live.example.com.key", .is_file = true),
	LIST("vhost.tls.cert", conf_vhost, tls.cert, NOW, "The file with the certificate.",
	     .example = "./conf/live.example.com.crt", .is_file = true),
};

SCHEMA_PART(schema_vhost, rows);
