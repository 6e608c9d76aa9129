/* TLS: RTMPS, and what all encrypted connections have in common. */
#include "conf/schema_rows.h"

static const struct choice profile_names[] = {{"intermediate", PROFILE_INTERMEDIATE},
					      {"modern", PROFILE_MODERN},
					      {"old", PROFILE_OLD},
					      {}};

static const struct row rows[] = {
	BLOCK("rtmps", "RTMP over TLS."),
	ONOFF("rtmps.enabled", conf, rtmps.enabled, "off", NOW,
	      "Whether RTMP is served over TLS, too."),
	LIST("rtmps.listen", conf, rtmps.listen, NOW,
	     "Where: one or more of [ip:]port. A text of `listen` makes that port take both: the "
	     "first byte of a connection tells which it is.",
	     .judge = value_check_endpoint, .example = "1443"),
	LIST("rtmps.key", conf, rtmps.certs.key, NOW,
	     "The file with the private key (PEM, without a password). Several certificates, of "
	     "other names or with another kind of key, stand in a row, each with its key at the "
	     "same place.",
	     .value = "./conf/server.key", .min = 1, .is_file = true),
	LIST("rtmps.cert", conf, rtmps.certs.cert, NOW,
	     "The file with the certificate (PEM), and those that it was signed with behind it. "
	     "A client that names a host (SNI) gets the certificate for it, others the first "
	     "one. Files that change are read again within ten seconds.",
	     .value = "./conf/server.crt", .min = 1, .is_file = true),
	ENUM("tls_profile", conf, tls.profile, enum conf_tls_profile, profile_names, "intermediate",
	     NOW,
	     "Which clients are served: 'intermediate' with TLS 1.2 and 1.3, 'modern' with 1.3 "
	     "alone, 'old' from 1.0 on, for encoders that cannot do better."),
	ONOFF("ktls", conf, tls.ktls, "off", NOW,
	      "Whether the kernel encrypts what is sent, where it can (module tls)."),
	LIST("tls_ticket_keys", conf, tls.ticket_keys, NOW,
	     "Files of 48 or 80 random bytes: servers with the same ones resume each other's TLS "
	     "sessions. The first encrypts, the others still decrypt; to rotate, put a new one in "
	     "front. Without, a random key is renewed each twelve hours.",
	     .example = "./conf/ticket.key", .is_file = true),
	ONOFF("tls_verify", conf, tls.verify, "on", NEW,
	      "Whether the certificates of other servers are checked when this one connects to "
	      "them."),
	TEXT("tls_ca", conf, tls.ca, NULL, NEW,
	     "The file (PEM) with the authorities to trust then, instead of the system's.",
	     .example = "./conf/ca.crt", .is_file = true),
};

SCHEMA_PART(schema_tls, rows);
