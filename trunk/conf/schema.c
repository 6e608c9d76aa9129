/* The table. A macro per kind stores the member's offset and does not compile when the member's
 * type does not fit. Defaults are texts, read by the same code as a person's, so what the help
 * says is what happens. Members that the struct keeps in milliseconds have bounds in
 * milliseconds, whatever the unit in the file. */
#include "conf/schema.h"
#include "base/log.h"
#include "conf/value.h"

#include <limits.h>
#include <string.h>

/* The offset of a member that has exactly the type `want`. */
#define FIELD(type, member, want)                                                                  \
	.offset = offsetof(struct type, member) +                                                  \
		  0 * sizeof(char[_Generic(((struct type *)NULL)->member, want : 1)])

#define BLOCK(p, text, ...)                                                                        \
	{                                                                                          \
		.path = p, .kind = ROW_BLOCK, .help = text, __VA_ARGS__                            \
	}
#define LACKING(p, text, ...) {.path = p, .kind = ROW_UNSUPPORTED, .help = text, __VA_ARGS__},
#define IDLE(p, text) {.path = p, .kind = ROW_IGNORED, .help = text},
#define ONOFF(p, type, member, dflt, how, text, ...)                                               \
	{                                                                                          \
		.path = p, .kind = ROW_ONOFF, FIELD(type, member, bool), .value = dflt,            \
		.apply = APPLY_##how, .help = text, __VA_ARGS__                                    \
	}
#define INT(p, type, member, dflt, least, most, how, text)                                         \
	{                                                                                          \
		.path = p, .kind = ROW_INT, FIELD(type, member, int), .value = dflt, .min = least, \
		.max = most, .apply = APPLY_##how, .help = text                                    \
	}
#define SECONDS(p, type, member, dflt, least, most, how, text)                                     \
	{                                                                                          \
		.path = p, .kind = ROW_SECONDS, FIELD(type, member, int64_t), .value = dflt,       \
		.min = least, .max = most, .apply = APPLY_##how, .help = text                      \
	}
#define MILLIS(p, type, member, dflt, least, most, how, text, ...)                                 \
	{                                                                                          \
		.path = p, .kind = ROW_MILLIS, FIELD(type, member, int64_t), .value = dflt,        \
		.min = least, .max = most, .apply = APPLY_##how, .help = text, __VA_ARGS__         \
	}
#define TEXT(p, type, member, dflt, how, text, ...)                                                \
	{                                                                                          \
		.path = p, .kind = ROW_TEXT, FIELD(type, member, char *), .value = dflt,           \
		.max = 1023, .apply = APPLY_##how, .help = text, __VA_ARGS__                       \
	}
#define ENUM(p, type, member, enumeration, names, dflt, how, text, ...)                            \
	{                                                                                          \
		.path = p, .kind = ROW_ENUM, FIELD(type, member, enumeration), .choices = names,   \
		.value = dflt, .apply = APPLY_##how, .help = text, __VA_ARGS__                     \
	}
#define LIST(p, type, member, how, text, ...)                                                      \
	{                                                                                          \
		.path = p, .kind = ROW_LIST, FIELD(type, member, struct text_list), .max = 1000,   \
		.apply = APPLY_##how, .help = text, __VA_ARGS__                                    \
	}

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

_Static_assert(sizeof(enum conf_tri) == sizeof(int), "value.c stores an enumeration as an int");

static const struct choice tri_names[] = {
	{"auto", CONF_AUTO}, {"on", CONF_ON}, {"off", CONF_OFF}, {}};
static const struct choice tank_names[] = {
	{"console", LOG_TANK_CONSOLE}, {"file", LOG_TANK_FILE}, {}};
static const struct choice level_names[] = {{"verbose", LOG_TRACE},
					    {"info", LOG_DEBUG},
					    {"trace", LOG_INFO},
					    {"warn", LOG_WARN},
					    {"error", LOG_ERROR},
					    {"off", LOG_OFF},
					    {}};
