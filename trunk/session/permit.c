#include "session/permit.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/hooks.h"
#include "session/rules.h"
#include "session/signed_link.h"

#include <stdlib.h>

static err check_security(const struct request *r, struct outcome *o)
{
	if (security_allows(&r->vhost->security, r->publish, r->peer))
		return OK;
	return outcome_refuse(o, OUTCOME_DENIED, "this address may not %s here (security)",
			      r->publish ? "publish" : "play");
}

static err check_refer(const struct request *r, struct outcome *o)
{
	if (refer_allows(&r->vhost->refer, r->publish, r->page_url))
		return OK;
	return outcome_refuse(o, OUTCOME_DENIED,
			      "this page may not %s streams of this server (refer)",
			      r->publish ? "publish" : "play");
}

static err check_link(const struct request *r, struct outcome *o)
{
	enum link_action action = r->publish ? LINK_PUBLISH : LINK_PLAY;
	char why[LINK_WHY_MAX], ip[ADDR_TEXT_MAX];
	if (!signed_link_applies(&r->vhost->signed_links, action))
		return OK;
	addr_ip(ip, r->peer);
	char *path = *r->path_asked ? mem_strdup(r->path_asked)
				    : mem_printf("/%s/%s", r->target->app, r->target->stream);
	bool good = signed_link_check(&r->vhost->signed_links,
				      &(struct link_ask){
					      .action = action,
					      .app = r->target->app,
					      .stream = r->target->stream,
					      .path = path,
					      .param = r->target->param,
					      .proof = r->proof,
					      .ip = ip,
					      .now_s = clock_wall_ms() / 1000,
					      .end_s = &o->end_s,
				      },
				      why);
	free(path);
	return good ? OK : outcome_refuse(o, OUTCOME_DENIED, "%s", why);
}

/* HTTP has no connection that is asked about: SRS asks for RTMP clients only. */
static err ask_on_connect(const struct request *r, struct outcome *o)
{
	return r->http ? OK : hooks_ask(r, HOOK_ON_CONNECT, o);
}

bool permit_is_by_rules(const struct request *r)
{
	return r->http || !hooks_decide(r, HOOK_ON_CONNECT);
}

static const struct {
	err (*check)(const struct request *request, struct outcome *outcome) BLOCKS;
	bool for_relays; /* for servers of the cluster, too */
} checks[] = {
	{check_security, true},
	{check_refer, false},
	{check_link, false},
	{ask_on_connect, false},
};

err permit_check(const struct request *r, struct outcome *outcome)
{
	bool is_relay = request_is_proven_relay(r);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (!is_relay || checks[i].for_relays)
			TRY(checks[i].check(r, outcome));
	return OK;
}
