/* invite - what a device is offered and answers when it is asked for pictures: SDP with the lines of GB/T 28181.
 * Layer: gb. Pure. */
#pragma once
#include "base/addr.h"
#include "base/buf.h"

enum gb_media {
	GB_MEDIA_TCP,        /* the device connects here */
	GB_MEDIA_TCP_ACTIVE, /* we connect to the device */
	GB_MEDIA_UDP,
};

struct gb_offer {
	const char *owner; /* an id, of line o */
	const char *ip;    /* where media is to go */
	int port;
	enum gb_media media;
	uint32_t ssrc;
};
void gb_offer_write(struct buf *out, const struct gb_offer *offer);
/* "channel:ssrc,server:0" */
void gb_subject_write(struct buf *out, const char *channel, uint32_t ssrc, const char *server);

/* The parts of an answer's SDP that matter; zeros where it says nothing. */
struct gb_answer {
	bool has_ssrc;
	uint32_t ssrc;
	char ip[ADDR_TEXT_MAX];
	int port;
};
/* Devices write what they like: lines that make no sense are passed over. */
void gb_answer_read(struct gb_answer *out, struct span sdp);

/* The live SSRC of a server: 0, five digits of its id, four that are its own. */
uint32_t gb_ssrc(const char *server_id, unsigned own);
enum { GB_SSRC_OWN = 10000 };
