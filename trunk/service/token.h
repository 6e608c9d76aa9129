/* token - lets the origin decide whether a client of this edge may play or publish. Layer: service. */
#pragma once
#include "service/rtmp_session.h"

/* For a vhost with token_traverse, OK for others: the first origin that can be reached, in the
 * order of the configuration, is connected to with the client's own words. What it refuses is
 * refused to the client, whose connection ends then. */
err token_check(struct rtmp_session *s) BLOCKS;
