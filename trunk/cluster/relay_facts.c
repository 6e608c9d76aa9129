#include "cluster/relay_facts.h"
#include "cluster/link.h"

#include <stdio.h>
#include <string.h>

enum relay_meeting relay_facts_meet(struct relay_facts *facts, const struct link *link)
{
	enum relay_meeting meeting = !*facts->peer                          ? MEET_FIRST
				     : strcmp(facts->peer, link->name) == 0 ? MEET_SAME
									    : MEET_OTHER;
	snprintf(facts->id, sizeof(facts->id), "%s", co_id());
	snprintf(facts->node, sizeof(facts->node), "%s", link->node);
	snprintf(facts->api, sizeof(facts->api), "%s", link->api);
	if (meeting == MEET_SAME)
		return meeting;
	snprintf(facts->peer, sizeof(facts->peer), "%s", link->name);
	facts->since_wall_ms = clock_wall_ms();
	facts->switches += meeting == MEET_OTHER;
	return meeting;
}
