/* signed_link - links that carry their own permission: a signature over the stream and a time, by a key
 * that the server shares with whoever makes the links. Layer: session.
 *
 * The formats are rows of a table (link_formats.c): one of our own and those of the common CDNs. A vhost
 * has one format and several keys, so that keys can be rotated: a link by any of them is good.
 * Signatures are compared in constant time. */
#pragma once
#include "conf/conf.h"

enum link_action { LINK_PUBLISH, LINK_PLAY };

/* A request with a link, and its client. Texts are borrowed, never NULL. */
struct link_ask {
	enum link_action action;
	const char *app, *stream; /* without the extension of the format */
	const char *path;         /* as requested, "/live/a.flv"; without a proof */
	const char *param;        /* "?a=b" or "" */
	const char *proof;        /* see signed_link_take_proof(); "" */
	const char *ip;           /* of the client */
	int64_t now_s;            /* seconds since 1970 */
	/* of one that is good: its last second; untouched where it has none; NULL */
	int64_t *end_s;
};

enum { LINK_WHY_MAX = 128 };
/* True when the link may be used. Otherwise `why` is a sentence for the log: it names the reason, not
 * the signature that was expected. */
bool signed_link_check(const struct conf_signed_links *conf, const struct link_ask *ask,
		       char why[static LINK_WHY_MAX]);
/* Whether links are checked for this action. */
bool signed_link_applies(const struct conf_signed_links *conf, enum link_action action);
/* Formats that prove themselves by the first parts of the path, "/TIME/SIGNATURE/live/a": cuts those off
 * the app and gives them, malloc'ed; "" for other formats. */
char *signed_link_take_proof(const struct conf_signed_links *conf, char *app);
