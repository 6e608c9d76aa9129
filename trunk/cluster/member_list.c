#include "cluster/member_list.h"
#include "base/log.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void member_list_fini(struct member_list *list)
{
	free(list->v);
	*list = (struct member_list){0};
}

struct member *member_list_find(struct member_list *list, const char *name)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

bool member_list_take(struct member_list *list, const struct member *member)
{
	if (member_list_find(list, member->name))
		return true;
	if (list->count == MEMBERS_MAX)
		return false;
	vec_reserve(list->v, list->room, list->count + 1);
	list->v[list->count++] = *member;
	return true;
}

static void add(struct member_list *list, const char *name, struct member_rank rank)
{
	struct member m = {.rank = rank};
	snprintf(m.name, sizeof(m.name), "%s", name);
	(void)member_list_take(list, &m);
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

int member_list_replace(struct member_list *was, struct member_list *is, const char *text)
{
	int changes = 0;
	for (int i = 0; i < is->count; i++) {
		bool old = member_list_find(was, is->v[i].name) != NULL;
		if (!old)
			log_info("%s: %s is a member now", text, is->v[i].name);
		changes += !old;
	}
	for (int i = 0; i < was->count; i++) {
		if (member_list_find(is, was->v[i].name))
			continue;
		log_info("%s: %s is no longer a member", text, was->v[i].name);
		changes++;
	}
	member_list_fini(was);
	*was = *is;
	*is = (struct member_list){0};
	return changes;
}
