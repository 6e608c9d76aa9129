/* conf - the configuration as plain data. Layer: conf.
 *
 * A file (SRS's language or YAML) becomes a tree of directives; the schema (schema_*.c), which
 * declares each directive once, turns the tree and the SRS_ environment into this snapshot. A
 * snapshot never changes after it was loaded and is counted: a session keeps the one it began
 * with. Texts are owned by the snapshot; those without a default are "". Times end in _ms. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct text_list {
	int count, room;
	char **v;
};

enum conf_tri { CONF_OFF, CONF_ON, CONF_AUTO };
enum conf_log_tank { LOG_TANK_FILE, LOG_TANK_CONSOLE };
enum conf_mode { MODE_LOCAL, MODE_REMOTE };
enum conf_tls_profile { PROFILE_INTERMEDIATE, PROFILE_MODERN, PROFILE_OLD };
enum conf_protocol { PROTOCOL_RTMP, PROTOCOL_RTMPS, PROTOCOL_FLV, PROTOCOL_FLVS };
enum conf_jitter { JITTER_FULL, JITTER_ZERO, JITTER_OFF };
enum conf_on_miss { MISS_REDIRECT, MISS_RELAY, MISS_AUTO };
enum conf_proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_ALLOWED, PROXY_PROTOCOL_REQUIRED };
enum conf_writes { WRITES_ANY, WRITES_LOOPBACK, WRITES_AUTH };
enum conf_on_duplicate { DUPLICATE_ALLOW, DUPLICATE_REJECT, DUPLICATE_REDIRECT };

/* Formats of signed links, see session/link_formats.c. */
enum conf_link_format {
	LINK_FORMAT_HMAC,
	LINK_FORMAT_ALIBABA,
	LINK_FORMAT_TENCENT_CDN,
	LINK_FORMAT_TYPE_B,
	LINK_FORMAT_TYPE_C,
	LINK_FORMAT_TYPE_D,
	LINK_FORMAT_TENCENT,
	LINK_FORMAT_HUAWEI,
	LINK_FORMAT_LAL,
	LINK_FORMAT_SECURE_LINK,
	LINK_FORMAT_SECURE_LINK_SECRET,
	LINK_FORMAT_WOWZA,
	LINK_FORMAT_AKAMAI,
	LINK_FORMAT_JWT,
};

struct conf_signed_links {
	bool enabled, publish, play, bind_address;
	enum conf_link_format format;
	struct text_list keys; /* "id:secret" or "secret" */
	char *parameter;       /* "": the format's own */
	int64_t validity_ms;   /* in the file: seconds */
};

/* Rules as in the file: "publish all", "play 10.0.0.0/8". */
struct conf_security {
	bool enabled;
	struct text_list allow, deny;
};

struct conf_refer {
	bool enabled, allow_empty;
	struct text_list all, publish, play; /* domains */
};

enum conf_hook_failure { HOOK_FAILURE_REFUSE, HOOK_FAILURE_ALLOW };
enum conf_hook_format { HOOK_FORMAT_JSON, HOOK_FORMAT_FORM };

/* An event that a web service decides: all URLs have to agree. */
struct conf_hook {
	struct text_list urls;
	enum conf_hook_failure failure; /* what no answer means */
	int64_t timeout_ms;             /* in the file: seconds; of one attempt */
	int retries;
};

struct conf_http_hooks {
	bool enabled;
	enum conf_hook_format format;
	struct conf_hook on_connect, on_publish, on_play;
	struct text_list on_close, on_unpublish, on_stop, on_dvr, on_hls,
		on_hls_notify;                    /* notices */
	int64_t notice_timeout_ms, notice_age_ms; /* in the file: seconds */
	int notice_queue;
};

struct conf_publish {
	int64_t firstpkt_timeout_ms;
	int64_t normal_timeout_ms;
	int64_t kickoff_for_idle_ms; /* in the file: seconds; 0 off */
	int64_t reconnect_grace_ms;  /* in the file: seconds */
	int max_bitrate;             /* kilobits per second; 0: no limit */
};

struct conf_play {
	bool gop_cache;
	int gop_cache_max_frames;
	int64_t queue_length_ms; /* in the file: seconds */
	enum conf_jitter time_jitter;
	bool atc, atc_auto, mix_correct;
	int64_t mw_latency_ms;
	int64_t send_min_interval_ms;
	bool reduce_sequence_header;
	bool notify_unpublish;
	int64_t stalled_timeout_ms; /* in the file: seconds */
	int64_t wait_timeout_ms;    /* likewise; 0: none */
	int max_players;            /* of one stream; 0: no limit */
};

struct conf_cluster {
	enum conf_mode mode;
	struct text_list origin;
	struct text_list push_origin; /* where published streams go; empty: to `origin` */
	enum conf_protocol protocol;
	bool follow_client;
	bool token_traverse;
	char *vhost; /* "[vhost]" */
	bool debug_srs_upnode;
	bool origin_cluster;
	struct text_list coworkers;
	int64_t linger_ms, upstream_timeout_ms,
		upstream_start_timeout_ms; /* in the file: seconds */
	int hop_limit;
	int64_t query_timeout_ms, query_cache_ms,
		query_cache_none_ms; /* in the file: milliseconds */
	enum conf_on_miss on_miss;
	enum conf_on_duplicate on_duplicate;
	char *secret, *secret_file;
	bool coworkers_https;
	char *tls_name;          /* that upstreams' certificates must have; "" their host's */
	struct text_list relays; /* "ip" or "ip/bits" */
};

