#include "cluster/member_list.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct member *member_list_find(struct member_list *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

static void add(struct member_list *list, const char *name, struct member_rank rank)
{
	if (list->count == MEMBERS_MAX || member_list_find(list, name))
		return;
	struct member *m = &list->v[list->count++];
	*m = (struct member){.rank = rank};
	snprintf(m->name, sizeof(m->name), "%s", name);
}

static bool has_v4_loopback(const struct dns_answer *answer)
{
	struct addr home;
	addr_literal(&home, "127.0.0.1", answer->count ? addr_port(&answer->addrs[0]) : 0);
	for (int i = 0; i < answer->count; i++)
		if (addr_same(&answer->addrs[i], &home))
			return true;
	return false;
}

static bool is_v6_loopback(const struct addr *addr)
{
	struct addr home;
	addr_literal(&home, "::1", addr_port(addr));
	return addr_same(addr, &home);
}

void member_list_add(struct member_list *list, const char *host, int port, struct member_rank rank,
		     const struct dns_answer *answer)
{
	struct hostport hp = {.port = port};
	char name[MEMBER_NAME_MAX];
	/* "localhost" is one server, not two. */
	bool one_home = has_v4_loopback(answer);
	int count = answer->count;
	for (int i = 0; i < answer->count; i++)
		count -= one_home && is_v6_loopback(&answer->addrs[i]);
	snprintf(hp.host, sizeof(hp.host), "%s", host);
	hostport_text(name, &hp);
	if (count == 1)
		add(list, name, rank);
	for (int i = 0; i < answer->count && count > 1; i++) {
		if (one_home && is_v6_loopback(&answer->addrs[i]))
			continue;
		addr_text(name, &answer->addrs[i]);
		add(list, name, rank);
	}
}

int member_list_replace(struct member_list *was, const struct member_list *is, const char *text)
{
	struct member_list *next = mem_new(struct member_list);
	int changes = 0;
	*next = *is;
	for (int i = 0; i < next->count; i++) {
		bool old = member_list_find(was, next->v[i].name) != NULL;
		if (!old)
			log_info("%s: %s is a member now", text, next->v[i].name);
		changes += !old;
	}
	for (int i = 0; i < was->count; i++) {
		if (member_list_find(next, was->v[i].name))
			continue;
		log_info("%s: %s is no longer a member", text, was->v[i].name);
		changes++;
	}
	*was = *next;
	free(next);
	return changes;
}
