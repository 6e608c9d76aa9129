/* How a virtual host works together with other servers. */
#include "conf/schema_rows.h"

static const struct choice mode_names[] = {{"local", MODE_LOCAL}, {"remote", MODE_REMOTE}, {}};
static const struct choice protocol_names[] = {{"rtmp", PROTOCOL_RTMP},
					       {"rtmps", PROTOCOL_RTMPS},
					       {"flv", PROTOCOL_FLV},
					       {"flvs", PROTOCOL_FLVS},
					       {}};
static const struct choice miss_names[] = {
	{"redirect", MISS_REDIRECT}, {"relay", MISS_RELAY}, {"auto", MISS_AUTO}, {}};
static const struct choice duplicate_names[] = {{"allow", DUPLICATE_ALLOW},
						{"reject", DUPLICATE_REJECT},
						{"redirect", DUPLICATE_REDIRECT},
						{}};

static const struct row rows[] = {
	BLOCK("vhost.cluster", "How this server works together with others."),
	ENUM("vhost.cluster.mode", conf_vhost, cluster.mode, enum conf_mode, mode_names, "local",
	     RESTART,
	     "'local' is an origin: publishers bring their streams here. 'remote' is an edge: it "
	     "fetches streams from an origin and passes published ones on to it."),
	LIST("vhost.cluster.origin", conf_vhost, cluster.origin, NEW,
	     "The origins of an edge, as host[:port]. When one is away the next one is tried. A "
	     "name stands for all its addresses and is asked again when they expire; an SRV name, "
	     "known by its leading underscore (_rtmp._tcp.example.org), brings the ports too.",
	     .judge = value_check_hostport, .example = "127.0.0.1:19350 127.0.0.1:19351"),
	LIST("vhost.cluster.push_origin", conf_vhost, cluster.push_origin, NEW,
	     "The RTMP servers that an edge passes published streams on to, and asks about tokens, "
	     "as host[:port]; without it, those of 'origin'. For edges whose 'origin' names HTTP "
	     "servers with their ports (protocol flv or flvs).",
	     .judge = value_check_hostport, .example = "127.0.0.1:19350 127.0.0.1:19351"),
	ENUM("vhost.cluster.protocol", conf_vhost, cluster.protocol, enum conf_protocol,
	     protocol_names, "rtmp", NEW,
	     "The protocol by which an edge fetches streams: RTMP or HTTP-FLV, each plain or over "
	     "TLS (port 443 where an origin has none). What is published here goes out by RTMP, "
	     "over TLS with 'rtmps' and 'flvs'; so does what an origin fetches from a coworker for "
	     "its "
	     "players (on_miss)."),
	ONOFF("vhost.cluster.follow_client", conf_vhost, cluster.follow_client, "off", NEW,
	      "Whether an edge fetches by the protocol of its player instead."),
	ONOFF("vhost.cluster.token_traverse", conf_vhost, cluster.token_traverse, "off", NEW,
	      "Whether an edge asks the origin about each client before it serves it: its signed "
	      "links, security, refer and on_connect decide, as for a client of its own "
	      "(signed-links.md). While no origin can be asked, nobody new is let in."),
	TEXT("vhost.cluster.vhost", conf_vhost, cluster.vhost, "[vhost]", NEW,
	     "The vhost an edge asks for at the origin; [vhost] stands for its own name.",
	     .min = 1),
	ONOFF("vhost.cluster.debug_srs_upnode", conf_vhost, cluster.debug_srs_upnode, "on", NEW,
	      "Whether an edge tells the origin who it is, for its log."),
	ONOFF("vhost.cluster.origin_cluster", conf_vhost, cluster.origin_cluster, "off", NEW,
	      "Whether an origin asks its coworkers for a stream that it lacks, and redirects "
	      "the player to the one that has it."),
	LIST("vhost.cluster.coworkers", conf_vhost, cluster.coworkers, NEW,
	     "The HTTP APIs of the other origins, as host:port. A name stands for all its "
	     "addresses and is asked again when they expire; an SRV name, known by its leading "
	     "underscore (_srs._tcp.example.org), brings the ports too. One's own address may be "
	     "among them.",
	     .judge = value_check_hostport, .example = "127.0.0.1:9091"),
	SECONDS("vhost.cluster.linger", conf_vhost, cluster.linger_ms, "5", 0, HOUR, NEW,
		"How long an edge goes on fetching a stream after its last player left."),
	SECONDS("vhost.cluster.upstream_timeout", conf_vhost, cluster.upstream_timeout_ms, "30",
		100, DAY, NEW,
		"How long an edge goes on looking for an origin for a stream that was playing, "
		"before its players are told that it is gone (see notify_unpublish)."),
	SECONDS("vhost.cluster.upstream_start_timeout", conf_vhost,
		cluster.upstream_start_timeout_ms, "5", 100, DAY, NEW,
		"How long a publisher waits at an edge until an origin takes its stream."),
	INT("vhost.cluster.hop_limit", conf_vhost, cluster.hop_limit, "8", 1, 64, NEW,
	    "How many servers a stream may pass. More than that is taken for a loop."),
	MILLIS("vhost.cluster.query_timeout", conf_vhost, cluster.query_timeout_ms, "1000", 10,
	       MINUTE, NEW,
	       "How long all coworkers together may take to answer. Before a player is told that "
	       "nobody has the stream, those that answered a moment ago and did not now are asked "
	       "once more."),
	MILLIS("vhost.cluster.query_cache", conf_vhost, cluster.query_cache_ms, "1000", 0, MINUTE,
	       NEW, "How long the answer that a coworker has a stream is remembered."),
	MILLIS("vhost.cluster.query_cache_none", conf_vhost, cluster.query_cache_none_ms, "300", 0,
	       MINUTE, NEW, "How long the answer that nobody has it is remembered."),
	ENUM("vhost.cluster.on_miss", conf_vhost, cluster.on_miss, enum conf_on_miss, miss_names,
	     "redirect", NEW,
	     "What an origin does with a player whose stream a coworker has: redirect it, or "
	     "relay the stream. 'auto' relays to players that do not follow redirects."),
	ENUM("vhost.cluster.on_duplicate", conf_vhost, cluster.on_duplicate, enum conf_on_duplicate,
	     duplicate_names, "allow", NEW,
	     "What an origin does with a publisher whose stream a coworker has already. 'allow' "
	     "as SRS: both publish. 'reject' says where the stream is, 'redirect' sends the "
	     "publisher there; of two that begin at the same moment the first one stays. A "
	     "coworker that does not answer within query_timeout holds nobody up; it is asked "
	     "again until it does."),
	TEXT("vhost.cluster.secret", conf_vhost, cluster.secret, NULL, NOW,
	     "A word shared by all servers of the cluster, by which they sign what they ask each "
	     "other. With one, /api/v1/clusters answers nobody else, and a relay that does not "
	     "sign "
	     "is an ordinary player or encoder.",
	     .example = "change-me", .hidden = true),
	TEXT("vhost.cluster.secret_file", conf_vhost, cluster.secret_file, NULL, NOW,
	     "A file that holds the secret instead. It is read at start and at reload.",
	     .example = "./conf/cluster.secret", .is_file = true),
	ONOFF("vhost.cluster.coworkers_https", conf_vhost, cluster.coworkers_https, "off", NEW,
	      "Whether the servers of the cluster are asked over HTTPS: their http_api.https "
	      "listens at the port that they are asked at, which may be the one of "
	      "http_api.listen."),
	TEXT("vhost.cluster.tls_name", conf_vhost, cluster.tls_name, NULL, NEW,
	     "The name that the certificates of origins and coworkers must have, when they are "
	     "reached by addresses or by other names than that.",
	     .example = "origin.example.com"),
	LIST("vhost.cluster.relays", conf_vhost, cluster.relays, NEW,
	     "The addresses from which other servers may fetch or bring streams, as ip or "
	     "ip/bits. Without any, every server may; then, and without a secret, little is "
	     "believed "
	     "of what they tell of the cluster: up to 32 of them at one address are asked, and "
	     "256 KB taken of each.",
	     .judge = value_check_network, .example = "10.0.0.0/8 127.0.0.1"),
};

SCHEMA_PART(schema_cluster, rows);
