/* hook_body - what is posted to hooks: the members that SRS sends, in its order. Layer: session, for
 * hooks.c only. */
#pragma once
#include "base/buf.h"
#include "session/hooks.h"

enum { HOOK_BODY_MAX = 128 * 1024 }; /* a control character is six bytes of JSON */

/* "on_connect", … */
const char *hook_event_name(enum hook_event event);
/* Writes it in the format of the vhost; returns its content type, a literal. */
const char *hook_body_write(struct buf *out, const struct request *request, enum hook_event event,
			    const struct traffic *traffic);
