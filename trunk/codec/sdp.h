/* sdp - session descriptions (RFC 8866) as lines: who offers what is another module's. Layer: codec.
 *
 * Spans are of the text that was parsed, which has to stay. No value has control characters, so each
 * may be written into another description. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum {
	SDP_BYTES_MAX = 65536,
	SDP_ATTRS_MAX = 2048,
	SDP_SECTIONS_MAX = 32,
	SDP_FORMATS_MAX = 128, /* of one section */
};

/* "a=name:value" or "a=name". */
struct sdp_attr {
	struct span name, value;
};

struct sdp_attrs {
	int count, room;
	struct sdp_attr *v;
};

/* "m=kind port protocol formats". */
struct sdp_section {
	struct span kind, protocol;
	int port;
	struct span formats; /* "111 63 9": see sdp_word() */
	struct sdp_attrs attrs;
};

struct sdp {
	struct sdp_attrs attrs; /* of the session: defaults for all sections */
	int count, room;
	struct sdp_section *sections;
};

/* ERR_PROTOCOL: malformed, with the line's number; ERR_LIMIT: too long. To be released also after an
 * error. */
err sdp_parse(struct sdp *out, struct span text);
/* Zeroed memory is fine. */
void sdp_fini(struct sdp *sdp);

/* The first attribute of that name behind `after` (NULL: of all); NULL: there is none. */
const struct sdp_attr *sdp_attr_next(const struct sdp_attrs *attrs, const struct sdp_attr *after,
				     const char *name);
bool sdp_has(const struct sdp_attrs *attrs, const char *name);
/* The value in the section, else the session's; an empty span without either. */
struct span sdp_value(const struct sdp *sdp, const struct sdp_section *section, const char *name);

/* Takes the next word off the text; an empty one at its end. */
struct span sdp_word(struct span *text);
/* Takes what stands before the separator; all of it when there is none. */
struct span sdp_until(struct span *text, char separator);
/* "k=v;k=v": the value; an empty span without that key. Spaces around are none of it. */
struct span sdp_parameter(struct span text, const char *key);

/* One line with its end. */
void sdp_write(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
