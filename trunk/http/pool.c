/* A list, newest first: there are a few per address, of a handful of coworkers. They are known by the
 * address and not by the name, which may stand for another server when it is asked for again. A kept
 * socket has no coroutine, so it must not wake one; what happened to it is looked at when it is
 * taken out again. One timer serves all, since they expire in the order of the list. */
#include "http/pool.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct idle {
	struct idle *prev, *next;
	struct http_link link;
	int64_t until_ms;
};

struct http_host {
	struct http_host *prev, *next;
	char name[HOST_MAX + 8];
	struct gate gate;
	int max;    /* inside */
	int visits; /* inside or in the queue */
};

static struct http_host *hosts; /* that are being visited */
static struct idle *idles;
static int idle_count;
static struct timer expiry;

/* ---- in use ---- */

static struct http_host *host_get(const char *name, int max)
{
	struct http_host *host;
	DL_FOREACH (hosts, host)
		if (strcmp(host->name, name) == 0)
			return host;
	host = mem_new(struct http_host);
	memcpy(host->name, name, strlen(name) + 1);
	host->max = host->gate.room = max;
	DL_PREPEND(hosts, host);
	return host;
}

err http_pool_enter(struct http_visit *visit, const char *host, int max, int64_t deadline)
{
	*visit = (struct http_visit){.host = host_get(host, max)};
	visit->host->visits++;
	err e = gate_enter(&visit->host->gate, &visit->pass, deadline);
	if (e == OK)
		return OK;
	max = visit->host->max;
	http_pool_leave(visit);
	return e == ERR_TIMEOUT ? err_fail(ERR_FULL, "%d others wait for an answer of it", max) : e;
}

void http_pool_leave(struct http_visit *visit)
{
	struct http_host *host = visit->host;
	gate_leave(&host->gate, &visit->pass);
	if (--host->visits > 0)
		return;
	DL_DELETE(hosts, host);
	free(host);
}

/* ---- kept ---- */

void http_link_close(struct http_link *link)
{
	http_conn_free(&link->conn);
	sock_close(&link->sock);
	tls_client_unref(&link->tls);
	free(link->tls_name);
	link->tls_name = NULL;
}

/* Takes it from the list; the link is the caller's. */
static struct http_link idle_remove(struct idle *idle)
{
	struct http_link link = idle->link;
	DL_DELETE(idles, idle);
	idle_count--;
	free(idle);
	return link;
}

static void idle_close(struct idle *idle)
{
	struct http_link link = idle_remove(idle);
	http_link_close(&link);
}

static struct idle *oldest(void)
{
	return idles ? idles->prev : NULL;
}

static void expire(struct timer *timer)
{
	while (idles && oldest()->until_ms <= clock_ms())
		idle_close(oldest());
	if (idles)
		timer_set(timer, oldest()->until_ms);
}

/* Input between two answers is a close, or something nobody asked for: both end its use. */
static bool is_quiet(struct http_link *link)
{
	uint8_t byte;
	size_t n;
	return sock_try_recv(link->sock, &byte, 1, &n) == ERR_AGAIN;
}

static bool fits(const struct http_link *link, const struct addr *to, const struct tls_client *tls,
		 const char *tls_name)
{
	return addr_same(sock_peer(link->sock), to) && link->tls == tls &&
	       (!tls || strcmp(link->tls_name, tls_name) == 0);
}

bool http_pool_get(struct http_link *out, const struct addr *to, const struct tls_client *tls,
		   const char *tls_name)
{
	struct idle *idle, *next;
	DL_FOREACH_SAFE (idles, idle, next) {
		if (!fits(&idle->link, to, tls, tls_name))
			continue;
		*out = idle_remove(idle);
		sock_attach(out->sock);
		out->reused = is_quiet(out);
		if (out->reused)
			return true;
		http_link_close(out);
	}
	return false;
}

static void make_room(const struct addr *to, int kept_max)
{
	struct idle *idle, *last = NULL;
	int same = 0;
	DL_FOREACH (idles, idle) {
		if (addr_same(sock_peer(idle->link.sock), to)) {
			last = idle;
			same++;
		}
	}
	if (same >= kept_max)
		idle_close(last);
	else if (idle_count >= POOL_TOTAL)
		idle_close(oldest());
}

void http_pool_put(struct http_link *link, int kept_max)
{
	make_room(sock_peer(link->sock), kept_max);
	struct idle *idle = mem_new(struct idle);
	idle->link = *link;
	idle->until_ms = clock_after(POOL_IDLE_MS);
	sock_detach(idle->link.sock); /* the coroutine that used it may end before it */
	sock_set_deadline(idle->link.sock, CLOCK_NEVER);
	DL_PREPEND(idles, idle);
	idle_count++;
	*link = (struct http_link){0};
	expiry.fn = expire;
	if (!expiry.armed)
		timer_set(&expiry, idle->until_ms);
}

int http_pool_count(void)
{
	return idle_count;
}

void http_client_pool_close(void)
{
	while (idles)
		idle_close(idles);
	timer_cancel(&expiry);
}
