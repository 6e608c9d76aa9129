/* The resolver's cache holds on to an expired answer while its server is silent, so a failure here
 * means that the name has no addresses any more. */
#include "cluster/member_resolve.h"
#include "base/mem.h"
#include "net/addr.h"

#include <stdlib.h>

enum {
	LOOKUP_MS = 5000, /* for one answer; the question goes on */
	AGAIN_MS = 1000,  /* after a failure */
};

bool member_is_srv(const char *text)
{
	return *text == '_';
}

/* The expiry of what was added. A name that cannot be resolved adds nothing. */
static int64_t add_host(struct member_list *list, const char *host, int port,
			struct member_rank rank)
{
	struct dns_answer answer = {0};
	int64_t expires = clock_after(AGAIN_MS);
	if (dns_lookup(&answer, host, port, clock_after(LOOKUP_MS)) == OK) {
		member_list_add(list, host, port, rank, &answer);
		expires = answer.expires_ms;
	}
	dns_answer_fini(&answer);
	return expires;
}

static int64_t add_targets(struct member_list *list, const char *name)
{
	struct dns_srv_answer answer = {0};
	int64_t expires = clock_after(AGAIN_MS);
	if (dns_lookup_srv(&answer, name, clock_after(LOOKUP_MS)) == OK)
		expires = answer.expires_ms;
	for (int i = 0; i < answer.count; i++) {
		const struct dns_srv *t = &answer.targets[i];
		int64_t until = add_host(list, t->host, t->port,
					 (struct member_rank){t->priority, t->weight});
		expires = until < expires ? until : expires;
	}
	dns_srv_answer_fini(&answer);
	return expires;
}

int64_t member_resolve(struct member_list *list, const char *text, int port)
{
	struct hostport hp;
	if (member_is_srv(text))
		return add_targets(list, text);
	if (hostport_parse(&hp, text, port) == OK)
		return add_host(list, hp.host, hp.port, (struct member_rank){0});
	return CLOCK_NEVER;
}

bool member_is_literal(const char *text, int port)
{
	struct hostport hp;
	struct addr addr;
	bool parsed = !member_is_srv(text) && hostport_parse(&hp, text, port) == OK;
	return parsed && addr_literal(&addr, hp.host, hp.port);
}
