/* What a server does beyond its own clients: it reports itself, and streams go on to other servers. */
#include "conf/schema_rows.h"

static const struct row rows[] = {
	BLOCK("heartbeat",
	      "A service that is told at intervals that this server is there: SRS's proxy, say."),
	ONOFF("heartbeat.enabled", conf, heartbeat.enabled, "off", NOW, "Whether it is told."),
	SECONDS("heartbeat.interval", conf, heartbeat.interval_ms, "10", 100, DAY, NOW,
		"How often; the first time after that."),
	TEXT("heartbeat.url", conf, heartbeat.url, "http://127.0.0.1:8085/api/v1/servers", NOW,
	     "The service: it gets a POST with device_id, ip, server, service and pid. Its answer "
	     "does "
	     "not matter.",
	     .min = 1, .judge = value_check_url),
	TEXT("heartbeat.tls_name", conf, heartbeat.tls_name, NULL, NOW,
	     "The name that its certificate must have, when it is reached over HTTPS by an "
	     "address or by another name than that.",
	     .example = "monitor.example.com"),
	TEXT("heartbeat.device_id", conf, heartbeat.device_id, NULL, NOW,
	     "A name of this server, for the service.", .example = "my-srs-device"),
	ONOFF("heartbeat.summaries", conf, heartbeat.summaries, "off", NOW,
	      "Whether it is told what /api/v1/summaries tells."),
	ONOFF("heartbeat.ports", conf, heartbeat.ports, "off", NOW,
	      "Whether it is told where this server listens (rtmp, http, api)."),

	BLOCK("vhost.forward", "A copy of each stream of this vhost for other servers. It begins "
			       "at a key frame, and "
			       "comes back after a loss; what becomes of a destination never "
			       "disturbs the publisher."),
	ONOFF("vhost.forward.enabled", conf_vhost, forward.enabled, "off", NOW,
	      "Whether streams are forwarded."),
	LIST("vhost.forward.destination", conf_vhost, forward.destination, NOW,
	     "Where each stream goes, under its own name: host[:port], or rtmps://host[:port] for "
	     "an "
	     "encrypted connection. A whole URL, rtmp[s]://host[:port]/app/stream, gives it "
	     "another "
	     "name. An SRT listener is called by srt://host:port, with the parameters streamid (in "
	     "which "
	     "[vhost], [app] and [stream] stand for the names of the stream), passphrase, "
	     "pbkeylen, "
	     "latency and maxbw.",
	     .judge = value_check_destination, .example = "10.0.0.1:1935 rtmps://live.example.com"),
	TEXT("vhost.forward.tls_name", conf_vhost, forward.tls_name, NULL, NOW,
	     "The name that the certificates of destinations over rtmps must have, when they are "
	     "reached by addresses or by other names than that.",
	     .example = "live.example.com"),
	TEXT("vhost.forward.backend", conf_vhost, forward.backend, NULL, NOW,
	     "A web service that is asked at each publish where the stream goes, and answers with "
	     "URLs: {\"code\":0,\"data\":{\"urls\":[\"rtmp://host/app/stream\"]}}. 'destination' "
	     "has no effect then. Without an answer the publish is refused.",
	     .judge = value_check_url, .example = "http://127.0.0.1:8085/api/v1/forward"),
	TEXT("vhost.forward.backend_tls_name", conf_vhost, forward.backend_tls_name, NULL, NOW,
	     "The name that its certificate must have, when it is reached over HTTPS by an "
	     "address or by another name than that.",
	     .example = "business.example.com"),
};

SCHEMA_PART(schema_outside, rows);