static const struct choice level_v2_names[] = {{"trace", LOG_TRACE},
					       {"debug", LOG_DEBUG},
					       {"info", LOG_INFO},
					       {"warn", LOG_WARN},
					       {"error", LOG_ERROR},
					       {"off", LOG_OFF},
					       {}};
static const struct choice mode_names[] = {{"local", MODE_LOCAL}, {"remote", MODE_REMOTE}, {}};
static const struct choice protocol_names[] = {
	{"rtmp", PROTOCOL_RTMP}, {"flv", PROTOCOL_FLV}, {"flvs", PROTOCOL_FLVS}, {}};
static const struct choice jitter_names[] = {
	{"full", JITTER_FULL}, {"zero", JITTER_ZERO}, {"off", JITTER_OFF}, {}};
static const struct choice miss_names[] = {
	{"redirect", MISS_REDIRECT}, {"relay", MISS_RELAY}, {"auto", MISS_AUTO}, {}};
static const struct choice writes_names[] = {
	{"any", WRITES_ANY}, {"loopback", WRITES_LOOPBACK}, {"auth", WRITES_AUTH}, {}};
static const struct choice duplicate_names[] = {{"allow", DUPLICATE_ALLOW},
						{"reject", DUPLICATE_REJECT},
						{"redirect", DUPLICATE_REDIRECT},
						{}};

