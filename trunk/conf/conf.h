/* conf - the configuration as plain data. Layer: conf.
 *
 * A file (SRS's language or YAML) becomes a tree of directives; the schema (schema_*.c), which
 * declares each directive once, turns the tree and the SRS_ environment into this snapshot. A
 * snapshot never changes after it was loaded and is counted: a session keeps the one it began
 * with. Texts are owned by the snapshot; those without a default are "". Times end in _ms. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf_vhost.h"
#include <stdbool.h>
#include <stdint.h>

enum conf_tri { CONF_OFF, CONF_ON, CONF_AUTO };
enum conf_log_tank { LOG_TANK_FILE, LOG_TANK_CONSOLE };
enum conf_tls_profile { PROFILE_INTERMEDIATE, PROFILE_MODERN, PROFILE_OLD };
enum conf_proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_ALLOWED, PROXY_PROTOCOL_REQUIRED };
enum conf_writes { WRITES_ANY, WRITES_LOOPBACK, WRITES_AUTH };

enum conf_ip_family { IP_FAMILY_V4, IP_FAMILY_V6, IP_FAMILY_ALL };
enum conf_rtc_transport { RTC_BY_UDP, RTC_BY_TCP, RTC_BY_ALL };

/* WebRTC: where its peers reach this process. */
struct conf_rtc_server {
	bool enabled;
	char *listen; /* UDP */
	struct {
		bool enabled;
		char *listen;
	} tcp;
	enum conf_rtc_transport protocol; /* of the candidates */
	struct text_list candidate;       /* "*", "$NAME", "host[:port]"; empty: "*" */
	bool detect_addresses;
	enum conf_ip_family ip_family;
	bool api_as_candidates, resolve_api_domain, keep_api_domain;
	struct text_list ice_servers; /* "turn:[name:password@]host[:port][?transport=udp]" */
	char *ice_secret;
};

enum conf_srt_mode { SRT_MODE_PUBLISH, SRT_MODE_REQUEST };
enum conf_srt_key { SRT_KEY_OF_CALLER = 0, SRT_KEY_128 = 16, SRT_KEY_192 = 24, SRT_KEY_256 = 32 };

/* SRT: its ports, and with what they are opened. */
struct conf_srt_server {
	bool enabled, tsbpdmode, tlpktdrop;
	struct text_list listen;
	int maxbw; /* bytes per second; -1: no limit */
	int mss, sendbuf, recvbuf, payloadsize;
	int64_t connect_timeout_ms, peer_idle_timeout_ms;
	int64_t latency_ms, recvlatency_ms, peerlatency_ms; /* the last two: -1: as the first */
	char *default_app, *default_streamid;
	enum conf_srt_mode default_mode;
	char *passphrase;
	enum conf_srt_key pbkeylen;
};

enum conf_caster_kind { CASTER_GB28181 };
enum conf_caster_media { CASTER_TCP, CASTER_TCP_ACTIVE, CASTER_UDP };
enum conf_caster_audio { CASTER_COPY, CASTER_AAC };
enum conf_caster_invite { CASTER_AUTO, CASTER_ON_DEMAND, CASTER_NEVER };
enum conf_sip_transport { SIP_BOTH, SIP_TCP_ALONE, SIP_UDP_ALONE };

enum { CASTERS_MAX = 16, CASTER_NAME_MAX = 64 };

/* Cameras of GB/T 28181. */
struct conf_caster {
	char *name; /* "": it has none */
	bool enabled;
	enum conf_caster_kind kind;
	char *output; /* a URL of RTMP with [stream] */
	char *listen; /* for media */
	enum conf_caster_media media;
	enum conf_caster_audio audio;
	struct {
		bool enabled, open, only_listed;
		char *listen;
		enum conf_sip_transport transport;
		int64_t timeout_ms, reinvite_ms, idle_ms, keepalive_ms;
		char *candidate, *server_id, *password;
		struct text_list devices; /* "id password" */
		enum conf_caster_invite invite;
		enum conf_tri catalog;
	} sip;
};

struct conf_rtmps {
	bool enabled;
	struct text_list listen;
	struct conf_certs certs;
};

struct conf_https {
	bool enabled;
	char *listen;
	struct conf_certs certs;
};

struct conf_http_api {
	bool enabled;
	char *listen;
	bool crossdomain;
	struct text_list allowed_origins; /* "https://host[:port]" */
	bool jsonp;
	enum conf_writes writes;
	struct {
		bool enabled, allow_reload;
	} raw_api;
	struct {
		bool enabled;
		char *username, *password, *token; /* who may do all */
		struct text_list users, tokens;    /* "name secret scopes" */
	} auth;
	struct conf_https https;
};

