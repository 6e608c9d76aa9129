/* forwarded - which client a request comes from that proxies have passed on. Layer: codec.
 * Each proxy adds the address that it was called from at the end of X-Forwarded-For, or of Forwarded
 * (RFC 7239). Anybody may have written what stands before that. So the client is the last address that
 * is no trusted proxy's, or the first of all when each is. */
#pragma once
#include "base/addr.h"
#include "base/span.h"

struct forwarded {
	/* Whether what that address says of its own client is believed. */
	bool (*is_trusted)(const void *ctx, const struct addr *addr);
	const void *ctx;
	bool any;           /* there was an address, or something in its place */
	bool settled;       /* `client` is no trusted proxy */
	struct addr client; /* 0.0.0.0: it is not known, or hidden */
};

/* The value of a header; several of one name are given in their order. */
void forwarded_take_addresses(struct forwarded *f, struct span value); /* X-Forwarded-For */
void forwarded_take_elements(struct forwarded *f, struct span value);  /* Forwarded */
