/* ingest_pull - a stream over RTMP or HTTP-FLV that is fetched without a program, and published here as an
 * encoder's would be: hooks are asked, rivals yield. Layer: task. */
#pragma once
#include "task/tasks.h"

struct ingest_pull;

/* Whether that URL can be fetched so. */
bool ingest_pull_takes(const char *url);
/* Fetches `url` for the stream that an RTMP URL of this server names. It runs among the server's services until
 * ingest_pull_end() or the end of those. `name` is for the log. NULL when a URL cannot be read, which is
 * logged. */
struct ingest_pull *ingest_pull_start(struct server *server, const char *name, const char *url,
				      const char *output);
/* In the background; clears. NULL is fine. */
void ingest_pull_end(struct ingest_pull **pull);
void ingest_pull_facts(const struct ingest_pull *pull, struct ingest_facts *out);
