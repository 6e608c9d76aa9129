/* relays - the pull or push that a source has, seen from outside. Layer: cluster. */
#pragma once
#include "cluster/announce.h"
#include "cluster/relay_facts.h"

struct cluster;
struct source;

/* Of the push or else the pull of that source; NULL when it has neither. Borrowed until the next
 * wait. */
const struct relay_facts *relays_facts(const struct cluster *cluster, const struct source *source);
/* The report of the source to another server that plays it from here: the run of its publisher,
 * which for a pulled stream is the one that its origin has told, and since when it has no media. */
struct stream_report relays_report(const struct cluster *cluster, const struct source *source);
