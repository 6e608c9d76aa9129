/* Who may publish and play: by the word of a web service, by address, by page, by a signed link. */
#include "conf/schema_rows.h"

static const struct choice failure_names[] = {
	{"refuse", HOOK_FAILURE_REFUSE}, {"allow", HOOK_FAILURE_ALLOW}, {}};
static const struct choice hook_formats[] = {
	{"json", HOOK_FORMAT_JSON}, {"form", HOOK_FORMAT_FORM}, {}};
static const struct choice link_formats[] = {{"hmac", LINK_FORMAT_HMAC},
					     {"alibaba", LINK_FORMAT_ALIBABA},
					     {"tencent_cdn", LINK_FORMAT_TENCENT_CDN},
					     {"type_b", LINK_FORMAT_TYPE_B},
					     {"type_c", LINK_FORMAT_TYPE_C},
					     {"type_d", LINK_FORMAT_TYPE_D},
					     {"tencent", LINK_FORMAT_TENCENT},
					     {"huawei", LINK_FORMAT_HUAWEI},
					     {"lal", LINK_FORMAT_LAL},
					     {"secure_link", LINK_FORMAT_SECURE_LINK},
					     {"secure_link_secret", LINK_FORMAT_SECURE_LINK_SECRET},
					     {"wowza", LINK_FORMAT_WOWZA},
					     {"akamai", LINK_FORMAT_AKAMAI},
					     {"jwt", LINK_FORMAT_JWT},
					     {}};