static const struct row rows[] = {
	/* ---- the process ---- */
	LIST("listen", conf, listen, NOW,
	     "Where RTMP is served: one or more of [ip:]port. A port alone listens on every "
	     "address.",
	     .min = 1, .judge = value_check_endpoint, .example = "1935"),
	INT("max_connections", conf, max_connections, "1000", 1, 1000000, NOW,
	    "How many clients of all kinds may be connected at once. Each needs a file "
	    "descriptor, so the limit of open files must be 128 higher; it is raised as far as "
	    "the system allows at start."),
	INT("chunk_size", conf, chunk_size, "60000", 1, 16777215, NEW,
	    "Size of the RTMP chunks that are sent, in bytes. Large ones cost less; players "
	    "accept 128 to 65536."),
	ONOFF("daemon", conf, daemon, "on", RESTART,
	      "Whether the server detaches from the terminal and runs in the background."),
	TEXT("pid", conf, pid, "./objs/srs.pid", RESTART,
	     "The file that holds the process id. It stays locked, so that a second server with "
	     "the same file refuses to start.",
	     .min = 1),
	TEXT("work_dir", conf, work_dir, "./", RESTART,
	     "The directory the server changes into. Relative paths start there.", .min = 1),
	TEXT("server_id", conf, server_id, NULL, RESTART,
	     "The name of this server in API answers and on the wire. Without one, it is made at "
	     "the first start and kept in a file beside the pid file.",
	     .example = "vid-origin-a"),
	ENUM("srs_log_tank", conf, srs_log_tank, enum conf_log_tank, tank_names, "file", RESTART,
	     "Where the log goes: to the terminal, or to srs_log_file."),
	ENUM("srs_log_level", conf, srs_log_level, int, level_names, "trace", NOW,
	     "How much is logged, by the old names: verbose is most, then info, trace, warn, "
	     "error."),
	ENUM("srs_log_level_v2", conf, srs_log_level, int, level_v2_names, NULL, NOW,
	     "How much is logged, by the usual names: trace is most, then debug, info, warn, "
	     "error. Wins over srs_log_level.",
	     .example = "info"),
	TEXT("srs_log_file", conf, srs_log_file, "./objs/srs.log", RESTART,
	     "The log file. SIGUSR1 opens it again after a rotation.", .min = 1),
	ONOFF("utc_time", conf, utc_time, "off", RESTART,
	      "Whether the log shows UTC instead of local time."),
	IDLE("pithy_print_ms", "The log tells what happens; figures are in the API.")
		MILLIS("grace_start_wait", conf, grace_start_wait_ms, "2300", 0, HOUR, NOW,
		       "At a graceful end (SIGQUIT): how long new clients are still accepted."),
	MILLIS("grace_final_wait", conf, grace_final_wait_ms, "3200", 0, HOUR, NOW,
	       "At a graceful end: how long the process stays after the last client left."),
	ONOFF("force_grace_quit", conf, force_grace_quit, "off", NOW,
	      "Whether SIGTERM ends the server gracefully, as SIGQUIT does."),
	ENUM("reuse_port", conf, reuse_port, enum conf_tri, tri_names, "auto", RESTART,
	     "Whether several servers may share the listening ports, with the kernel spreading "
	     "the clients. 'auto' shares when every vhost is an edge; origins hold different "
	     "streams and must not share."),
	TEXT("advertise", conf, advertise, NULL, NOW,
	     "The host[:port] by which others reach this server, behind address translation or in "
	     "a container. Redirects and /api/v1/clusters name it.",
	     .judge = value_check_hostport, .example = "live.example.com:1935"),
	TEXT("resolver", conf, resolver, NULL, RESTART,
	     "The ip[:port] of a name server to ask instead of the system's.",
	     .judge = value_check_ipport, .example = "127.0.0.1:53"),

	/* ---- HTTP ---- */
	BLOCK("http_api",
	      "The HTTP API. A clustered origin needs it: the others ask it for streams."),
	ONOFF("http_api.enabled", conf, http_api.enabled, "off", NOW, "Whether the API is served."),
	TEXT("http_api.listen", conf, http_api.listen, "1985", NOW,
	     "Where the API is served. With the same text as http_server.listen, both share a "
	     "port.",
	     .min = 1, .judge = value_check_endpoint),
	ONOFF("http_api.crossdomain", conf, http_api.crossdomain, "on", NOW,
	      "Whether web pages of other sites may use the API (CORS)."),
	ENUM("http_api.writes", conf, http_api.writes, enum conf_writes, writes_names, "any", NOW,
	     "Who may change something by the API (disconnect clients, reload): anyone who "
	     "reaches it, only callers on this host, or only those who give http_api.auth's name "
	     "and password, whether or not auth is enabled. Servers of the cluster that sign what "
	     "they ask are always allowed."),
	BLOCK("http_api.raw_api", "Calls that change the server."),
	ONOFF("http_api.raw_api.enabled", conf, http_api.raw_api.enabled, "off", NOW,
	      "Whether /api/v1/raw is served."),
	ONOFF("http_api.raw_api.allow_reload", conf, http_api.raw_api.allow_reload, "off", NOW,
	      "Whether rpc=reload reads the configuration again."),
	BLOCK("http_api.auth", "HTTP Basic authentication for the API."),
	ONOFF("http_api.auth.enabled", conf, http_api.auth.enabled, "off", NOW,
	      "Whether callers must give name and password."),
	TEXT("http_api.auth.username", conf, http_api.auth.username, NULL, NOW, "The name.",
	     .example = "admin"),
	TEXT("http_api.auth.password", conf, http_api.auth.password, NULL, NOW, "The password.",
	     .example = "secret", .hidden = true),
	BLOCK("http_api.https", "The API over TLS."),
	ONOFF("http_api.https.enabled", conf, http_api.https.enabled, "off", RESTART,
	      "Whether the API is served over TLS, too.", .later = true),
	TEXT("http_api.https.listen", conf, http_api.https.listen, "1990", RESTART, "Where.",
	     .min = 1, .judge = value_check_endpoint),
	TEXT("http_api.https.key", conf, http_api.https.key, "./conf/server.key", RESTART,
	     "The file with the private key."),
	TEXT("http_api.https.cert", conf, http_api.https.cert, "./conf/server.crt", RESTART,
	     "The file with the certificate."),

	BLOCK("http_server", "Files and HTTP-FLV streams."),
	ONOFF("http_server.enabled", conf, http_server.enabled, "off", NOW,
	      "Whether files and streams are served over HTTP."),
	TEXT("http_server.listen", conf, http_server.listen, "8080", NOW, "Where.", .min = 1,
	     .judge = value_check_endpoint),
	TEXT("http_server.dir", conf, http_server.dir, "./objs/nginx/html", NOW,
	     "The directory whose files are served.", .min = 1),
	ONOFF("http_server.crossdomain", conf, http_server.crossdomain, "on", NOW,
	      "Whether web pages of other sites may use files and streams (CORS)."),
	BLOCK("http_server.https", "The same over TLS."),
	ONOFF("http_server.https.enabled", conf, http_server.https.enabled, "off", RESTART,
	      "Whether files and streams are served over TLS, too.", .later = true),
	TEXT("http_server.https.listen", conf, http_server.https.listen, "8088", RESTART, "Where.",
	     .min = 1, .judge = value_check_endpoint),
	TEXT("http_server.https.key", conf, http_server.https.key, "./conf/server.key", RESTART,
	     "The file with the private key."),
	TEXT("http_server.https.cert", conf, http_server.https.cert, "./conf/server.crt", RESTART,
	     "The file with the certificate."),

	BLOCK("stats", "Figures about the machine."),
	IDLE("stats.enabled", "Figures about the machine are read when the API is asked.")

	/* ---- vhosts ---- */
	BLOCK("vhost",
	      "Settings for the streams of one virtual host. __defaultVhost__ takes all requests "
	      "for names without a block of their own.",
	      .named = true),
	ONOFF("vhost.enabled", conf_vhost, enabled, "on", NEW,
	      "Whether clients of this vhost are served."),
	IDLE("vhost.tcp_nodelay",
	     "It is always on: messages are gathered by this server (mw_latency).")
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
	IDLE("vhost.publish.mr", "Reads are always merged as far as nobody waits for what is read.")
		IDLE("vhost.publish.mr_latency",
		     "Reads are merged until the players' next turn, see play.mw_latency.")
			MILLIS("vhost.publish.firstpkt_timeout", conf_vhost,
			       publish.firstpkt_timeout_ms, "20000", 100, DAY, NEW,
			       "How long a publisher may take until its first message."),
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
	IDLE("vhost.publish.parse_sps", "Headers are always read, for the API.")
		IDLE("vhost.publish.try_annexb_first", "Pictures are passed on as they are.")

			BLOCK("vhost.play", "Clients that take a stream."),
	ONOFF("vhost.play.gop_cache", conf_vhost, play.gop_cache, "on", NEW,
	      "Whether a new player gets the stream from the last key frame on and sees a "
	      "picture at once. 'off' starts at the next key frame, nearer to live."),
	INT("vhost.play.gop_cache_max_frames", conf_vhost, play.gop_cache_max_frames, "2500", 0,
	    1000000, NEW, "How many messages that start may have at most; 0 for any number."),
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
	     "mw_latency alone decides: it is kept whatever the number of messages.")
		MILLIS("vhost.play.send_min_interval", conf_vhost, play.send_min_interval_ms, "0",
		       0, MINUTE, NEW,
		       "The least time between two messages to a player; 0 for none.",
		       .later = true),
	ONOFF("vhost.play.reduce_sequence_header", conf_vhost, play.reduce_sequence_header, "off",
	      NEW, "Whether headers that repeat the ones before are dropped."),
	ONOFF("vhost.play.notify_unpublish", conf_vhost, play.notify_unpublish, "on", NEW,
	      "Whether players are told and let go when a stream has ended. 'off' keeps them "
	      "waiting for the next publisher; an edge then asks for it as long as they do."),
	SECONDS("vhost.play.stalled_timeout", conf_vhost, play.stalled_timeout_ms, "15", 1000, HOUR,
		NEW, "After how many seconds a player that takes no data at all is disconnected."),

	BLOCK("vhost.cluster", "How this server works together with others."),
	ENUM("vhost.cluster.mode", conf_vhost, cluster.mode, enum conf_mode, mode_names, "local",
	     RESTART,
	     "'local' is an origin: publishers bring their streams here. 'remote' is an edge: it "
	     "fetches streams from an origin and passes published ones on to it."),
	LIST("vhost.cluster.origin", conf_vhost, cluster.origin, NEW,
	     "The origins of an edge, as host[:port]. When one is away the next one is tried. A "
	     "name stands for all its addresses and is asked again when they expire; an SRV name, "
	     "known by its leading underscore (_rtmp._tcp.example.org), brings the ports too.",
	     .judge = value_check_hostport, .example = "127.0.0.1:19350 127.0.0.1:19351"),
	ENUM("vhost.cluster.protocol", conf_vhost, cluster.protocol, enum conf_protocol,
	     protocol_names, "rtmp", NEW, "The protocol by which an edge fetches streams."),
	ONOFF("vhost.cluster.follow_client", conf_vhost, cluster.follow_client, "off", NEW,
	      "Whether an edge fetches by the protocol of its player instead."),
	ONOFF("vhost.cluster.token_traverse", conf_vhost, cluster.token_traverse, "off", NEW,
	      "Whether an edge asks the origin about each client before it serves it."),
	TEXT("vhost.cluster.vhost", conf_vhost, cluster.vhost, "[vhost]", NEW,
	     "The vhost an edge asks for at the origin; [vhost] stands for its own name.",
	     .min = 1),
	ONOFF("vhost.cluster.debug_srs_upnode", conf_vhost, cluster.debug_srs_upnode, "on", NEW,
	      "Whether an edge tells the origin who it is, for its log."),
	ONOFF("vhost.cluster.origin_cluster", conf_vhost, cluster.origin_cluster, "off", NEW,
	      "Whether an origin asks its coworkers for a stream that it lacks, and redirects "
	      "the player to the one that has it."),
	LIST("vhost.cluster.coworkers", conf_vhost, cluster.coworkers, NEW,
	     "The HTTP APIs of the other origins, as host:port. A name stands for all its "
	     "addresses and is asked again when they expire; an SRV name, known by its leading "
	     "underscore (_srs._tcp.example.org), brings the ports too. One's own address may be "
	     "among them.",
	     .judge = value_check_hostport, .example = "127.0.0.1:9091"),
	SECONDS("vhost.cluster.linger", conf_vhost, cluster.linger_ms, "5", 0, HOUR, NEW,
		"How long an edge goes on fetching a stream after its last player left."),
	SECONDS("vhost.cluster.upstream_timeout", conf_vhost, cluster.upstream_timeout_ms, "30",
		100, DAY, NEW,
		"How long an edge goes on looking for an origin for a stream that was playing, "
		"before its players are told that it is gone (see notify_unpublish)."),
	SECONDS("vhost.cluster.upstream_start_timeout", conf_vhost,
		cluster.upstream_start_timeout_ms, "5", 100, DAY, NEW,
		"How long a publisher waits at an edge until an origin takes its stream."),
	INT("vhost.cluster.hop_limit", conf_vhost, cluster.hop_limit, "8", 1, 64, NEW,
	    "How many servers a stream may pass. More than that is taken for a loop."),
	MILLIS("vhost.cluster.query_timeout", conf_vhost, cluster.query_timeout_ms, "1000", 10,
	       MINUTE, NEW, "How long all coworkers together may take to answer."),
	MILLIS("vhost.cluster.query_cache", conf_vhost, cluster.query_cache_ms, "1000", 0, MINUTE,
	       NEW, "How long the answer that a coworker has a stream is remembered."),
	MILLIS("vhost.cluster.query_cache_none", conf_vhost, cluster.query_cache_none_ms, "300", 0,
	       MINUTE, NEW, "How long the answer that nobody has it is remembered."),
	ENUM("vhost.cluster.on_miss", conf_vhost, cluster.on_miss, enum conf_on_miss, miss_names,
	     "redirect", NEW,
	     "What an origin does with a player whose stream a coworker has: redirect it, or "
	     "relay the stream. 'auto' relays to players that do not follow redirects."),
	ENUM("vhost.cluster.on_duplicate", conf_vhost, cluster.on_duplicate, enum conf_on_duplicate,
	     duplicate_names, "allow", NEW,
	     "What an origin does with a publisher whose stream a coworker has already. 'allow' "
	     "as SRS: both publish. 'reject' says where the stream is, 'redirect' sends the "
	     "publisher there; of two that begin at the same moment the first one stays. A "
	     "coworker that does not answer within query_timeout holds nobody up; it is asked "
	     "again until it does."),
	TEXT("vhost.cluster.secret", conf_vhost, cluster.secret, NULL, NOW,
	     "A word shared by all servers of the cluster, by which they sign what they ask each "
	     "other. With one, /api/v1/clusters answers nobody else, and a relay that does not "
	     "sign "
	     "is an ordinary player or encoder.",
	     .example = "change-me", .hidden = true),
	TEXT("vhost.cluster.secret_file", conf_vhost, cluster.secret_file, NULL, NOW,
	     "A file that holds the secret instead. It is read at start and at reload.",
	     .example = "./conf/cluster.secret"),
	LIST("vhost.cluster.relays", conf_vhost, cluster.relays, NEW,
	     "The addresses from which other servers may fetch or bring streams, as ip or "
	     "ip/bits. Without any, every server may; then, and without a secret, little is "
	     "believed "
	     "of what they tell of the cluster: up to 32 of them at one address are asked, and "
	     "256 KB taken of each.",
	     .judge = value_check_network, .example = "10.0.0.0/8 127.0.0.1"),

	BLOCK("vhost.http_remux", "RTMP streams as HTTP-FLV."),
	ONOFF("vhost.http_remux.enabled", conf_vhost, http_remux.enabled, "off", NEW,
	      "Whether streams are served by http_server."),
	TEXT("vhost.http_remux.mount", conf_vhost, http_remux.mount, "[vhost]/[app]/[stream].flv",
	     NEW, "The URL of a stream; [vhost], [app] and [stream] stand for its names.", .min = 1,
	     .judge = value_check_mount),
	IDLE("vhost.http_remux.fast_cache",
	     "It is for MP3 and AAC over HTTP, which are not built yet.")
		ONOFF("vhost.http_remux.drop_if_not_match", conf_vhost,
		      http_remux.drop_if_not_match, "on", NEW,
		      "Whether messages of a kind that the header says is absent are dropped."),
	ONOFF("vhost.http_remux.has_audio", conf_vhost, http_remux.has_audio, "on", NEW,
	      "Whether the header says that there is audio, when that is not guessed."),
	ONOFF("vhost.http_remux.has_video", conf_vhost, http_remux.has_video, "on", NEW,
	      "Whether the header says that there is video, when that is not guessed."),
	ONOFF("vhost.http_remux.guess_has_av", conf_vhost, http_remux.guess_has_av, "on", NEW,
	      "Whether the first messages decide what the header says."),
	ONOFF("vhost.http_remux.hstrs", conf_vhost, http_remux.hstrs, "on", NEW,
	      "Always on: a request starts the stream on an edge and waits for it on an origin."),

#include "conf/srs_list.h"
};

const struct row *schema_first(void)
{
	return rows;
}

const struct row *schema_next(const struct row *row)
{
	return row + 1 < rows + sizeof(rows) / sizeof(rows[0]) ? row + 1 : NULL;
}

const struct row *schema_find(const char *path)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (strcmp(row->path, path) == 0)
			return row;
	}
	return NULL;
}

const char *row_name(const struct row *row)
{
	const char *dot = strrchr(row->path, '.');
	return dot ? dot + 1 : row->path;
}

bool row_is_in(const struct row *row, const char *block)
{
	size_t n = (size_t)(row_name(row) - row->path);
	return n == 0 ? !*block : n == strlen(block) + 1 && strncmp(row->path, block, n - 1) == 0;
}

bool row_is_vhost(const struct row *row)
{
	return strncmp(row->path, "vhost.", 6) == 0;
}

bool row_is_value(const struct row *row)
{
	return row->kind != ROW_BLOCK && row->kind != ROW_UNSUPPORTED && row->kind != ROW_IGNORED;
}
