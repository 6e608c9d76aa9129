/* What a server does beyond its own clients: streams that go on to other servers. */
#include "conf/schema_rows.h"

static const struct row rows[] = {
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
	     "name.",
	     .judge = value_check_destination, .example = "10.0.0.1:1935 rtmps://live.example.com"),
	TEXT("vhost.forward.backend", conf_vhost, forward.backend, NULL, NOW,
	     "A web service that is asked at each publish where the stream goes, and answers with "
	     "URLs: {\"code\":0,\"data\":{\"urls\":[\"rtmp://host/app/stream\"]}}. 'destination' "
	     "has no effect then. Without an answer the publish is refused.",
	     .judge = value_check_url, .example = "http://127.0.0.1:8085/api/v1/forward"),
};

SCHEMA_PART(schema_outside, rows);
