/* whip_patch - PATCH of a WHIP or WHEP session (RFC 9725, 4.3; RFC 8840): candidates that are told later, and a
 * restart of ICE. Layer: service. */
#pragma once
#include "service/http_session.h"
#include "service/rtc_session.h"

/* Answers the request; session NULL: there is none. */
err whip_patch(struct http_session *s, struct rtc_session *session);
