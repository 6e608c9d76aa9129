/* write - messages of SIP as they are sent. Layer: sip. Pure.
 *
 * Texts come without control characters: those that have some are left out, so that nothing that came from
 * somebody else can begin another line. Extra headers are whole lines ("Name: value\r\n"), and are left out
 * when they are not. */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "sip/message.h"

/* An answer to a request. */
struct sip_answer {
	int status;
	const char *reason;       /* NULL: the usual one */
	const char *headers;      /* extra ones; NULL: none */
	const char *content_type; /* of the body; NULL: none */
	struct span body;
	/* The sender has proven nothing: what is kept of this answer, so that a repeated request gets it again,
	 * is limited for all such together. */
	bool untrusted;
};

/* A request as it stands on the wire. */
struct sip_outline {
	const char *method, *uri;
	enum sip_transport transport;
	const char *sent_by, *branch; /* of Via: "host:port" */
	const char *from_uri, *from_tag, *to_uri;
	const char *to_tag; /* "": none */
	const char *call_id;
	uint32_t cseq;
	const char *contact; /* a URI; NULL: none */
	const char *agent;   /* User-Agent; NULL: none */
	const char *headers, *content_type;
	struct span body;
};

/* The answer to a request that came from `peer`: all its Via, the topmost one with what RFC 3581 wants, From, To
 * with `tag` when it has none, Call-ID and CSeq. */
void sip_write_response(struct buf *out, const struct sip_message *request,
			const struct sip_answer *answer, const struct addr *peer, const char *tag,
			const char *agent);
void sip_write_request(struct buf *out, const struct sip_outline *request);
/* Whether these are whole header lines, or "". */
bool sip_lines_ok(const char *lines);
