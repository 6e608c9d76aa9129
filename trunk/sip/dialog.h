/* dialog - what two ends know of their conversation: its Call-ID, its tags, how far its requests have been counted.
 * Layer: sip. Pure but for the random words. */
#pragma once
#include "sip/message.h"

enum { SIP_ID_MAX = 256 /* of a Call-ID, a tag, a URI */ };

/* Texts of its own; a copy is another one, and counts for itself. */
struct sip_dialog {
	char call_id[SIP_ID_MAX];
	char local_tag[SIP_ID_MAX],
		remote_tag[SIP_ID_MAX]; /* the remote one is "" until it is known */
	char local_uri[SIP_ID_MAX], remote_uri[SIP_ID_MAX];
	char target[SIP_ID_MAX]; /* the request URI: the peer's Contact, once it has said one */
	uint32_t cseq;           /* of our last request */
};

/* One that begins with a request of ours, or a place for a single request: a Call-ID and a tag that were never
 * before. ERR_LIMIT: a URI is too long; ERR_SYSTEM: there is no randomness. */
err sip_dialog_begin(struct sip_dialog *out, const char *local_uri, const char *remote_uri);
/* The peer has answered our INVITE with that 2xx: its tag and its Contact. What is too long leaves the dialog as
 * it was: ERR_LIMIT. */
err sip_dialog_take(struct sip_dialog *dialog, const struct sip_message *answer);
/* A request of the peer's is one within this dialog, by its Call-ID and tags. */
bool sip_dialog_has(const struct sip_dialog *dialog, const struct sip_message *request);
