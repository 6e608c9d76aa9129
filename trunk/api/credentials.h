/* credentials - who calls the API, and what they may do. Layer: api. */
#pragma once
#include "conf/conf.h"
#include "http/http.h"

/* What may be done. Servers of the cluster that sign have no scopes: their calls are their own. */
enum { SCOPE_READ = 1, SCOPE_KICK = 2, SCOPE_CONFIG = 4, SCOPE_ALL = 7 };
enum { CALLER_NAME_MAX = 64 };

struct caller {
	char name[CALLER_NAME_MAX];
	unsigned scopes;
};

/* Whom the Authorization header of the request names rightly; false: nobody. All that are configured are compared,
 * each in constant time, whichever it is. */
bool credentials_check(struct caller *out, const struct conf_http_api *api,
		       const struct http_message *request);
/* "read", "kick", "config". */
const char *scope_name(unsigned scope);
