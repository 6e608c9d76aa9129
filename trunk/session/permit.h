/* permit - whether a client may do what it asks for: by its address (security), the page it comes from
 * (refer), the signature of its link, the word of a web service (on_connect). Layer: session, for the
 * admission. Each is a row of one table, in the order in which they are asked: what costs nothing first.
 *
 * Servers of the cluster, those that are proven (see request.h), need neither page nor link nor a web
 * service's word; `security` is for them, too. */
#pragma once
#include "session/outcome.h"
#include "session/request.h"

/* The answer follows from the configuration and the time alone: nobody else is asked. */
bool permit_is_by_rules(const struct request *request);
/* OK, or an error with the reason in the outcome. */
err permit_check(const struct request *request, struct outcome *outcome) BLOCKS;
