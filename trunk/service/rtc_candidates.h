/* rtc_candidates - at which addresses a peer is told that it reaches us. Layer: service. */
#pragma once
#include "rtc/answer.h"
#include "service/rtc_ask.h"
#include "service/rtc_hub.h"

/* Candidates of the request, of the host that was asked, of the configuration, of this host, in this order. */
void rtc_candidates_find(struct rtc_candidates *out, const struct rtc_hub *hub,
			 const struct conf *conf, const struct rtc_ask *ask,
			 const struct rtc_port *port) BLOCKS;
