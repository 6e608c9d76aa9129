/* hook_queue - tells web services what has happened, when nobody waits for the answer: the end of a
 * publication, of a play, of a connection. Layer: node.
 *
 * A notice waits until its service has taken it, across a restart of that service: a few are sent at a time
 * to each URL, and while it does not answer one is tried again, at growing distances. The queue is bounded
 * in number and notices in age; what is dropped is counted, and told once for each outage. */
#pragma once
#include "base/span.h"
#include "co/co.h"

struct hook_queue;

struct hook_notice {
	const char *url;      /* copied */
	const char *tls_name; /* copied; that the certificate must have; NULL, "": its host's */
	const char *event;    /* a literal */
	const char
		*content_type; /* a literal; NULL: the URL is fetched (GET), any answer will do */
	struct span body;      /* copied */
	int64_t timeout_ms;    /* of one attempt */
	int64_t age_ms;        /* dropped when it could not be delivered for so long */
	size_t answer_max;     /* bytes of an answer that are read; 0: as hook.h says */
	int queue_max;         /* dropped when so many are waiting already */
};

struct hook_queue_facts {
	int waiting;
	int urls; /* that have notices, or are being told */
	uint64_t delivered, refused, retried, dropped;
};

struct certs;
/* The coroutines that deliver are of that group, which is stopped before hook_queue_free(). `certs` is
 * what is trusted of services over HTTPS; NULL: there are none. */
struct hook_queue *hook_queue_new(struct co_group *services, struct certs *certs);
/* NULL is fine; clears. What is left is counted as dropped and told. */
void hook_queue_free(struct hook_queue **queue);
/* Does not block. */
void hook_queue_put(struct hook_queue *queue, const struct hook_notice *notice);
/* Waits until nothing is left, or the deadline: for the end of the process. */
void hook_queue_drain(struct hook_queue *queue, int64_t deadline) BLOCKS;
struct hook_queue_facts hook_queue_facts(const struct hook_queue *queue);
