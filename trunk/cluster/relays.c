#include "cluster/relays.h"
#include "cluster/pull.h"
#include "cluster/push_parts.h"

#include <stdio.h>

/* While there is a push, a publisher of this server feeds the source, and a pull rests. */
const struct relay_facts *relays_facts(const struct cluster *cluster, const struct source *source)
{
	const struct push *push = push_shown(cluster, source);
	const struct pull *pull = map_get(cluster->pulls, source->key);
	return push ? push_facts(push) : pull ? &pull->facts : NULL;
}

static void run_of_pull(struct stream_report *out, const struct pull *pull)
{
	snprintf(out->run, sizeof(out->run), "%s", pull->run.id);
	out->lost_ms = pull->facts.loss.since_ms;
}

/* The beginning of the publish tells one run from the next; the start of the process tells its servers
 * apart. */
static void run_of_publisher(struct stream_report *out, const struct cluster *cluster,
			     const struct source *source)
{
	if (source_is_live(source))
		snprintf(out->run, sizeof(out->run), "%s-%llx", cluster->server->service_id,
			 (unsigned long long)source->since_ms);
	else
		out->lost_ms = source->since_ms;
}

struct stream_report relays_report(const struct cluster *cluster, const struct source *source)
{
	struct stream_report report = {0};
	const struct pull *pull = map_get(cluster->pulls, source->key);
	if (pull && !source_is_published(source))
		run_of_pull(&report, pull);
	else
		run_of_publisher(&report, cluster, source);
	return report;
}
