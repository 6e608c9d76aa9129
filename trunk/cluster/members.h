/* members - the servers behind the texts of `coworkers` and `origin`. Layer: cluster.
 *
 * A text is a literal "10.0.0.7:1985", a host name "origins.example.org:1985", all of whose
 * addresses are members, or an SRV name, "_srs._tcp.example.org", known by its underscore, whose
 * targets bring their own ports. Names are asked again in the background when their answer
 * expires; while the resolver is silent the members stay. What the current configuration does not
 * name any more is forgotten at once. */
#pragma once
#include "cluster/member_list.h"
#include "conf/conf.h"
#include "node/server.h"

struct members *members_new(void);
void members_free(struct members **members);
/* Watches the names of the current configuration and forgets all others. */
void members_follow(struct cluster *cluster);

/* Adds the members behind these texts, one's own addresses left out, each once. A text that has not
 * been resolved yet is waited for until the deadline; a host name without an address is a member
 * by its name, so that whoever connects can tell what is wrong with it. Gives how many texts were not resolved. */
int members_list(struct cluster *cluster, enum member_kind kind, const struct text_list *texts,
		 struct member_list *out, int64_t deadline) BLOCKS;

/* For whoever asks a member. What we lack ourselves (ERR_LOCAL) is no failure of the member. */
void members_answered(struct cluster *cluster, const char *name);
void members_failed(struct cluster *cluster, const char *name, err e, const char *reason);

/* For whoever has asked the coworkers and did not hear from all: how often one has joined, and how often
 * one has answered again that had failed. */
struct members_news {
	uint64_t joined, returned;
};
struct members_news members_news(const struct cluster *cluster);
/* Wakes the caller at each of them, until it does not want to hear any more. */
struct members_hearer {
	struct members_hearer *prev, *next;
	struct co *co;
};
void members_subscribe(struct cluster *cluster, struct members_hearer *subscriber);
void members_unhear(struct cluster *cluster, struct members_hearer *subscriber);
