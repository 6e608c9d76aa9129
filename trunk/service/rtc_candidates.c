/* The order is that of SRS, so that clients which take the first one alone keep working. */
#include "service/rtc_candidates.h"
#include "base/mem.h"
#include "net/dns.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <strings.h>

enum { RESOLVE_MS = 2000 };

struct finding {
	struct rtc_candidates *out;
	const struct conf_rtc_server *conf;
	int udp, tcp; /* our ports; tcp 0: none */
};

/* UDP first; a port that is named with the address stands for both. */
static void add(const struct finding *f, const char *host, int port)
{
	if (f->conf->protocol != RTC_BY_TCP || !f->tcp)
		rtc_candidates_add(f->out, host, port ? port : f->udp, false);
	if (f->conf->protocol != RTC_BY_UDP && f->tcp)
		rtc_candidates_add(f->out, host, port ? port : f->tcp, true);
}

static void add_text(const struct finding *f, const char *text)
{
	struct hostport hp;
	if (*text && hostport_parse(&hp, text, 0) == OK)
		add(f, hp.host, hp.has_port ? hp.port : 0);
}

/* ---- the host that was asked ---- */

static bool is_of_use(const char *host)
{
	struct addr a;
	if (!*host || strcasecmp(host, "localhost") == 0)
		return false;
	return !addr_literal(&a, host, 0) || (!addr_is_loopback(&a) && !addr_is_any(&a));
}

static void add_resolved(const struct finding *f, const char *host)
{
	char ip[ADDR_TEXT_MAX];
	struct dns_answer answer = {0};
	if (dns_lookup(&answer, host, 0, clock_after(RESOLVE_MS)) == OK && answer.count &&
	    !addr_is_loopback(&answer.addrs[0])) {
		addr_ip(ip, &answer.addrs[0]);
		add(f, ip, 0);
	}
	dns_answer_fini(&answer);
}

static void add_asked(const struct finding *f, const char *host)
{
	struct addr a;
	if (!f->conf->api_as_candidates || !is_of_use(host))
		return;
	if (addr_literal(&a, host, 0)) {
		add(f, host, 0);
		return;
	}
	if (f->conf->keep_api_domain)
		add(f, host, 0);
	if (f->conf->resolve_api_domain)
		add_resolved(f, host);
}

/* ---- the configuration ---- */

/* The text that it stands for; "*": this host's addresses. */
static const char *meant(const char *text)
{
	if (*text == '$')
		text = getenv(text + 1);
	return !text || !*text || strcmp(text, "0.0.0.0") == 0 ? "*" : text;
}

/* True when this host's own are not wanted. */
static bool add_configured(const struct finding *f)
{
	bool own = f->conf->candidate.count == 0;
	for (int i = 0; i < f->conf->candidate.count; i++) {
		const char *text = meant(f->conf->candidate.v[i]);
		if (strcmp(text, "*") == 0)
			own = true;
		else
			add_text(f, text);
	}
	return !own;
}

/* ---- this host ---- */

static bool is_of_family(const struct finding *f, int family)
{
	return f->conf->ip_family == IP_FAMILY_ALL ||
	       family == (f->conf->ip_family == IP_FAMILY_V6 ? AF_INET6 : AF_INET);
}

/* An address of a link needs a zone, which means nothing to the peer. */
static bool is_link_local(const struct addr *a)
{
	return a->sa.ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->sa.v6.sin6_addr);
}

static void add_interface(const struct finding *f, const struct ifaddrs *i)
{
	char ip[ADDR_TEXT_MAX];
	struct addr a = {0};
	int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
	if ((family != AF_INET && family != AF_INET6) || !(i->ifa_flags & IFF_UP) ||
	    i->ifa_flags & IFF_LOOPBACK || !is_of_family(f, family))
		return;
	a.len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	memcpy(&a.sa, i->ifa_addr, a.len);
	if (is_link_local(&a))
		return;
	addr_ip(ip, &a);
	add(f, ip, 0);
}

static void add_interfaces(const struct finding *f)
{
	struct ifaddrs *list = NULL;
	if (!f->conf->detect_addresses || getifaddrs(&list) != 0)
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		add_interface(f, i);
	freeifaddrs(list);
}

void rtc_candidates_find(struct rtc_candidates *out, const struct rtc_hub *hub,
			 const struct conf *conf, const struct rtc_ask *ask,
			 const struct rtc_port *port)
{
	char ip[ADDR_TEXT_MAX];
	struct finding f = {
		.out = out,
		.conf = &conf->rtc_server,
		.udp = rtc_port_number(port),
		.tcp = hub->tcp_port,
	};
	memset(out, 0, sizeof(*out));
	add_text(&f, ask->address);
	add_asked(&f, ask->host);
	if (add_configured(&f) || out->count == RTC_CANDIDATES_MAX)
		return;
	add_interfaces(&f);
	if (out->count)
		return;
	addr_of_host(ip);
	add(&f, ip, 0);
}
