/* token - lets an origin decide whether a client of this edge may play or publish (token_traverse).
 * Layer: cluster. */
#pragma once
#include "codec/amf0.h"
#include "codec/url.h"
#include "conf/conf.h"
#include "rtmp/client.h"

struct cluster;

/* The words of the client, as an RTMP connect has them. Borrowed. */
struct token_words {
	const char *app, *tc_url, *page_url, *swf_url;
	const struct amf *args; /* the second object of connect; NULL */
};

/* The first origin that can be reached, in the order of the configuration, is connected to with these
 * words. OK: it has accepted them. ERR_CONNECT: none can be asked. ERR_STOPPED. Any other error: it says no,
 * and why in *refusal. */
err token_ask(struct cluster *cluster, const struct conf_vhost *vhost,
	      const struct token_words *words, struct rtmp_refusal *refusal) BLOCKS;
