/* gb_totals - what all casters of GB28181 have together, for the API and the metrics. Layer: service. */
#pragma once
#include "service/gb_hub.h"

struct gb_totals {
	int64_t devices, online, channels, calls, streams;
	int64_t invited, refused, unanswered, unknown_media; /* since the start */
	struct sip_counts sip;
	struct gb_registrar_counts registrar;
	bool has_sip; /* it is spoken somewhere */
};

/* Adds one hub. */
void gb_totals_add(struct gb_totals *totals, const struct gb_hub *hub);
/* Of all of the server. */
struct gb_totals gb_totals_of(const struct server *server);
