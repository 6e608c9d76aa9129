/* whip_link - the STUN and TURN servers that answers of WHIP and WHEP name (RFC 9725, 4.6). Layer: service. */
#pragma once
#include "base/buf.h"
#include "conf/conf.h"

/* Appends a header "Link" for each of the first 16 of rtc_server.ice_servers. Credentials that ice_secret makes carry
 * `who`. */
void whip_link_put(struct buf *lines, const struct conf_rtc_server *conf, const char *who);
