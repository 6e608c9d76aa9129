/* Names. c-ares asks; its descriptors are level-triggered in the reactor, since it does not read
 * until EAGAIN, and its timeouts are one timer. Around it a small cache: one struct dns_question per
 * name and kind, which has an answer, is being asked, or both. Whoever needs the name waits on
 * its question. Callbacks of c-ares run in the reactor or inside the call that asks. */
#include "net/dns.h"

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "net/dns_srv.h"

#include <ares.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	TRY_MS = 1000, /* doubled at each further try */
	TRIES = 3,
	TTL_MIN_MS = 1000,
	TTL_MAX_MS = 300 * 1000,
	TTL_HOSTS_MS = 60 * 1000, /* the hosts file has no lifetimes */
	STALE_WAIT_MS = 500,      /* for a fresh answer, when there is an expired one */
	AGAIN_MS = 1000,          /* between questions that failed */
	QUESTIONS_MAX = 512,      /* names may come from peers, by redirects */
	CLASS_IN = 1,
	TYPE_SRV = 33,
};

struct asker {
	struct co *co;
	struct asker *prev, *next;
};

struct dns_question {
	const char *name; /* in the key */
	bool is_srv;
	bool asking;
	bool has_answer;
	bool silent;        /* somebody waited for this in vain */
	int status;         /* of the last attempt, of c-ares */
	int64_t again_ms;   /* not to be asked before */
	int64_t expires_ms; /* of the answer */
	struct dns_answer addrs;
	struct dns_srv_answer targets;
	struct asker *askers;
	char key[HOST_MAX + 2]; /* of the map: "a:host" or "s:name" */
};

struct dns_fd {
	struct reactor_fd rfd; /* first: the reactor gives it back */
	struct dns_fd *prev, *next;
};

void dns_answer_fini(struct dns_answer *answer)
{
	free(answer->addrs);
	*answer = (struct dns_answer){0};
}

void dns_srv_answer_fini(struct dns_srv_answer *answer)
{
	free(answer->targets);
	*answer = (struct dns_srv_answer){0};
}

static struct {
	ares_channel channel;
	struct timer timer;
	struct dns_fd *fds;
	struct map *questions;
	struct dns_question *starting; /* c-ares is being called for it */
	int askers;
	bool ready;
} dns;

