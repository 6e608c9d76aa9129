/* The process: where it listens, its limits, files, log and end. */
#include "conf/schema_rows.h"

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

static const struct choice proxy_names[] = {{"off", PROXY_PROTOCOL_OFF},
					    {"allowed", PROXY_PROTOCOL_ALLOWED},
					    {"required", PROXY_PROTOCOL_REQUIRED},
					    {}};
static const struct choice log_format_names[] = {
	{"text", LOG_FORMAT_TEXT}, {"json", LOG_FORMAT_JSON}, {"journal", LOG_FORMAT_JOURNAL}, {}};
static const struct choice access_format_names[] = {
	{"text", ACCESS_TEXT}, {"json", ACCESS_JSON}, {}};

static const struct row rows[] = {
	/* ---- the process ---- */
	LIST("listen", conf, listen, NOW,
	     "Where RTMP is served: one or more of [ip:]port. A port alone listens on every "
	     "address.",
	     .min = 1, .judge = value_check_endpoint, .example = "1935"),
	INT("max_connections", conf, max_connections, "1000", 1, 1000000, NOW,
	    "How many clients of all kinds may be connected at once. Each needs a file "
	    "descriptor, so the limit of open files must be 128 higher; it is raised as far as "
	    "the system allows at start. 32 more places are kept for servers that have proven "
	    "to be of the cluster: by its secret, or by an address of relays."),
	INT("max_connections_per_address", conf, max_connections_per_address, "0", 0, 1000000, NOW,
	    "How many of them may come from one IP address; 0 for half of max_connections. This "
	    "host, trusted_proxies and servers that have proven to be of the cluster are exempt. "
	    "Callers of an API port of its own have places of their own and take none of these."),
	INT("max_connections_per_listener", conf, max_connections_per_listener, "0", 0, 1000000,
	    NOW,
	    "How many of them may be RTMP, and how many HTTP, so that neither takes the places "
	    "of the other; 0 for no such limit."),
	INT("max_connection_rate_per_address", conf, max_connection_rate_per_address, "200", 0,
	    1000000, NOW,
	    "How many new connections of one IP address (of IPv6: one /64) are taken per second in "
	    "the long run; 0 for no limit. Further ones are closed and counted. This host and "
	    "trusted_proxies are exempt; behind a proxy it counts for each client."),
	INT("max_connection_burst_per_address", conf, max_connection_burst_per_address, "1000", 1,
	    1000000, NOW, "How many of them may come at once."),
	INT("max_connection_rate", conf, max_connection_rate, "0", 0, 1000000, NOW,
	    "The same for all addresses together, for RTMP and for HTTP each; 0 for no limit."),
	INT("max_connection_burst", conf, max_connection_burst, "5000", 1, 1000000, NOW,
	    "How many of them may come at once."),
	LIST("trusted_proxies", conf, trusted_proxies, NOW,
	     "Addresses of proxies and load balancers, as ip or ip/bits. What they say of their "
	     "clients' addresses is believed: by X-Forwarded-For or Forwarded over HTTP, by the "
	     "PROXY protocol before RTMP, HTTP and TLS. Each has to set or extend what it "
	     "sends, and to remove the other header: where the two differ, the client is unknown "
	     "(0.0.0.0). max_connections_per_address counts for the clients, not for these.",
	     .judge = value_check_network, .example = "10.0.0.5 192.168.0.0/24"),
	ENUM("proxy_protocol", conf, proxy_protocol, enum conf_proxy_protocol, proxy_names,
	     "allowed", NOW,
	     "Whether connections from trusted_proxies begin with a header of the PROXY protocol "
	     "(version 1 or 2; send-proxy of HAProxy, proxy_protocol of nginx). With allowed, "
	     "those without one count as the proxy's own; use required, or off, where "
	     "a proxy passes on what clients send without such a header, which they could "
	     "write themselves."),
	INT("max_memory", conf, max_memory_mb, "0", 0, 16777216, NOW,
	    "How much memory streams may take in all, in megabytes. As it fills, streams lose what "
	    "is kept for viewers that join, the largest first; then new ones are refused, and "
	    "the largest publisher is ended. 0 is half of what the machine has or the control "
	    "group of the server allows."),
	INT("chunk_size", conf, chunk_size, "60000", 1, 16777215, NEW,
	    "Size of the RTMP chunks that are sent, in bytes. Large ones cost less; players "
	    "accept 128 to 65536."),
	ONOFF("daemon", conf, daemon, "on", RESTART,
	      "Whether the server detaches from the terminal and runs in the background."),
	TEXT("pid", conf, pid, NULL, RESTART,
	     "The file that holds the process id. It stays locked, so that a second server with "
	     "the same file refuses to start. Without one, a daemon has srs.pid in ./objs, or in "
	     "the working directory where there is no such folder; a server in the foreground "
	     "has none.",
	     .example = "./objs/srs.pid"),
	TEXT("user", conf, user, NULL, RESTART,
	     "Who the server is once its ports are open, as name or name:group, when it is started "
	     "as root. It keeps the right to open further ports below 1024 at a reload. Files that "
	     "it reads again (keys, secrets, this one) have to be readable for that user.",
	     .example = "srs"),
	TEXT("work_dir", conf, work_dir, "./", RESTART,
	     "The directory the server changes into. Relative paths start there.", .min = 1),
	TEXT("server_id", conf, server_id, NULL, RESTART,
	     "The name of this server in API answers and on the wire. Without one, it is made at "
	     "the first start and kept in a file beside the pid file (srs.id for srs.pid); where "
	     "there is no pid file, each start makes another one.",
	     .example = "vid-origin-a"),
	ENUM("srs_log_tank", conf, srs_log_tank, enum conf_log_tank, tank_names, "file", RESTART,
	     "Where the log goes: to the terminal, or to srs_log_file. Where this is not said, a "
	     "server in the foreground that has no srs_log_file either logs to the terminal."),
	ENUM("srs_log_level", conf, srs_log_level, int, level_names, "trace", NOW,
	     "How much is logged, by the old names: verbose is most, then info, trace, warn, "
	     "error."),
	ENUM("srs_log_level_v2", conf, srs_log_level, int, level_v2_names, NULL, NOW,
	     "How much is logged, by the usual names: trace is most, then debug, info, warn, "
	     "error. Wins over srs_log_level.",
	     .example = "info"),
	TEXT("srs_log_file", conf, srs_log_file, NULL, RESTART,
	     "The log file. SIGUSR1 opens it again after a rotation. Without one it is srs.log in "
	     "./objs, or in the working directory where there is no such folder.",
	     .example = "./objs/srs.log"),
	ENUM("srs_log_format", conf, srs_log_format, int, log_format_names, "text", RESTART,
	     "The form of a line: SRS's, an object of JSON (ts, level, pid, cid, msg), or the text "
	     "with "
	     "the priority in front that journald understands, when systemd has the output."),
	BLOCK("access_log",
	      "One line for each session that has ended: who took or brought what, for how "
	      "long, how much, and why it ended."),
	ONOFF("access_log.enabled", conf, access_log.enabled, "off", RESTART,
	      "Whether it is written."),
	TEXT("access_log.file", conf, access_log.file, "./objs/access.log", RESTART,
	     "The file. SIGUSR1 opens it again after a rotation.", .min = 1),
	ENUM("access_log.format", conf, access_log.format, enum conf_access_format,
	     access_format_names, "text", RESTART, "name=value, or an object of JSON."),
	ONOFF("utc_time", conf, utc_time, "off", RESTART,
	      "Whether the log shows UTC instead of local time."),
	IDLE("pithy_print_ms", "The log tells what happens; figures are in the API."),
	MILLIS("grace_start_wait", conf, grace_start_wait_ms, "2300", 0, HOUR, NOW,
	       "At a graceful end (SIGQUIT): how long new clients are still accepted, though "
	       "/readyz says no."),
	SECONDS("drain_timeout", conf, drain_timeout_ms, "0", 0, 30 * (int64_t)DAY, NOW,
		"At a graceful end: how long clients may stay, in seconds; 0 is until they leave. "
		"Who is left then is ended."),
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
};

SCHEMA_PART(schema_process, rows);
