/* link_formats - how each format of signed links is read and computed. Layer: session, for
 * signed_link.c only. */
#pragma once
#include "session/signed_link.h"

/* One key of the vhost: "id:secret" or "secret". */
struct link_key {
	char id[32];        /* "" when it has none */
	const char *secret; /* borrowed */
};

/* NULL when the link is good by that key, else why not. */
typedef const char *link_check_fn(const struct conf_signed_links *conf, const struct link_ask *ask,
				  const struct link_key *key);

struct link_format {
	enum conf_link_format format;
	int proof_parts;       /* of the path, in front of the app */
	const char *parameter; /* default of the one that is configurable; NULL: none is */
	link_check_fn *check;
};
const struct link_format *link_format_of(enum conf_link_format format);

/* ---- for the formats ---- */

/* Why a link is refused. */
extern const char link_missing[], link_wrong[], link_expired[], link_unreadable[], link_early[],
	link_other[];
/* NULL while the link is valid: until then, and `validity` longer. */
const char *link_time(const struct conf_signed_links *conf, const struct link_ask *ask,
		      int64_t expires_s);
/* The same for a time as it stands in the link, a number to that base. */
const char *link_digits(const struct conf_signed_links *conf, const struct link_ask *ask,
			const char *digits, int base);
/* NULL when the hexadecimal text is the digest. */
struct link_digest;
const char *link_compare(const struct link_digest *d, const char *said);
/* The name of the parameter that carries the signature, as configured. */
const char *link_parameter(const struct conf_signed_links *conf);
link_check_fn link_check_wowza, link_check_akamai, link_check_jwt;
