/* notice - what is logged about a peer that may repeat itself for ever: one line for an address
 * and minute. Layer: node. */
#pragma once
#include <stdbool.h>

struct notices;
struct notices *notices_new(void);
void notices_free(struct notices **notices);
/* True when the address has had no line for a minute: it gets one now. When there are very many
 * addresses, the new ones get none; counters tell of them. */
bool notice_is_due(struct notices *notices, const char *ip);