struct conf_http_remux {
	bool enabled;
	char *mount;
	bool drop_if_not_match, has_audio, has_video, guess_has_av, hstrs;
};

enum conf_hls_storage { HLS_STORAGE_BOTH, HLS_STORAGE_DISK, HLS_STORAGE_RAM };

struct conf_hls {
	bool enabled;
	int64_t fragment_ms, window_ms, dispose_ms; /* in the file: seconds */
	int64_t td_permille, aof_permille;          /* in the file: ratios */
	struct text_list origin;
	char *path, *m3u8_file, *ts_file, *entry_prefix;
	bool use_fmp4;
	char *fmp4_file, *init_file;
	bool cleanup, wait_keyframe, ts_floor, dts_directly;
	enum conf_hls_storage storage;
	bool keys;
	int fragments_per_key, nb_notify;
	bool ctx, ts_ctx, relative_master, low_latency, recover, program_date_time;
	int64_t part_ms;
	char *key_file, *key_url;
};

/* Files: the first certificate is the default one, each has the key at the same place. */
struct conf_certs {
	struct text_list key, cert;
};

enum conf_dvr_plan { DVR_PLAN_SESSION, DVR_PLAN_SEGMENT, DVR_PLAN_APPEND };

struct conf_dvr {
	bool enabled;
	struct text_list apply; /* "all", "app/stream"; empty: all */
	enum conf_dvr_plan plan;
	char *path;
	int64_t duration_ms; /* in the file: seconds */
	bool wait_keyframe, mp4_progressive;
	int64_t max_age_ms; /* likewise; 0: kept for ever */
	int max_size_mb;    /* 0: without a limit */
};

enum conf_ip_family { IP_FAMILY_V4, IP_FAMILY_V6, IP_FAMILY_ALL };
enum conf_rtc_transport { RTC_BY_UDP, RTC_BY_TCP, RTC_BY_ALL };
enum conf_dtls_role { DTLS_ROLE_PASSIVE, DTLS_ROLE_ACTIVE };

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

struct conf_rtc {
	bool enabled, nack, twcc;
	int64_t stun_timeout_ms; /* in the file: seconds */
	enum conf_dtls_role dtls_role;
	int drop_for_pt;
	bool rtmp_to_rtc, keep_bframe, keep_avc_nalu_sei, rtc_to_rtmp;
	int opus_bitrate, aac_bitrate;
	int64_t pli_for_rtmp_ms; /* in the file: seconds */
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

struct conf_srt {
	bool enabled;
	char *passphrase;
};

struct conf_forward {
	bool enabled;
	struct text_list destination; /* "host[:port]" or a URL */
	char *backend;                /* asked for the URLs instead; "" */
};

/* An engine of ffmpeg: one process, what it makes of its input. */
struct conf_engine {
	char *name;
	bool enabled;
	struct text_list perfile, vfilter, vparams, aparams; /* words of the command */
	char *iformat, *oformat, *vcodec, *acodec, *vprofile, *vpreset, *output;
	int vbitrate, abitrate; /* kilobits per second */
	int vfps, vwidth, vheight, vthreads, asample_rate, achannels;
};

enum conf_ingest_type { INGEST_FILE, INGEST_STREAM };

struct conf_ingest {
	char *name;
	bool enabled;
	enum conf_ingest_type type;
	char *url, *ffmpeg;
	int engine_count, engine_room;
	struct conf_engine *engines;
};

struct conf_transcode {
	char *name; /* "", "app" or "app/stream": which streams */
	bool enabled;
	char *ffmpeg;
	int engine_count, engine_room;
	struct conf_engine *engines;
};

struct conf_exec {
	bool enabled;
	struct text_list publish; /* commands: words, joined by CONF_COMMAND_JOINT */
};
#define CONF_COMMAND_JOINT '\x1f'

struct conf_vhost {
	char *name;
	bool enabled;
	bool min_latency;
	int chunk_size; /* the vhost's, else the global one */
	int in_ack_size, out_ack_size;
	struct conf_publish publish;
	struct conf_play play;
	struct conf_cluster cluster;
	struct conf_http_remux http_remux;
	struct conf_http_hooks http_hooks;
	struct conf_security security;
	struct conf_refer refer;
	struct conf_signed_links signed_links;
	struct conf_hls hls;
	struct conf_dvr dvr;
	struct conf_rtc rtc;
	struct conf_srt srt;
	struct conf_forward forward;
	struct conf_exec exec;
	int ingest_count, ingest_room;
	struct conf_ingest *ingests;
	int transcode_count, transcode_room;
	struct conf_transcode *transcodes;
	struct conf_certs tls; /* for clients that name this vhost */
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
	char *url, *device_id;
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
