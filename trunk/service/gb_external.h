/* gb_external - streams of cameras that another program calls: it announces them, and media comes. Layer: service. */
#pragma once
#include "service/gb_hub.h"

/* Expects the stream of that name and SSRC, until its media ends, or does not come in the time of sip.timeout.
 * ERR_FULL: one of both is expected already, or the server ends; ERR_PROTOCOL: nothing can have that name. */
err gb_external_open(struct gb_hub *hub, const char *name, uint32_t ssrc);
/* Ends it. False: there is none. */
bool gb_external_close(struct gb_hub *hub, const char *name);
/* All of them, for that reason. */
void gb_external_end(struct gb_hub *hub, const char *why);
