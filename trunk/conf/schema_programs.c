/* Programs that run beside the server: ffmpeg for ingest and transcode, anything for exec. */
#include "conf/schema_rows.h"

static const struct choice input_types[] = {{"file", INGEST_FILE}, {"stream", INGEST_STREAM}, {}};

/* The rows of an engine in the block `p`, whose struct is `type`. */
#define ENGINE(p, type, where)                                                                     \
	NAMED(p, type, engines, engine_count, engine_room,                                         \
	      "What ffmpeg makes of its input: one process for each engine.", .may_repeat = true,  \
	      .example = "hd"),                                                                    \
		ONOFF(p ".enabled", conf_engine, enabled, "off", NOW, where),                      \
		OPTIONS(p ".perfile", conf_engine, perfile, NOW, "Options in front of the input.", \
			.example = "re;"),                                                         \
		TEXT(p ".iformat", conf_engine, iformat, "flv", NOW,                               \
		     "The format of an input over RTMP; 'off' leaves it to ffmpeg."),              \
		OPTIONS(p ".vfilter", conf_engine, vfilter, NOW, "Options for filters.",           \
			.example = "vf 'drawtext=text=SRS';"),                                     \
		TEXT(p ".vcodec", conf_engine, vcodec, NULL, NOW,                                  \
		     "The encoder of pictures; 'copy' leaves them, 'vn' drops them.",              \
		     .example = "libx264"),                                                        \
		INT(p ".vbitrate", conf_engine, vbitrate, "0", 0, 1000000, NOW,                    \
		    "Kilobits per second of pictures; 0 leaves it to the encoder."),               \
		INT(p ".vfps", conf_engine, vfps, "0", 0, 1000, NOW,                               \
		    "Pictures per second; 0: as they come."),                                      \
		INT(p ".vwidth", conf_engine, vwidth, "0", 0, 65536, NOW,                          \
		    "Width; 0: as it comes."),                                                     \
		INT(p ".vheight", conf_engine, vheight, "0", 0, 65536, NOW,                        \
		    "Height; 0: as it comes."),                                                    \
		INT(p ".vthreads", conf_engine, vthreads, "1", 0, 1024, NOW,                       \
		    "Threads of the encoder; 0 leaves it to ffmpeg."),                             \
		TEXT(p ".vprofile", conf_engine, vprofile, NULL, NOW, "The profile of pictures.",  \
		     .example = "main"),                                                           \
		TEXT(p ".vpreset", conf_engine, vpreset, NULL, NOW, "The preset of the encoder.",  \
		     .example = "medium"),                                                         \
		OPTIONS(p ".vparams", conf_engine, vparams, NOW,                                   \
			"Options of the encoder of pictures.", .example = "g 250;"),               \
		TEXT(p ".acodec", conf_engine, acodec, NULL, NOW,                                  \
		     "The encoder of sound; 'copy' leaves it, 'an' drops it.", .example = "aac"),  \
		INT(p ".abitrate", conf_engine, abitrate, "0", 0, 100000, NOW,                     \
		    "Kilobits per second of sound; 0 leaves it to the encoder."),                  \
		INT(p ".asample_rate", conf_engine, asample_rate, "0", 0, 384000, NOW,             \
		    "Samples per second; 0: as they come."),                                       \
		INT(p ".achannels", conf_engine, achannels, "0", 0, 2, NOW,                        \
		    "Channels of sound; 0: as they come."),                                        \
		OPTIONS(p ".aparams", conf_engine, aparams, NOW,                                   \
			"Options of the encoder of sound.", .example = "profile:a aac_low;"),      \
		TEXT(p ".oformat", conf_engine, oformat, "flv", NOW,                               \
		     "The format of the output; 'off' leaves it to ffmpeg."),                      \
		TEXT(p ".output", conf_engine, output, NULL, NOW,                                  \
		     "Where it goes: a URL or a file. [vhost] [port] stand for this vhost and "    \
		     "the port of RTMP, and [app] [stream] [param] [engine] for those of a "       \
		     "transcoded stream; [2006] [01] [02] [15] [04] [05] [999] for pieces of the " \
		     "date.",                                                                      \
		     .example = "rtmp://127.0.0.1:[port]/live/livestream?vhost=[vhost]")

static const struct row rows[] = {
	TEXT("ff_log_level", conf, ff_log_level, "info", NOW,
	     "How much ffmpeg says of an ingest, in its own words, from 'quiet' to 'trace'. What "
	     "it "
	     "last said is told by the API."),

	BLOCK("vhost.exec",
	      "Programs that run as long as a stream is published here. They are started without a "
	      "shell, and again when they end; one that fails again and again is given up."),
	ONOFF("vhost.exec.enabled", conf_vhost, exec.enabled, "off", NOW, "Whether they run."),
	COMMANDS("vhost.exec.publish", conf_vhost, exec.publish, NOW,
		 "A program and its arguments; may be repeated. [vhost] [app] [stream] [tcUrl] "
		 "[swfUrl] [pageUrl] [url] stand for what the publisher says, [2006] … for pieces "
		 "of "
		 "the date. 1>FILE and 2>FILE at the end send the output to files; in FILE only "
		 "[vhost] "
		 "[app] [stream] and the date are replaced.",
		 .example = "ffmpeg -f flv -i [url] -c copy -y ./[stream].flv"),

	NAMED("vhost.ingest", conf_vhost, ingests, ingest_count, ingest_room,
	      "A stream that this server fetches, from a file or a URL, by ffmpeg. Streams over "
	      "RTMP "
	      "and HTTP-FLV that are copied to this server are fetched without it.",
	      .example = "livestream"),
	ONOFF("vhost.ingest.enabled", conf_ingest, enabled, "off", NOW, "Whether it is fetched."),
	BLOCK("vhost.ingest.input", "From where."),
	ENUM("vhost.ingest.input.type", conf_ingest, type, enum conf_ingest_type, input_types,
	     "file", NOW,
	     "A file, which begins again at its end, or a stream; ffmpeg reads both in real time."),
	TEXT("vhost.ingest.input.url", conf_ingest, url, NULL, NOW,
	     "The path of the file, or the URL.", .example = "./doc/source.flv"),
	TEXT("vhost.ingest.ffmpeg", conf_ingest, ffmpeg, "ffmpeg", NOW,
	     "The program: a path, or a name that PATH leads to.", .min = 1),
	ENGINE("vhost.ingest.engine", conf_ingest,
	       "Whether the stream is encoded anew; off: it is copied."),

	NAMED("vhost.transcode", conf_vhost, transcodes, transcode_count, transcode_room,
	      "Streams that are encoded anew by ffmpeg. The name says which: 'app/stream', 'app', "
	      "or "
	      "none for all streams of the vhost.",
	      .may_repeat = true, .example = "live/livestream"),
	ONOFF("vhost.transcode.enabled", conf_transcode, enabled, "off", NOW, "Whether they are."),
	TEXT("vhost.transcode.ffmpeg", conf_transcode, ffmpeg, "ffmpeg", NOW,
	     "The program: a path, or a name that PATH leads to.", .min = 1),
	ENGINE("vhost.transcode.engine", conf_transcode, "Whether this engine runs."),
};

SCHEMA_PART(schema_programs, rows);
