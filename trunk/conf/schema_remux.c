/* Streams of a virtual host over HTTP. */
#include "conf/schema_rows.h"

static const struct row rows[] = {
	BLOCK("vhost.http_remux",
	      "RTMP streams over HTTP: FLV, MPEG-TS, fragmented MP4, ADTS or MP3."),
	ONOFF("vhost.http_remux.enabled", conf_vhost, http_remux.enabled, "off", NEW,
	      "Whether streams are served by http_server."),
	TEXT("vhost.http_remux.mount", conf_vhost, http_remux.mount, "[vhost]/[app]/[stream].flv",
	     NEW,
	     "The URL of a stream; [vhost], [app] and [stream] stand for its names. Its ending "
	     "says what is sent: "
	     ".flv, .ts, .mp4 (fragmented), .aac or .mp3.",
	     .min = 1, .judge = value_check_mount),
	IDLE("vhost.http_remux.fast_cache", "Sound over HTTP begins with what is being sent."),
	ONOFF("vhost.http_remux.drop_if_not_match", conf_vhost, http_remux.drop_if_not_match, "on",
	      NEW, "Whether messages of a kind that the header says is absent are dropped."),
	ONOFF("vhost.http_remux.has_audio", conf_vhost, http_remux.has_audio, "on", NEW,
	      "Whether the header says that there is audio, when that is not guessed."),
	ONOFF("vhost.http_remux.has_video", conf_vhost, http_remux.has_video, "on", NEW,
	      "Whether the header says that there is video, when that is not guessed."),
	ONOFF("vhost.http_remux.guess_has_av", conf_vhost, http_remux.guess_has_av, "on", NEW,
	      "Whether the first messages decide what the header says."),
	ONOFF("vhost.http_remux.hstrs", conf_vhost, http_remux.hstrs, "on", NEW,
	      "Always on: a request starts the stream on an edge and waits for it on an origin."),
};

SCHEMA_PART(schema_remux, rows);
