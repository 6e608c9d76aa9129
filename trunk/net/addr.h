/* addr - what this host knows of addresses, beside base/addr.h. Layer: net. */
#pragma once
#include "base/addr.h"

/* True when this host has the address. */
bool addr_is_local(const struct addr *addr);
/* A public IPv4 or IPv6 address of this host; else any that is not loopback; else 127.0.0.1. */
void addr_of_host(char out[static ADDR_TEXT_MAX]);
