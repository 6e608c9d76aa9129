/* whip - publishing and playing by WebRTC over HTTP: WHIP (RFC 9725) and WHEP (its twin for players). Layer:
 * service. */
#pragma once
#include "service/http_router.h"
#include "service/rtc_hub.h"

void whip_mount(struct http_router *router, struct rtc_hub *hub);
