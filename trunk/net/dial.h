/* dial - connects to a server by its name: the one place that chooses among its addresses. Layer: net. */
#pragma once
#include "net/sock.h"

/* Connects to the first of these addresses that answers. Each but the last one has its share of the
 * time that is left, and at most DIAL_ADDRESS_MS: one that swallows everything must not keep the next
 * from being tried. The error is that of the last attempt; ERR_NAME when there is no address. */
enum { DIAL_ADDRESS_MS = 300 };
err dial_addrs(struct sock **out, const struct addr *addrs, int count, int64_t deadline) BLOCKS;
/* The same for the addresses of a host name or literal. ERR_NAME when it cannot be resolved. */
err dial_host(struct sock **out, const char *host, int port, int64_t deadline) BLOCKS;