/* The rows of an event that a web service decides. */
#define HOOK(event, what)                                                                          \
	LIST("vhost.http_hooks." #event, conf_vhost, http_hooks.event.urls, NEW,                   \
	     "The web services that are asked before " what                                        \
	     ", as http[s]://host[:port]/path. All "                                               \
	     "have to agree, by an answer 0 or {\"code\":0}.",                                     \
	     .judge = value_check_url, .example = "http://127.0.0.1:8085/api/v1/" #event),         \
		ENUM("vhost.http_hooks." #event "_failure", conf_vhost, http_hooks.event.failure,  \
		     enum conf_hook_failure, failure_names, "refuse", NEW,                         \
		     "What it means when a service cannot be asked, is too slow or says nothing "  \
		     "that can be read."),                                                         \
		SECONDS("vhost.http_hooks." #event "_timeout", conf_vhost,                         \
			http_hooks.event.timeout_ms, "5", 100, MINUTE, NEW,                        \
			"How long one attempt to ask may take, waiting for a connection "          \
			"included."),                                                              \
		INT("vhost.http_hooks." #event "_retries", conf_vhost, http_hooks.event.retries,   \
		    "1", 0, 10, NEW, "How often a service that gave no answer is asked again.")

#define NOTICE(event, what)                                                                        \
	LIST("vhost.http_hooks." #event, conf_vhost, http_hooks.event, NEW,                        \
	     "The web services that are told of " what ". Nobody waits for them.",                 \
	     .judge = value_check_url, .example = "http://127.0.0.1:8085/api/v1/" #event)

static const struct row rows[] = {
	BLOCK("vhost.http_hooks", "Web services that decide who may publish and play, and are told "
				  "what happens. Bodies "
				  "and answers are those of SRS. Servers of the cluster that are "
				  "signed or come from an "
				  "address of cluster.relays are not asked about."),
	ONOFF("vhost.http_hooks.enabled", conf_vhost, http_hooks.enabled, "off", NEW,
	      "Whether they are used."),
	HOOK(on_connect, "an RTMP client may go on"),
	HOOK(on_publish, "a stream may be published"),
	HOOK(on_play, "a stream may be played"),
	NOTICE(on_close, "the end of an RTMP connection"),
	NOTICE(on_unpublish, "the end of a published stream"),
	NOTICE(on_stop, "the end of a play"),
	NOTICE(on_dvr, "a recording that is finished"),
	NOTICE(on_hls, "a segment of HLS"),
	LIST("vhost.http_hooks.on_hls_notify", conf_vhost, http_hooks.on_hls_notify, NEW,
	     "URLs that are fetched (GET) when a segment of HLS is there, so that a cache has it "
	     "before "
	     "players ask: [ts_url], [app], [stream], [server_id], [service_id] and [param] stand "
	     "for "
	     "the segment's path and its stream. No answer matters, and none is tried again for "
	     "long.",
	     .judge = value_check_url, .example = "http://127.0.0.1:8085/fetch?file=[ts_url]"),
	TEXT("vhost.http_hooks.tls_name", conf_vhost, http_hooks.tls_name, NULL, NEW,
	     "The name that the certificates of services over HTTPS must have, when they are "
	     "reached by addresses or by other names than that.",
	     .example = "business.example.com"),
	ENUM("vhost.http_hooks.format", conf_vhost, http_hooks.format, enum conf_hook_format,
	     hook_formats, "json", NEW,
	     "How bodies are written: as JSON or as the fields of an HTML form."),
	SECONDS("vhost.http_hooks.notice_timeout", conf_vhost, http_hooks.notice_timeout_ms, "5",
		100, MINUTE, NEW, "How long one attempt to deliver a notice may take."),
	SECONDS("vhost.http_hooks.notice_age", conf_vhost, http_hooks.notice_age_ms, "3600", 1000,
		7 * DAY, NEW,
		"How long a notice that cannot be delivered is tried again before it is dropped "
		"and "
		"counted."),
	INT("vhost.http_hooks.notice_queue", conf_vhost, http_hooks.notice_queue, "10000", 1,
	    1000000, NEW,
	    "How many notices may wait, those of all vhosts together; further ones are dropped and "
	    "counted."),

	BLOCK("vhost.security", "Who may publish and play, by the address of the client."),
	ONOFF("vhost.security.enabled", conf_vhost, security.enabled, "off", NEW,
	      "Whether the rules count. Any 'deny' that matches refuses; else any 'allow' that "
	      "matches accepts; a client that no rule matches is refused where there is an "
	      "'allow', "
	      "or no rule at all."),
	RULES("vhost.security.allow", conf_vhost, security.allow, 2, NEW,
	      "A rule: publish or play, and all, ip or ip/bits. May be repeated.",
	      .judge = value_check_rule, .example = "play all"),
	RULES("vhost.security.deny", conf_vhost, security.deny, 2, NEW,
	      "The same for those who are refused.", .judge = value_check_rule,
	      .example = "publish 192.0.2.0/24"),

	BLOCK("vhost.refer", "Which pages may embed players and publishers (pageUrl, Referer)."),
	ONOFF("vhost.refer.enabled", conf_vhost, refer.enabled, "off", NEW,
	      "Whether the page is looked at. A client can say what it likes: this keeps other "
	      "people's pages from embedding the streams, and nobody else."),
	LIST("vhost.refer.all", conf_vhost, refer.all, NEW,
	     "Domains of pages that may publish and play; those below one are meant too.",
	     .example = "example.com"),
	LIST("vhost.refer.publish", conf_vhost, refer.publish, NEW, "Domains that may publish.",
	     .example = "studio.example.com"),
	LIST("vhost.refer.play", conf_vhost, refer.play, NEW, "Domains that may play.",
	     .example = "www.example.com"),
	ONOFF("vhost.refer.allow_empty", conf_vhost, refer.allow_empty, "off", NEW,
	      "Whether a client that names no page (encoders and players that are no browsers) is "
	      "let in."),

	BLOCK("vhost.signed_links", "Links that carry their own permission, made by whoever shares "
				    "a key with this server; "
				    "scripts/sign-link makes and checks them."),
	ONOFF("vhost.signed_links.enabled", conf_vhost, signed_links.enabled, "off", NEW,
	      "Whether links have to be signed."),
	ONOFF("vhost.signed_links.publish", conf_vhost, signed_links.publish, "on", NEW,
	      "Whether those that publish have to be."),
	ONOFF("vhost.signed_links.play", conf_vhost, signed_links.play, "on", NEW,
	      "Whether those that play have to be."),
	ENUM("vhost.signed_links.format", conf_vhost, signed_links.format, enum conf_link_format,
	     link_formats, "hmac", NEW,
	     "The format: hmac is our own, bound to publish or play; the others are those of CDNs "
	     "and "
	     "of other servers (trunk/doc/signed-links.md)."),
	LIST("vhost.signed_links.keys", conf_vhost, signed_links.keys, NEW,
	     "The keys, as id:secret or secret. A link by any of them is good, so that they can be "
	     "rotated.",
	     .hidden = true, .example = "k1:change-me"),
	TEXT("vhost.signed_links.parameter", conf_vhost, signed_links.parameter, NULL, NEW,
	     "The name of the parameter that carries the signature, for formats that leave it "
	     "open.",
	     .example = "auth_key"),
	SECONDS("vhost.signed_links.validity", conf_vhost, signed_links.validity_ms, "0", 0,
		INT64_C(365) * DAY, NEW,
		"How long a link is good beyond the time that it carries: 0 for links that carry "
		"their end, more for those that carry the time at which they were made."),
	ONOFF("vhost.signed_links.bind_address", conf_vhost, signed_links.bind_address, "off", NEW,
	      "Whether a link has to be for the client's address (hmac, wowza, jwt)."),
};

SCHEMA_PART(schema_access, rows);
