/* manscdp - the control messages of GB/T 28181: small XML documents in the bodies of SIP requests. Layer: gb. Pure
 * but for memory.
 *
 * They say GB2312 and mean GB18030, or say so and are UTF-8. Only elements and their texts are looked at: no document
 * type, no entities but the five of XML. */
#pragma once
#include "base/buf.h"

enum { GB_ID = 20 /* digits of a device, a channel, a server */, GB_TEXT = 128 };

struct manscdp {
	struct buf text;  /* in UTF-8 */
	struct span root; /* "Notify", "Query", "Response", "Control" */
	struct span inside;
};

/* Into zeroed memory. False: it is none of these documents. To be released also then. */
bool manscdp_read(struct manscdp *out, struct span body);
void manscdp_fini(struct manscdp *m);

/* The next child element of what is left; false: there is none. */
bool manscdp_next(struct span *rest, struct span *name, struct span *inside);
/* The text of the first child of that name, as it stands; empty without one. */
struct span manscdp_field(struct span inside, const char *name);
/* The same for people and JSON: decoded, without spaces around, what cannot be shown left out, cut to fit. */
void manscdp_text(char *out, size_t room, struct span inside, const char *name);
/* A decimal number; -1 without one. */
int64_t manscdp_number(struct span inside, const char *name);

/* A query for the device with that id. */
void manscdp_write_query(struct buf *out, const char *command, unsigned sn, const char *id);

/* Twenty digits. */
bool gb_is_id(struct span id);
