/* conf_vhost - what a vhost block says. Layer: conf. Included by conf.h, which says how to read it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct text_list {
	int count, room;
	char **v;
};

enum conf_mode { MODE_LOCAL, MODE_REMOTE };
enum conf_protocol { PROTOCOL_RTMP, PROTOCOL_RTMPS, PROTOCOL_FLV, PROTOCOL_FLVS };
enum conf_jitter { JITTER_FULL, JITTER_ZERO, JITTER_OFF };
enum conf_on_miss { MISS_REDIRECT, MISS_RELAY, MISS_AUTO };
enum conf_on_duplicate { DUPLICATE_ALLOW, DUPLICATE_REJECT, DUPLICATE_REDIRECT };
enum conf_dtls_role { DTLS_ROLE_PASSIVE, DTLS_ROLE_ACTIVE };

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
	char *tls_name; /* that the services' certificates must have; "" their host's */
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
	int64_t resume_window_ms; /* in the file: seconds */
	int64_t queue_length_ms;  /* in the file: seconds */
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

struct conf_rtc {
	bool enabled, nack, twcc;
	int64_t stun_timeout_ms; /* in the file: seconds */
	enum conf_dtls_role dtls_role;
	int drop_for_pt;
	bool rtmp_to_rtc, keep_bframe, keep_avc_nalu_sei, rtc_to_rtmp;
	int opus_bitrate, aac_bitrate;
	int64_t pli_for_rtmp_ms; /* in the file: seconds */
};

struct conf_srt {
	bool enabled;
	char *passphrase;
};

struct conf_forward {
	bool enabled;
	struct text_list destination; /* "host[:port]" or a URL */
	char *tls_name;               /* that their certificates must have; "" their host's */
	char *backend;                /* asked for the URLs instead; "" */
	char *backend_tls_name;       /* likewise */
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
