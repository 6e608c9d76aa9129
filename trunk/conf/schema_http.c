/* The HTTP API and the HTTP server. */
#include "conf/schema_rows.h"

static const struct choice writes_names[] = {
	{"any", WRITES_ANY}, {"loopback", WRITES_LOOPBACK}, {"auth", WRITES_AUTH}, {}};

/* The key and the certificate of an HTTPS server. */
#define HTTPS_FILES(server)                                                                        \
	LIST(#server ".https.key", conf, server.https.certs.key, NOW,                              \
	     "The file with the private key (PEM, without a password).",                           \
	     .value = "./conf/server.key", .min = 1, .is_file = true),                             \
		LIST(#server ".https.cert", conf, server.https.certs.cert, NOW,                    \
		     "The file with the certificate (PEM), and those that it was signed with "     \
		     "behind it.",                                                                 \
		     .value = "./conf/server.crt", .min = 1, .is_file = true)

static const struct row rows[] = {
	/* ---- HTTP ---- */
	BLOCK("http_api",
	      "The HTTP API. A clustered origin needs it: the others ask it for streams."),
	ONOFF("http_api.enabled", conf, http_api.enabled, "off", NOW, "Whether the API is served."),
	TEXT("http_api.listen", conf, http_api.listen, "1985", NOW,
	     "Where the API is served. With the same text as http_server.listen, both share a "
	     "port.",
	     .min = 1, .judge = value_check_endpoint),
	ONOFF("http_api.crossdomain", conf, http_api.crossdomain, "on", NOW,
	      "Whether web pages of other sites may read the API (CORS), as far as it asks for no "
	      "password."),
	LIST("http_api.allowed_origins", conf, http_api.allowed_origins, NOW,
	     "Sites whose pages may do all that http_api allows: send name and password, "
	     "disconnect clients, reload. What changes something needs an Authorization header "
	     "then, which no page can send without having asked.",
	     .judge = value_check_origin, .example = "https://console.example.com"),
	ONOFF("http_api.jsonp", conf, http_api.jsonp, "off", NOW,
	      "Whether answers can be had as scripts (?callback=), which pages of all sites can "
	      "read. Without effect where http_api.auth is enabled."),
	ENUM("http_api.writes", conf, http_api.writes, enum conf_writes, writes_names, "any", NOW,
	     "Who may change something by the API (disconnect clients, reload): anyone who "
	     "reaches it, only callers on this host, or only those who give http_api.auth's name "
	     "and password, whether or not auth is enabled. Servers of the cluster that sign what "
	     "they ask are always allowed."),
	BLOCK("http_api.raw_api", "Calls that change the server."),
	ONOFF("http_api.raw_api.enabled", conf, http_api.raw_api.enabled, "off", NOW,
	      "Whether /api/v1/raw is served."),
	ONOFF("http_api.raw_api.allow_reload", conf, http_api.raw_api.allow_reload, "off", NOW,
	      "Whether rpc=reload reads the configuration again."),
	BLOCK("http_api.auth",
	      "Who may use the API: names with passwords (Basic), and tokens (Bearer)."),
	ONOFF("http_api.auth.enabled", conf, http_api.auth.enabled, "off", NOW,
	      "Whether callers must say who they are."),
	TEXT("http_api.auth.username", conf, http_api.auth.username, NULL, NOW,
	     "The name of somebody who may do everything.", .example = "admin"),
	TEXT("http_api.auth.password", conf, http_api.auth.password, NULL, NOW, "The password.",
	     .example = "secret", .hidden = true),
	TEXT("http_api.auth.token", conf, http_api.auth.token, NULL, NOW,
	     "A token with which everything may be done: 'Authorization: Bearer TOKEN'.",
	     .example = "change-me-too", .hidden = true),
	IDLE("http_api.auth.type", "What is configured is accepted, passwords and tokens alike."),
	RULES("http_api.auth.user", conf, http_api.auth.users, 3, NOW,
	      "Another one: name, password, and what may be done, of read (see everything), kick "
	      "(disconnect clients) and config (reload, drain, and all else that changes "
	      "something), "
	      "as read+kick; or all. May be repeated.",
	      .judge = value_check_user, .hidden = true, .example = "support change-me read+kick"),
	RULES("http_api.auth.bearer", conf, http_api.auth.tokens, 3, NOW,
	      "The same with a token instead of a password; the name is for the log.",
	      .judge = value_check_user, .hidden = true, .example = "grafana change-me read"),
	BLOCK("http_api.https", "The API over TLS."),
	ONOFF("http_api.https.enabled", conf, http_api.https.enabled, "off", NOW,
	      "Whether the API is served over TLS, too."),
	TEXT("http_api.https.listen", conf, http_api.https.listen, "1990", NOW,
	     "Where. The text of http_api.listen makes that port take both, that of "
	     "http_server.https.listen makes one port for both services.",
	     .min = 1, .judge = value_check_endpoint),
	HTTPS_FILES(http_api),

	BLOCK("http_server", "Files and HTTP-FLV streams."),
	ONOFF("http_server.enabled", conf, http_server.enabled, "off", NOW,
	      "Whether files and streams are served over HTTP."),
	TEXT("http_server.listen", conf, http_server.listen, "8080", NOW, "Where.", .min = 1,
	     .judge = value_check_endpoint),
	TEXT("http_server.dir", conf, http_server.dir, "./objs/nginx/html", NOW,
	     "The directory whose files are served.", .min = 1),
	ONOFF("http_server.page", conf, http_server.page, "on", NOW,
	      "Whether there is a page that shows and plays streams: '/', unless dir has an "
	      "index.html, and a console at '/page/console.html' of http_api.listen."),
	ONOFF("http_server.page_streams", conf, http_server.page_streams, "off", NOW,
	      "Whether the page names streams and vhosts to anybody who can reach this port. Names "
	      "may be what publishers are let in by. Never while the API is off or asks for a "
	      "password; on the API's own port the page has them as the API has."),
	ONOFF("http_server.crossdomain", conf, http_server.crossdomain, "on", NOW,
	      "Whether web pages of other sites may use files and streams (CORS)."),
	BLOCK("http_server.https", "The same over TLS."),
	ONOFF("http_server.https.enabled", conf, http_server.https.enabled, "off", NOW,
	      "Whether files and streams are served over TLS, too."),
	TEXT("http_server.https.listen", conf, http_server.https.listen, "8088", NOW,
	     "Where. The text of http_server.listen makes that port take both: the first byte "
	     "of a connection tells which it is.",
	     .min = 1, .judge = value_check_endpoint),
	HTTPS_FILES(http_server),

	BLOCK("exporter", "Figures for Prometheus, at /metrics."),
	ONOFF("exporter.enabled", conf, exporter.enabled, "off", NOW,
	      "Whether they are served, on a port of their own and on that of the API, where "
	      "http_api.auth is for them, too."),
	TEXT("exporter.listen", conf, exporter.listen, "9972", NOW,
	     "Where. There is no password: listen where only the monitoring comes.", .min = 1,
	     .judge = value_check_endpoint),
	TEXT("exporter.label", conf, exporter.label, NULL, NOW,
	     "A label of srs_build_info, by which dashboards choose servers.",
	     .example = "cn-beijing"),
	TEXT("exporter.tag", conf, exporter.tag, NULL, NOW, "Another one.", .example = "cn-edge"),
	INT("exporter.streams", conf, exporter.streams, "100", 0, 10000, NOW,
	    "How many streams have figures of their own: those with the most players. The others "
	    "are summed up as one named 'other'."),

	BLOCK("stats", "Figures about the machine."),
	IDLE("stats.enabled", "Figures about the machine are read when the API is asked."),
	INT("stats.network", conf, stats.network, "0", 0, 1000, NOW,
	    "Which of the machine's addresses is told as that of the server (heartbeat): the first "
	    "one is 0. Those of IPv4 come first, and the loopback last."),
	LIST("stats.disk", conf, stats.disk, NOW,
	     "The disks whose load is told, as /proc/diskstats names them; without it all.",
	     .example = "sda sdb"),
};

SCHEMA_PART(schema_http, rows);
