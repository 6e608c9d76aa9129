#include "session/rules.h"
#include "base/span.h"

#include <string.h>
#include <strings.h>

/* ---- security ---- */

static bool rule_matches(const char *rule, bool publish, const struct addr *peer)
{
	const char *action = publish ? "publish " : "play ";
	size_t n = strlen(action);
	if (strncmp(rule, action, n) != 0)
		return false;
	return strcmp(rule + n, "all") == 0 || addr_within(peer, rule + n);
}

static bool any_matches(const struct text_list *rules, bool publish, const struct addr *peer)
{
	for (int i = 0; i < rules->count; i++)
		if (rule_matches(rules->v[i], publish, peer))
			return true;
	return false;
}

bool security_allows(const struct conf_security *conf, bool publish, const struct addr *peer)
{
	if (!conf->enabled)
		return true;
	if (any_matches(&conf->deny, publish, peer))
		return false;
	if (any_matches(&conf->allow, publish, peer))
		return true;
	return conf->allow.count == 0 && conf->deny.count > 0;
}

/* ---- refer ---- */

/* The host of "https://host:port/path". */
static struct span page_host(const char *url)
{
	const char *p = strstr(url, "://");
	p = p ? p + 3 : url;
	size_t authority = strcspn(p, "/?#");
	const char *at = memrchr(p, '@', authority);
	if (at) {
		authority -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	size_t n = 0;
	if (*p == '[')
		n = strcspn(p, "]") + 1;
	else
		n = strcspn(p, ":/?#");
	n = n < authority ? n : authority;
	if (n > 0 && p[n - 1] == '.')
		n--;
	return span_of(p, n);
}

static bool is_below(struct span host, const char *domain)
{
	size_t n = strlen(domain);
	if (n == 0 || host.n < n)
		return false;
	const char *end = (const char *)host.p + host.n - n;
	return strncasecmp(end, domain, n) == 0 && (host.n == n || end[-1] == '.');
}

static bool list_allows(const struct text_list *domains, struct span host)
{
	for (int i = 0; i < domains->count; i++)
		if (is_below(host, domains->v[i]))
			return true;
	return domains->count == 0;
}

bool refer_allows(const struct conf_refer *conf, bool publish, const char *page_url)
{
	const struct text_list *own = publish ? &conf->publish : &conf->play;
	if (!conf->enabled || (conf->all.count == 0 && own->count == 0))
		return true;
	if (!*page_url)
		return conf->allow_empty;
	struct span host = page_host(page_url);
	return list_allows(&conf->all, host) && list_allows(own, host);
}
