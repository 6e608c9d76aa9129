/* dns - names to addresses without blocking the thread (c-ares on the reactor). Layer: net.
 * Answers are kept for their TTL, the shortest of their records, and shared; one question per name is
 * in flight. */
#pragma once
#include "co/co.h"
#include "net/addr.h"

/* What is beyond that is left out: no cluster has so many servers behind one name. */
enum { DNS_ADDRS_MAX = 1024, DNS_SRV_MAX = 1024 };

/* Answers begin as zeroed memory, may be asked into again, and end with their fini. */
struct dns_answer {
	int count, room;
	struct addr *addrs;
	int64_t expires_ms; /* monotonic; a literal never expires */
};

struct dns_srv_answer {
	int count, room;
	struct dns_srv {
		int priority, weight, port;
		char host[HOST_MAX];
	} * targets; /* as in the answer, not sorted */
	int64_t expires_ms;
};

void dns_answer_fini(struct dns_answer *answer);
void dns_srv_answer_fini(struct dns_srv_answer *answer);

/* Once, after co_init(). `resolver` is "host[:port]" of a DNS server (a literal), or NULL for the
 * system's. */
err dns_init(const char *resolver);
void dns_fini(void) BLOCKS;

/* All addresses of a host name or literal, with `port` filled in. ERR_NAME when it does not
 * exist or cannot be asked in time; an expired answer is used when the server is silent. A
 * deadline ends the caller's wait, not the question. */
err dns_lookup(struct dns_answer *out, const char *host, int port, int64_t deadline) BLOCKS;
/* The targets of an SRV name ("_rtmp._tcp.example.net"), in the same way. */
err dns_lookup_srv(struct dns_srv_answer *out, const char *name, int64_t deadline) BLOCKS;
