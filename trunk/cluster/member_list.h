/* member_list - the servers behind one text, as the resolver has them. Layer: cluster. */
#pragma once
#include "net/addr.h"
#include "net/dns.h"

enum { MEMBERS_MAX = 64, MEMBER_NAME_MAX = HOST_MAX + 8 };
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

struct member_list {
	int count;
	struct member v[MEMBERS_MAX];
};

/* The member of that name, or NULL. Borrowed until the list changes. */
struct member *member_list_find(struct member_list *list, const char *name);
/* Adds the addresses of one host: by the name when there is one address, else by the addresses.
 * 127.0.0.1 and ::1 are one. What is in the list already, or one too many, is left out. */
void member_list_add(struct member_list *list, const char *host, int port, struct member_rank rank,
		     const struct dns_answer *answer);
/* The names that `is` has and `was` lacks come, the other ones go. One line in the log for each. Returns how many changed. */
int member_list_replace(struct member_list *was, const struct member_list *is, const char *text);
