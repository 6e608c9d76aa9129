/* Streams of a virtual host as HLS. Ratios are kept in thousandths, as seconds are in milliseconds. */
#include "conf/schema_rows.h"

static const struct choice storage_names[] = {
	{"both", HLS_STORAGE_BOTH}, {"disk", HLS_STORAGE_DISK}, {"ram", HLS_STORAGE_RAM}, {}};

static const struct row rows[] = {
	BLOCK("vhost.hls",
	      "Streams as HLS: segments and playlists, served by http_server from memory, "
	      "and written to files. An edge does not cut: it fetches them from its origins, and "
	      "holds "
	      "them in memory for its players."),
	ONOFF("vhost.hls.enabled", conf_vhost, hls.enabled, "off", NEW, "Whether streams are cut."),
	LIST("vhost.hls.hls_origin", conf_vhost, hls.origin, NEW,
	     "At an edge: the HTTP servers of its origins, as host[:port], that playlists and "
	     "segments are "
	     "fetched from, once each. Without it, those of cluster.origin, where 'protocol flv' "
	     "names HTTP "
	     "servers there. The patterns of the paths have to be those of the origins.",
	     .judge = value_check_hostport, .example = "127.0.0.1:8080 127.0.0.1:8081"),
	SECONDS("vhost.hls.hls_fragment", conf_vhost, hls.fragment_ms, "10", 100, HOUR, NEW,
		"How long a segment is. It ends at the first key frame behind a multiple of it, in "
		"the "
		"encoder's own time, so that all origins of a stream cut the same segments."),
	SECONDS("vhost.hls.hls_td_ratio", conf_vhost, hls.td_permille, "1", 100, 100000, NEW,
		"A factor for hls_fragment."),
	SECONDS("vhost.hls.hls_aof_ratio", conf_vhost, hls.aof_permille, "2.1", 1000, 100000, NEW,
		"After how many times hls_fragment a segment ends without a key frame."),
	SECONDS("vhost.hls.hls_window", conf_vhost, hls.window_ms, "60", 1000, DAY, NEW,
		"How much of the stream a playlist has, never less than three segments."),
	IDLE("vhost.hls.hls_on_error", "A message that is damaged does not end a stream."),
	ENUM("vhost.hls.hls_storage", conf_vhost, hls.storage, enum conf_hls_storage, storage_names,
	     "both", NEW,
	     "Where segments are: 'both' in memory and in files, 'ram' in memory alone. Players "
	     "are "
	     "served from memory."),
	IDLE("vhost.hls.hls_mount", "The paths of the files are those of the URLs."),
	TEXT("vhost.hls.hls_path", conf_vhost, hls.path, "./objs/nginx/html", NEW,
	     "The folder that the paths of files begin at.", .min = 1),
	TEXT("vhost.hls.hls_m3u8_file", conf_vhost, hls.m3u8_file, "[app]/[stream].m3u8", NEW,
	     "The path of the playlist, and its URL; [vhost], [app] and [stream] stand for names.",
	     .min = 1),
	TEXT("vhost.hls.hls_ts_file", conf_vhost, hls.ts_file, "[app]/[stream]-[seq].ts", NEW,
	     "The path of a segment. Beside the names: [seq], [duration] in milliseconds, "
	     "[timestamp], and "
	     "pieces of the date: [2006] [01] [02] [15] [04] [05] [999].",
	     .min = 1),
	ONOFF("vhost.hls.hls_use_fmp4", conf_vhost, hls.use_fmp4, "off", NEW,
	      "Whether segments are fragmented MP4. Codecs that MPEG-TS has no place for, or that "
	      "players do not "
	      "take in it (AV1, VP9, Opus, FLAC), are always in MP4."),
	TEXT("vhost.hls.hls_fmp4_file", conf_vhost, hls.fmp4_file, "[app]/[stream]-[seq].m4s", NEW,
	     "The path of a segment in MP4.", .min = 1),
	TEXT("vhost.hls.hls_init_file", conf_vhost, hls.init_file, "[app]/[stream]-init.mp4", NEW,
	     "The path of the initialization of segments in MP4. A number is put in front of its "
	     "ending: "
	     "each change of the codecs has another name.",
	     .min = 1),
	TEXT("vhost.hls.hls_entry_prefix", conf_vhost, hls.entry_prefix, NULL, NEW,
	     "A URL in front of each segment of a playlist.", .example = "http://cdn.example.com"),
	IDLE("vhost.hls.hls_acodec", "Segments say what is in them: nothing has to be presumed."),
	IDLE("vhost.hls.hls_vcodec", "Segments say what is in them: nothing has to be presumed."),
	ONOFF("vhost.hls.hls_cleanup", conf_vhost, hls.cleanup, "on", NEW,
	      "Whether files of segments that no player wants any more are removed."),
	SECONDS("vhost.hls.hls_dispose", conf_vhost, hls.dispose_ms, "120", 0, DAY, NEW,
		"How long after its end a stream is forgotten and its files are removed; 0: "
		"never."),
	ONOFF("vhost.hls.hls_wait_keyframe", conf_vhost, hls.wait_keyframe, "on", NEW,
	      "Whether segments end at key frames alone."),
	ONOFF("vhost.hls.hls_ts_floor", conf_vhost, hls.ts_floor, "off", NEW,
	      "Whether [timestamp] is the number of the segment, which is the time by "
	      "hls_fragment."),
	INT("vhost.hls.hls_nb_notify", conf_vhost, hls.nb_notify, "64", 0, 65536, NEW,
	    "How many bytes are read of an answer to on_hls_notify; 0: as many as to other hooks."),
	ONOFF("vhost.hls.hls_ctx", conf_vhost, hls.ctx, "on", NEW,
	      "Whether each player gets a master playlist that names a session of its own "
	      "(hls_ctx=…): it "
	      "is a client then, as players of other protocols are. off: all get the same bytes, "
	      "which "
	      "caches in front can keep."),
	ONOFF("vhost.hls.hls_ts_ctx", conf_vhost, hls.ts_ctx, "on", NEW,
	      "Whether the session stands behind the URLs of segments too, so that their bytes are "
	      "counted."),
	ONOFF("vhost.hls.hls_low_latency", conf_vhost, hls.low_latency, "off", NEW,
	      "Whether players get parts of segments while these are made (Low-Latency HLS), and "
	      "can wait for "
	      "news of the playlist. Segments are fragmented MP4 then; one or two seconds of "
	      "hls_fragment, "
	      "with key frames as often, are usual. Players that know nothing of it play the same "
	      "URL."),
	SECONDS("vhost.hls.hls_part", conf_vhost, hls.part_ms, "0.333", 50, 10000, NEW,
		"About how long a part is: so many pictures as fit, and nearly so for slow ones."),
	ONOFF("vhost.hls.hls_keys", conf_vhost, hls.keys, "off", NEW,
	      "Whether segments are encrypted (AES-128)."),
	INT("vhost.hls.hls_fragments_per_key", conf_vhost, hls.fragments_per_key, "5", 1, 1000000,
	    NEW, "How many segments have one key."),
	TEXT("vhost.hls.hls_key_file", conf_vhost, hls.key_file, "[app]/[stream]-[seq].key", NEW,
	     "The path of a key.", .min = 1),
	IDLE("vhost.hls.hls_key_file_path", "Keys are below hls_path, where they are served from."),
	TEXT("vhost.hls.hls_key_url", conf_vhost, hls.key_url, NULL, NEW,
	     "A URL in front of the path of a key in the playlist; without one, players find keys "
	     "beside the "
	     "playlist.",
	     .example = "https://keys.example.com"),
	ONOFF("vhost.hls.hls_dts_directly", conf_vhost, hls.dts_directly, "on", NEW,
	      "Whether audio in MPEG-TS has the times that were sent; off: times counted by "
	      "samples."),
	ONOFF("vhost.hls.hls_recover", conf_vhost, hls.recover, "on", NEW,
	      "Whether a stream goes on, after a restart of the server, with the playlist that is "
	      "in "
	      "its file: its segments stay, and numbers go on behind a discontinuity."),
	ONOFF("vhost.hls.hls_program_date_time", conf_vhost, hls.program_date_time, "on", NEW,
	      "Whether a playlist says of each segment what time it was when it began "
	      "(EXT-X-PROGRAM-DATE-TIME)."),
	ONOFF("vhost.hls.hls_master_m3u8_path_relative", conf_vhost, hls.relative_master, "off",
	      NEW,
	      "Whether a master playlist names the playlist without its path, for proxies in front "
	      "that "
	      "have another one."),
};

SCHEMA_PART(schema_hls, rows);