struct conf_http_server {
	bool enabled;
	char *listen, *dir;
	bool crossdomain, page, page_streams;
	struct conf_https https;
};

struct conf_access_log {
	bool enabled;
	char *file;
	enum conf_access_format { ACCESS_TEXT, ACCESS_JSON } format;
};

struct conf_exporter {
	bool enabled;
	char *listen, *label, *tag;
	int streams;
};

/* A service that is told at intervals that this server is there. */
struct conf_heartbeat {
	bool enabled, summaries, ports;
	int64_t interval_ms; /* in the file: seconds */
	char *url, *device_id, *tls_name;
};

struct conf {
	int refs;
	char *file; /* as given with -c; "" for environment only */
	struct text_list listen;
	int chunk_size;
	int max_connections, max_connections_per_address, max_connections_per_listener;
	int max_connection_rate_per_address, max_connection_burst_per_address;
	int max_connection_rate, max_connection_burst; /* at each listener */
	struct text_list trusted_proxies;              /* "ip" or "ip/bits" */
	enum conf_proxy_protocol proxy_protocol;
	int max_memory_mb; /* 0: by the machine */
	bool daemon;
	char *pid, *work_dir, *server_id, *user;
	enum conf_log_tank srs_log_tank;
	int srs_log_level; /* enum log_level */
	char *srs_log_file;
	int srs_log_format; /* enum log_format */
	bool utc_time;
	int64_t grace_start_wait_ms, grace_final_wait_ms, drain_timeout_ms;
	bool force_grace_quit;
	enum conf_tri reuse_port;
	char *advertise, *resolver;
	char *ff_log_level; /* of ffmpeg */
	struct {
		int network;
		struct text_list disk;
	} stats;
	struct conf_heartbeat heartbeat;
	struct conf_http_api http_api;
	struct conf_http_server http_server;
	struct conf_access_log access_log;
	struct conf_exporter exporter;
	struct conf_rtmps rtmps;
	struct conf_rtc_server rtc_server;
	struct conf_srt_server srt_server;
	int caster_count, caster_room;
	struct conf_caster *casters;
	struct {
		enum conf_tls_profile profile;
		bool ktls;
		struct text_list ticket_keys;
		bool verify;
		char *ca;
	} tls;
	int vhost_count, vhost_room;
	struct conf_vhost *vhosts;
};

/* Problems are sentences "file:line: what is wrong; what to do", one a line. */
struct conf_report {
	struct buf errors; /* not empty: the configuration is unusable */
	struct buf warnings;
};
void conf_report_init(struct conf_report *report);
void conf_report_fini(struct conf_report *report);

/* Loads, overlays the environment, fills in defaults and checks everything. `file` is NULL for
 * environment only. All problems go to the report; ERR_CONFIG when there was an error. */
err conf_load(struct conf **out, const char *file, struct conf_report *report);
/* The same from memory; the ending of `name` says which syntax the text has. */
err conf_load_text(struct conf **out, const char *name, const char *text,
		   struct conf_report *report);
struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf **conf);

/* The vhost of a request: its own block, else __defaultVhost__, else NULL. Borrowed. */
const struct conf_vhost *conf_vhost_find(const struct conf *conf, const char *name);
/* The vhost of just that name, or NULL: what a later snapshot has for one of an earlier. Borrowed. */
const struct conf_vhost *conf_vhost_named(const struct conf *conf, const char *name);
/* The caster of that name, one that is enabled first, or NULL. Borrowed. */
const struct conf_caster *conf_caster_named(const struct conf *conf, const char *name);
/* True when every enabled vhost is an edge. */
bool conf_is_edge(const struct conf *conf);

/* Every directive with its default and help, as an annotated file; `path` ("vhost.cluster") or
 * NULL for all. ERR_NOTFOUND when there is no such directive; the text then says which is near. */
err conf_help(struct buf *out, const char *path);

/* What differs between two snapshots, for a reload: one line per directive, "path: old -> new
 * (applied now | for new sessions | needs a restart)". *restart says whether any needs one. */
void conf_diff(struct buf *out, const struct conf *from, const struct conf *to, bool *restart);
/* Members that need a restart are taken from the snapshot that the process has begun with, or from one that has
 * it from there: nobody is told of a port that is not open. */
void conf_keep(struct conf *conf, const struct conf *running);
