/* rtc_json - publishing and playing by WebRTC as SRS's own players and tools ask for it: offer and answer in JSON.
 * Layer: service. */
#pragma once
#include "service/http_router.h"
#include "service/rtc_hub.h"

void rtc_json_mount(struct http_router *router, struct rtc_hub *hub);
