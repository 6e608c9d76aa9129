/* Recordings of the streams of a virtual host. */
#include "conf/schema_rows.h"

static const struct choice plan_names[] = {{"session", DVR_PLAN_SESSION},
					   {"segment", DVR_PLAN_SEGMENT},
					   {"append", DVR_PLAN_APPEND},
					   {}};

static const struct row rows[] = {
	BLOCK("vhost.dvr",
	      "Streams as recordings in FLV or MP4. A recording grows under a name that ends in "
	      ".tmp, and can "
	      "be played at each moment. Not on an edge: record where the stream is published."),
	ONOFF("vhost.dvr.enabled", conf_vhost, dvr.enabled, "off", NEW,
	      "Whether streams are recorded."),
	LIST("vhost.dvr.dvr_apply", conf_vhost, dvr.apply, NEW,
	     "Which streams are recorded, as app/stream; 'all', and nothing, mean all of them, and "
	     "'none' those alone that the API starts.",
	     .example = "all"),
	ENUM("vhost.dvr.dvr_plan", conf_vhost, dvr.plan, enum conf_dvr_plan, plan_names, "session",
	     NEW,
	     "'session' makes one recording of a stream, 'segment' one after each dvr_duration, "
	     "and "
	     "'append' goes on behind the one that is at dvr_path already: one file, however often "
	     "the stream is published. Name it by [app] and [stream], or the date."),
	TEXT("vhost.dvr.dvr_path", conf_vhost, dvr.path,
	     "./objs/nginx/html/[app]/[stream].[timestamp].flv", NEW,
	     "The path of a recording; its ending, .flv or .mp4, says what it is. [vhost], [app] "
	     "and [stream] "
	     "stand for names, [timestamp] for milliseconds, [2006] [01] [02] [15] [04] [05] [999] "
	     "for pieces "
	     "of the date. A path without such an ending is that of a folder.",
	     .min = 1),
	SECONDS("vhost.dvr.dvr_duration", conf_vhost, dvr.duration_ms, "30", 100, DAY, NEW,
		"How long a recording is with 'dvr_plan segment'; it ends at the next key frame."),
	ONOFF("vhost.dvr.dvr_wait_keyframe", conf_vhost, dvr.wait_keyframe, "on", NEW,
	      "Whether a recording ends at key frames alone. off: at any picture, with which the "
	      "next one begins, as nothing is left out; a player shows that one from its first key "
	      "frame on."),
	ONOFF("vhost.dvr.dvr_mp4_progressive", conf_vhost, dvr.mp4_progressive, "off", NEW,
	      "Whether an MP4 that is over is made a progressive one, with one index in front, as "
	      "editors and some players want it. It has its name, and on_dvr is called, only then; "
	      "helper "
	      "threads copy it, one recording at a time. What a crash has left stays fragmented."),
	SECONDS("vhost.dvr.dvr_max_age", conf_vhost, dvr.max_age_ms, "0", 0, 3650LL * DAY, NEW,
		"How long recordings are kept after their end; 0 is for ever. Only files whose "
		"names "
		"dvr_path makes are removed."),
	INT("vhost.dvr.dvr_max_size", conf_vhost, dvr.max_size_mb, "0", 0, 1000000000, NEW,
	    "How many megabytes all recordings below dvr_path may have; the oldest are removed. 0 "
	    "is "
	    "without a limit."),
	IDLE("vhost.dvr.time_jitter", "The times of each recording begin with 0 and rise."),
};

SCHEMA_PART(schema_dvr, rows);
