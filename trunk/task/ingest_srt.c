#include "task/ingest_srt.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/dns.h"
#include "session/own_publish.h"
#include "session/srt_feed.h"
#include "session/srt_options.h"
#include "session/srt_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKUP_MS = 5000, RETRY_MS = 500, RETRY_MAX_MS = 30000, STEADY_MS = 10000 };

struct ingest_srt {
	struct server *server;
	char *name, *url, *said_url; /* said_url: without a passphrase */
	struct own_publish publish;
	struct srt_url from;
	struct srt_options options;
	struct co *co;
	bool is_over;
	struct srt_link *link;
	struct srt_feed *feed; /* while it publishes */
	int64_t since_wall_ms;
	int failures;
	char reason[256];
};

/* ---- an attempt ---- */

static err publish(struct ingest_srt *i)
{
	struct srt_feed *feed = mem_new(struct srt_feed);
	int64_t began = clock_ms();
	feed->link = i->link;
	feed->opts = (struct ts_demux_opts){.program = (unsigned)i->from.program,
					    .audio = (unsigned)i->from.audio};
	i->feed = feed;
	i->since_wall_ms = clock_wall_ms();
	err e = srt_feed_run(feed, &i->publish.request);
	if (clock_ms() - began >= STEADY_MS)
		i->failures = 0;
	i->feed = NULL;
	free(feed);
	return e;
}

static err attempt(struct ingest_srt *i)
{
	struct dns_answer answer = {0};
	struct addr to;
	err e = dns_lookup(&answer, i->from.at.host, i->from.at.port, clock_after(LOOKUP_MS));
	if (!e)
		to = answer.addrs[0];
	dns_answer_fini(&answer);
	TRY(e);
	TRY(srt_link_connect(&i->link, &to, i->from.stream_id, &i->options));
	e = publish(i);
	srt_link_close(&i->link);
	return e;
}

/* ---- one after the other ---- */

static void note_failure(struct ingest_srt *i, err e)
{
	char reason[sizeof(i->reason)];
	snprintf(reason, sizeof(reason), "%s", err_trail(e));
	if (i->failures++ == 0 || strcmp(reason, i->reason) != 0)
		log_warn("ingest %s: nothing comes from %s now: %s", i->name, i->said_url, reason);
	memcpy(i->reason, reason, sizeof(reason));
}

static void pause_after(struct ingest_srt *i, err e)
{
	note_failure(i, e);
	int64_t until = clock_after(backoff_ms(i->failures, RETRY_MS, RETRY_MAX_MS));
	while (!i->is_over && clock_ms() < until && co_wait(until) != ERR_STOPPED)
		;
}

static void ingest_free(struct ingest_srt *i)
{
	own_publish_fini(&i->publish);
	free(i->name);
	free(i->url);
	free(i->said_url);
	free(i);
}

static void ingest_main(void *arg)
{
	struct ingest_srt *i = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	while (!i->is_over && !co_stopping()) {
		err e = attempt(i);
		if (i->is_over || e == ERR_STOPPED)
			break;
		pause_after(i, e);
	}
	i->co = NULL;
	if (i->is_over)
		ingest_free(i);
}

/* ---- its beginning ---- */

bool ingest_srt_takes(const char *url)
{
	return srt_url_is(url) && srt_bridge_is_built();
}

static err parse(struct ingest_srt *i, const char *output)
{
	TRY(own_publish_init(&i->publish, i->server, "ingest", output, NULL));
	/* A passphrase of this server's own ports is no other's business. */
	i->options = srt_options_of(i->publish.conf, NULL);
	i->options.passphrase = "";
	return srt_url_parse(&i->from, &i->options, i->url);
}

struct ingest_srt *ingest_srt_start(struct server *server, const char *name, const char *url,
				    const char *output)
{
	struct ingest_srt *i = mem_new(struct ingest_srt);
	i->server = server;
	i->name = mem_strdup(name);
	i->url = mem_strdup(url);
	i->said_url = mem_strndup(url, strcspn(url, "?"));
	err e = parse(i, output);
	if (e) {
		log_error("ingest %s: %s cannot be fetched for %s: %s", name, i->said_url, output,
			  err_trail(e));
		ingest_free(i);
		return NULL;
	}
	i->since_wall_ms = clock_wall_ms();
	log_info("ingest %s: %s is fetched for %s", name, i->said_url, i->publish.key);
	i->co = co_start_in(&server->services, "ingest", ingest_main, i);
	return i;
}

void ingest_srt_end(struct ingest_srt **ingest)
{
	struct ingest_srt *i = *ingest;
	*ingest = NULL;
	if (!i)
		return;
	i->is_over = true;
	if (!i->co) {
		ingest_free(i);
		return;
	}
	if (i->feed)
		publication_stop(&i->feed->feed.publication, OUTCOME_ENDED, "the ingest ends");
	co_wake(i->co);
}

void ingest_srt_facts(const struct ingest_srt *i, struct ingest_facts *out)
{
	*out = (struct ingest_facts){
		.name = i->name,
		.url = i->said_url,
		.key = i->publish.key,
		.is_live = i->feed && i->feed->feed.publication.state == PUBLICATION_LIVE,
		.since_wall_ms = i->since_wall_ms,
		.failures = i->failures,
		.reason = i->reason,
	};
}
