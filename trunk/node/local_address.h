/* local_address - which address this machine is known by. Layer: node. */
#pragma once
#include "net/addr.h"

/* The n-th address of its interfaces, from 0: those of IPv4 first, then those of IPv6, the loopback last; the
 * first where there are not so many. SRS_DEVICE_IP of the environment stands above all. */
void local_address(char out[static ADDR_TEXT_MAX], int n);
