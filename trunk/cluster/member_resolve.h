/* member_resolve - from a text of the configuration to the servers behind it. Layer: cluster.
 * The three kinds of texts: see members.h. */
#pragma once
#include "cluster/member_list.h"
#include "co/co.h"

/* An SRV name, whose targets bring their own ports. */
bool member_is_srv(const char *text);
/* An address, which nobody needs to be asked for: member_resolve() does not block. */
bool member_is_literal(const char *text, int port);
/* Adds what is behind it, at that port if it names none. A name that cannot be resolved adds nothing.
 * Returns when to look again. */
int64_t member_resolve(struct member_list *list, const char *text, int port) BLOCKS;
