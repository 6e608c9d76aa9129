/* heartbeat - tells a service at intervals that this server is there, as SRS does (heartbeat). Layer: api.
 * SRS's proxy learns of its servers so. */
#pragma once
#include "node/server.h"

/* From now on, as the configuration says at each moment; among the server's services. */
void heartbeat_start(struct server *server);
