/* dns - names to addresses without blocking the thread (c-ares on the reactor). Layer: net.
 * Answers are kept for their TTL and shared; one question per name is in flight. */
#pragma once
#include "net/addr.h"
#include "co/co.h"

enum { DNS_ADDRS_MAX = 32 };

struct dns_answer {
	int count;
	struct addr addrs[DNS_ADDRS_MAX];
	int64_t expires_ms; /* monotonic; a literal never expires */
};

/* Once, after co_init(). `resolver` is "host[:port]" of a DNS server, or NULL for the system's. */
err dns_init(const char *resolver);
void dns_fini(void) BLOCKS;

/* All addresses of a host name or literal, with `port` filled in. ERR_NAME when it does not
 * exist or cannot be asked in time; an expired answer is used when the server is silent. */
err dns_lookup(struct dns_answer *out, const char *host, int port, int64_t deadline) BLOCKS;