static void timer_follow(void)
{
	struct timeval tv;
	if (ares_timeout(dns.channel, NULL, &tv))
		timer_set(&dns.timer, clock_ms() + tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
	else
		timer_cancel(&dns.timer);
}

static void timed_out(struct timer *timer)
{
	(void)timer;
	ares_process_fd(dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	timer_follow();
}

static void fd_event(struct reactor_fd *rfd)
{
	int fd = rfd->fd;
	unsigned ready = rfd->ready;
	rfd->ready = 0;
	/* rfd may be gone when c-ares returns. */
	ares_process_fd(dns.channel, ready & (REACTOR_IN | REACTOR_HUP) ? fd : ARES_SOCKET_BAD,
			ready & REACTOR_OUT ? fd : ARES_SOCKET_BAD);
	timer_follow();
}

static void fd_wanted(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns_fd *f;
	(void)data;
	DL_FOREACH (dns.fds, f) {
		if (f->rfd.fd == fd)
			break;
	}
	if (!readable && !writable) {
		if (!f)
			return;
		reactor_remove(&f->rfd);
		DL_DELETE(dns.fds, f);
		free(f);
		return;
	}
	if (!f) {
		f = mem_new(struct dns_fd);
		f->rfd.on_event = fd_event;
		DL_APPEND(dns.fds, f);
	}
	unsigned events = (readable ? REACTOR_IN : 0u) | (writable ? REACTOR_OUT : 0u);
	(void)reactor_add_level(&f->rfd, fd, events); /* else the question times out */
}

static void question_done(struct dns_question *q, int status)
{
	struct asker *asker;
	q->asking = false;
	q->silent = false;
	q->status = status;
	if (status != ARES_SUCCESS)
		q->again_ms = clock_ms() + AGAIN_MS;
	if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
		dns_answer_fini(&q->addrs);
		dns_srv_answer_fini(&q->targets);
		q->has_answer = false;
	}
	DL_FOREACH (q->askers, asker)
		co_wake(asker->co);
}

/* Of what c-ares has found: an answer lives as long as its shortest record, aliases included. */
static int64_t shortest_ttl(const struct ares_addrinfo *info)
{
	int64_t ttl = INT32_MAX;
	for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
		ttl = n->ai_ttl < ttl ? n->ai_ttl : ttl;
	for (const struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
		ttl = c->ttl < ttl ? c->ttl : ttl;
	return ttl;
}

static int64_t lifetime(const struct dns_question *q, int64_t ttl_seconds)
{
	int64_t ms = ttl_seconds > TTL_MAX_MS / 1000 ? TTL_MAX_MS : ttl_seconds * 1000;
	if (dns.starting == q) /* answered without a look at the network */
		ms = TTL_HOSTS_MS;
	return clock_ms() + (ms < TTL_MIN_MS ? TTL_MIN_MS : ms);
}

static void add_addr(struct dns_answer *answer, const struct ares_addrinfo_node *n)
{
	struct addr addr = {.len = n->ai_addrlen};
	if (answer->count == DNS_ADDRS_MAX || n->ai_addrlen > sizeof(addr.sa))
		return;
	memcpy(&addr.sa, n->ai_addr, n->ai_addrlen);
	vec_reserve(answer->addrs, answer->room, answer->count + 1);
	answer->addrs[answer->count++] = addr;
}

static void got_addrs(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct dns_question *q = arg;
	(void)timeouts;
	if (status == ARES_SUCCESS) {
		q->addrs.count = 0;
		for (struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
			add_addr(&q->addrs, n);
		q->has_answer = true;
		q->expires_ms = lifetime(q, shortest_ttl(info));
	}
	if (info)
		ares_freeaddrinfo(info);
	question_done(q, status);
}

static void got_srv(void *arg, int status, int timeouts, unsigned char *packet, int size)
{
	struct dns_question *q = arg;
	(void)timeouts;
	if (status == ARES_SUCCESS) {
		int64_t ttl = 0;
		struct dns_srv_answer answer = {0};
		status = dns_srv_parse(&answer, &ttl, packet, size) ? ARES_SUCCESS : ARES_EBADRESP;
		if (status == ARES_SUCCESS) {
			dns_srv_answer_fini(&q->targets);
			q->targets = answer;
			q->has_answer = true;
			q->expires_ms = lifetime(q, ttl);
		} else {
			dns_srv_answer_fini(&answer);
		}
	}
	question_done(q, status);
}

static void question_ask(struct dns_question *q)
{
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	q->asking = true;
	dns.starting = q;
	if (q->is_srv)
		ares_search(dns.channel, q->name, CLASS_IN, TYPE_SRV, got_srv, q);
	else
		ares_getaddrinfo(dns.channel, q->name, NULL, &hints, got_addrs, q);
	dns.starting = NULL;
	timer_follow();
}

static void question_free(struct dns_question *q)
{
	map_remove(dns.questions, q->key);
	dns_answer_fini(&q->addrs);
	dns_srv_answer_fini(&q->targets);
	free(q);
}

/* Throws out those that nobody waits for: the expired ones, or any when that does not help. */
static void questions_trim(void)
{
	for (int any = 0; any < 2 && map_count(dns.questions) >= QUESTIONS_MAX; any++) {
		int64_t now = clock_ms();
		for (struct map_iter it = map_begin(dns.questions); map_next(&it);) {
			struct dns_question *q = it.value;
			if (!q->asking && !q->askers && (any || q->expires_ms <= now))
				question_free(q);
		}
	}
}

static struct dns_question *question_get(const char *name, bool is_srv)
{
	char key[sizeof(((struct dns_question *)NULL)->key)];
	snprintf(key, sizeof(key), "%s%s", is_srv ? "s:" : "a:", name);
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	struct dns_question *q = map_get(dns.questions, key);
	if (q)
		return q;
	questions_trim();
	q = mem_new(struct dns_question);
	memcpy(q->key, key, sizeof(key));
	q->name = q->key + 2;
	q->is_srv = is_srv;
	map_set(dns.questions, q->key, q);
	return q;
}

static err question_failed(const struct dns_question *q, const char *reason)
{
	return err_fail(ERR_NAME, "resolve %s: %s", q->name, reason);
}

/* Sleeps until the question is answered, or the deadline, or shortly if an old answer will do. */
static err question_wait(struct dns_question *q, int64_t deadline)
{
	int64_t shortly = clock_ms() + STALE_WAIT_MS;
	struct asker me = {.co = co_self()};
	err e = OK;
	if (q->has_answer && shortly < deadline)
		deadline = shortly;
	DL_APPEND(q->askers, &me);
	dns.askers++;
	while (q->asking && e == OK)
		e = co_wait(deadline);
	dns.askers--;
	DL_DELETE(q->askers, &me);
	return e;
}

/* OK when the question has an answer, fresh or as fresh as can be had. */
static err question_answer(struct dns_question *q, int64_t deadline)
{
	int64_t now = clock_ms();
	if (q->has_answer && (now < q->expires_ms || now < q->again_ms || q->silent))
		return OK;
	if (!q->asking && now < q->again_ms)
		return question_failed(q, ares_strerror(q->status));
	if (!q->asking)
		question_ask(q);
	err e = question_wait(q, deadline);
	if (e == ERR_STOPPED)
		return e;
	if (q->has_answer) {
		q->silent = q->asking;
		return OK;
	}
	return question_failed(q,
			       e == ERR_TIMEOUT ? "no answer in time" : ares_strerror(q->status));
}

/* When to ask again; soon, when the answer is an old one. */
static int64_t question_expiry(const struct dns_question *q)
{
	int64_t soon = clock_ms() + AGAIN_MS;
	return q->expires_ms < soon - AGAIN_MS ? soon : q->expires_ms;
}

err dns_lookup(struct dns_answer *out, const char *host, int port, int64_t deadline)
{
	struct addr literal;
	out->count = 0;
	if (addr_literal(&literal, host, port)) {
		vec_reserve(out->addrs, out->room, 1);
		out->addrs[out->count++] = literal;
		out->expires_ms = CLOCK_NEVER;
		return OK;
	}
	check(dns.ready);
	if (!*host || strlen(host) >= HOST_MAX)
		return err_fail(ERR_NAME, "resolve \"%.80s\": not a host name", host);
	struct dns_question *q = question_get(host, false);
	TRY(question_answer(q, deadline));
	vec_reserve(out->addrs, out->room, q->addrs.count);
	for (; out->count < q->addrs.count; out->count++) {
		out->addrs[out->count] = q->addrs.addrs[out->count];
		addr_set_port(&out->addrs[out->count], port);
	}
	out->expires_ms = question_expiry(q);
	return OK;
}

err dns_lookup_srv(struct dns_srv_answer *out, const char *name, int64_t deadline)
{
	check(dns.ready);
	out->count = 0;
	if (!*name || strlen(name) >= HOST_MAX)
		return err_fail(ERR_NAME, "resolve \"%.80s\": not a name", name);
	struct dns_question *q = question_get(name, true);
	TRY(question_answer(q, deadline));
	vec_reserve(out->targets, out->room, q->targets.count);
	for (; out->count < q->targets.count; out->count++)
		out->targets[out->count] = q->targets.targets[out->count];
	out->expires_ms = question_expiry(q);
	return OK;
}

static err use_resolver(const char *resolver)
{
	struct hostport hp;
	struct addr addr;
	char text[HOST_MAX + 8];
	err e = hostport_parse(&hp, resolver, 53);
	if (e != OK)
		return err_add(e, "resolver");
	if (!addr_literal(&addr, hp.host, hp.port))
		return err_fail(ERR_CONFIG, "resolver %s: not an IP address", resolver);
	hostport_text(text, &hp);
	int status = ares_set_servers_ports_csv(dns.channel, text);
	if (status != ARES_SUCCESS)
		return err_fail(ERR_CONFIG, "resolver %s: %s", resolver, ares_strerror(status));
	return OK;
}

err dns_init(const char *resolver)
{
	struct ares_options options = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = fd_wanted,
	};
	check(!dns.ready);
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status != ARES_SUCCESS)
		return err_fail(ERR_SYSTEM, "c-ares: %s", ares_strerror(status));
	status = ares_init_options(&dns.channel, &options,
				   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		ares_library_cleanup();
		return err_fail(ERR_SYSTEM, "c-ares: %s", ares_strerror(status));
	}
	dns.timer.fn = timed_out;
	dns.questions = map_new();
	dns.ready = true;
	err e = resolver ? use_resolver(resolver) : OK;
	if (e != OK)
		dns_fini();
	return e;
}

void dns_fini(void)
{
	if (!dns.ready)
		return;
	dns.ready = false;
	ares_destroy(dns.channel); /* every question ends, and wakes those who wait */
	timer_cancel(&dns.timer);
	while (dns.askers > 0)
		co_yield ();
	for (struct map_iter it = map_begin(dns.questions); map_next(&it);)
		question_free(it.value);
	map_free(&dns.questions);
	ares_library_cleanup();
}
