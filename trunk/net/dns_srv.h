/* dns_srv - the SRV records of a DNS answer, with their lifetime. Layer: net. */
#pragma once
#include "net/dns.h"

/* False when the packet makes no sense. An answer without a target is a valid one. *ttl is the shortest
 * of all its records: the name may be an alias, which can be pointed elsewhere. */
bool dns_srv_parse(struct dns_srv_answer *out, int64_t *ttl, const unsigned char *packet, int size);
