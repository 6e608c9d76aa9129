/* member_list - the servers behind one text, as the resolver has them. Layer: cluster. */
#pragma once
#include "net/addr.h"
#include "net/dns.h"

/* More of them than MEMBERS_MAX are left out, with a line in the log: each miss asks all of them. */
enum { MEMBERS_MAX = 1024, MEMBER_NAME_MAX = HOST_MAX + 8 };
/* Coworkers; origins, by how they are reached. */
enum member_kind { MEMBER_API, MEMBER_RTMP, MEMBER_RTMPS, MEMBER_FLV, MEMBER_FLVS };

/* Of an SRV target; zeros for what has no such record. */
struct member_rank {
	int priority; /* lower ones first */
	int weight;   /* its share among those of one priority */
};

struct member {
	char name[MEMBER_NAME_MAX]; /* "host:port" to connect to, which is also what it is called */
	struct member_rank rank;
};

/* Begins as zeroed memory. */
struct member_list {
	int count, room;
	struct member *v;
};
void member_list_fini(struct member_list *list);

/* The member of that name, or NULL. Borrowed until the list changes. */
struct member *member_list_find(struct member_list *list, const char *name);
/* Adds one unless its name is there; false when it has no room. */
bool member_list_take(struct member_list *list, const struct member *member);
/* Adds the addresses of one host: by the name when there is one address, else by the addresses.
 * 127.0.0.1 and ::1 are one. What is in the list already, or one too many, is left out. */
void member_list_add(struct member_list *list, const char *host, int port, struct member_rank rank,
		     const struct dns_answer *answer);
/* The names that `is` has and `was` lacks come, the other ones go, and
 * `is` is empty then. One line in the log for each. Returns how many changed. */
int member_list_replace(struct member_list *was, struct member_list *is, const char *text);
