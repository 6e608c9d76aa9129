/* field - pieces of values of headers. Layer: sip, for its own files. Pure. */
#pragma once
#include "sip/message.h"

/* Bytes that names of methods, headers and parameters are made of (RFC 3261, 25.1). */
bool sip_is_token(struct span text);
/* Takes what stands before the separator; all of it when there is none. */
struct span sip_until(struct span *text, char separator);
/* The same, but a separator within quotes or angle brackets is none. */
struct span sip_until_outside(struct span *text, char separator);
/* Each quote that begins is closed. */
bool sip_quotes_close(struct span text);
/* Takes the next word off the text, which spaces and tabs end; an empty one at its end. */
struct span sip_next_word(struct span *text);
/* "host", "host:port", "[v6]:port"; a port of 0: there is none. */
bool sip_host_port(struct span text, struct span *host, int *port);
/* The first of "<uri>;a=b, …" or "uri;a=b": the URI, and the parameters that are not its own. */
err sip_named_uri(struct sip_uri *out, struct span text, struct span *parameters);
