/* members - the servers behind the texts of `coworkers` and `origin`. Layer: cluster.
 *
 * A text is a literal "10.0.0.7:1985", a host name "origins.example.org:1985", all of whose
 * addresses are members, or an SRV name, "_srs._tcp.example.org", known by its underscore, whose
 * targets bring their own ports. Names are asked again in the background when their answer
 * expires; while the resolver is silent the members stay. What the current configuration does not
 * name any more is forgotten at once. */
#pragma once
#include "conf/conf.h"
#include "net/addr.h"
#include "node/server.h"

enum { MEMBERS_MAX = 64, MEMBER_NAME_MAX = HOST_MAX + 8 };
enum member_kind { MEMBER_API, MEMBER_RTMP, MEMBER_FLV }; /* coworkers; origins, over HTTP */

/* What asking one member has shown. */
struct member_health {
	bool alive; /* the last question was answered; true before the first one */
	int64_t failed_wall_ms;
	uint64_t failed;
	char reason[160]; /* of the last failure */
};

/* Of an SRV target; zeros for what has no such record. */
struct member_rank {
	int priority; /* lower ones first */
	int weight;   /* its share among those of one priority */
};

struct member {
	char name[MEMBER_NAME_MAX]; /* "host:port" to connect to, which is also what it is called */
	struct member_rank rank;
	struct member_health health;
};

struct members *members_new(void);
void members_free(struct members **members);
/* Watches the names of the current configuration and forgets all others. */
void members_follow(struct server *server);

/* The members behind these texts, one's own addresses left out, each once. A text that has not
 * been resolved yet is waited for until the deadline; a host name without an address is a member
 * by its name, so that whoever connects can tell what is wrong with it. Returns the count. */
int members_list(struct server *server, enum member_kind kind, const struct text_list *texts,
		 struct member out[static MEMBERS_MAX], int64_t deadline) BLOCKS;

/* For whoever asks a member. */
void members_answered(struct server *server, const char *name);
void members_failed(struct server *server, const char *name, const char *reason);
/* The member turned out to be this server: it is left out for a while. */
void members_is_self(struct server *server, const char *name);

/* ---- for tests ---- */

struct member_list {
	int count;
	struct member v[MEMBERS_MAX];
};
/* The names that `is` has and `was` lacks come, the other ones go; health stays with those that
 * stay. One line in the log for each. Returns how many changed. */
int member_list_replace(struct member_list *was, const struct member_list *is, const char *text);
/* Adds the addresses of one host: by the name when there is one address, else by the addresses.
 * 127.0.0.1 and ::1 are one. */
struct dns_answer;
void member_list_add(struct member_list *list, const char *host, int port, struct member_rank rank,
		     const struct dns_answer *answer);
