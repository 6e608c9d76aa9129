/* rules - who may publish and play by address (security) and by the page it comes from (refer).
 * Layer: session. Directives and order of evaluation are those of SRS; where SRS matches too much or too
 * little (a domain without regard to its dots, IPv6 as text) this does what the rule says. */
#pragma once
#include "base/addr.h"
#include "conf/conf.h"

/* True when the address may do that. Any deny that matches refuses; else any allow that matches accepts;
 * else it is refused where there is an allow, or no rule at all. */
bool security_allows(const struct conf_security *conf, bool publish, const struct addr *peer);
/* True when the page is of a listed domain or below one. `page_url` is "" when the client names none. */
bool refer_allows(const struct conf_refer *conf, bool publish, const char *page_url);
