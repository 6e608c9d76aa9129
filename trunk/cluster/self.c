#include "cluster/self.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/peer.h"
#include "net/addr.h"

#include <stdlib.h>
#include <string.h>

enum {
	SELF_MS = 60000,  /* an address may be another server's later */
	LOCAL_MS = 10000, /* or become one of this host's */
};

/* What is asked for each member at each play and publish, of the kernel, is remembered. */
static bool is_local(const struct cluster *cluster, const char *name, const struct addr *addr)
{
	struct peer *p = peer_get(cluster->peers, name);
	if (clock_ms() >= p->local_until_ms) {
		p->is_local = addr_is_local(addr);
		p->local_until_ms = clock_after(LOCAL_MS);
	}
	return p->is_local;
}

static bool is_everywhere(const char *host)
{
	return !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

/* `listen` is "port" or "address:port"; the address is that of the member called `name`. */
static bool listens_at(const struct cluster *cluster, const char *listen, const char *name,
		       const struct addr *addr)
{
	struct hostport own;
	struct addr at;
	if (!hostport_listen(&own, listen) || own.port != addr_port(addr))
		return false;
	if (is_everywhere(own.host))
		return is_local(cluster, name, addr);
	return addr_literal(&at, own.host, own.port) && addr_same(&at, addr);
}

static bool is_own_address(const struct cluster *cluster, enum member_kind kind, const char *name)
{
	const struct conf *conf = cluster->server->conf;
	struct hostport hp;
	struct addr addr;
	if (hostport_parse(&hp, name, 0) != OK)
		return false;
	if (!addr_literal(&addr, strcmp(hp.host, "localhost") ? hp.host : "127.0.0.1", hp.port))
		return false;
	if (kind == MEMBER_API)
		return conf->http_api.enabled &&
		       listens_at(cluster, conf->http_api.listen, name, &addr);
	for (int i = 0; i < conf->listen.count; i++)
		if (listens_at(cluster, conf->listen.v[i], name, &addr))
			return true;
	for (int i = 0; conf->rtmps.enabled && i < conf->rtmps.listen.count; i++)
		if (listens_at(cluster, conf->rtmps.listen.v[i], name, &addr))
			return true;
	return false;
}

bool self_is(const struct cluster *cluster, enum member_kind kind, const char *name)
{
	const struct peer *p = peer_known(cluster->peers, name);
	return (p && clock_ms() < p->own_until_ms) || is_own_address(cluster, kind, name);
}

void own_address_add(struct cluster *cluster, const char *name)
{
	struct peer *p = peer_get(cluster->peers, name);
	if (!p->own_until_ms)
		log_info("%s is this server itself: it is not asked", name);
	p->own_until_ms = clock_after(SELF_MS);
}
