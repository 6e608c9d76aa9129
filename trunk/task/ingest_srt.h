/* ingest_srt - a stream that is fetched by SRT: a server is called, and what comes is published here as an encoder's
 * would be. Layer: task. */
#pragma once
#include "task/tasks.h"

struct ingest_srt;

/* As those of ingest_pull.h. */
bool ingest_srt_takes(const char *url);
struct ingest_srt *ingest_srt_start(struct server *server, const char *name, const char *url,
				    const char *output);
void ingest_srt_end(struct ingest_srt **ingest);
void ingest_srt_facts(const struct ingest_srt *ingest, struct ingest_facts *out);
