#include "node/notice.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "co/co.h"

#include <stdlib.h>

enum { NOTICES_MAX = 1024, NOTICE_MS = 60000, TELL_MS = 1000 };

struct notice {
	int64_t until;
};

struct notice_rate {
	int64_t spent_ms; /* the lines of the last time are paid for then */
	uint64_t left_out, told;
	int64_t told_ms; /* when that was told last */
};

struct notices {
	struct map *by_ip;
	struct notice_rate rates[NOTICE_KINDS];
};

struct notices *notices_new(void)
{
	struct notices *n = mem_new(struct notices);
	n->by_ip = map_new();
	return n;
}

void notices_free(struct notices **notices)
{
	struct notices *n = *notices;
	*notices = NULL;
	if (!n)
		return;
	map_free_values(&n->by_ip);
	free(n);
}

static void sweep(struct notices *notices, int64_t now)
{
	for (struct map_iter it = map_begin(notices->by_ip); map_next(&it);) {
		struct notice *n = it.value;
		if (n->until >= now)
			continue;
		map_remove(notices->by_ip, it.key);
		free(n);
	}
}

bool notice_is_due(struct notices *notices, const char *ip)
{
	int64_t now = clock_ms();
	struct notice *n = map_get(notices->by_ip, ip);
	if (n && n->until >= now)
		return false;
	if (!n && map_count(notices->by_ip) >= NOTICES_MAX)
		sweep(notices, now);
	if (!n && map_count(notices->by_ip) >= NOTICES_MAX)
		return false;
	if (!n) {
		n = mem_new(struct notice);
		map_set(notices->by_ip, ip, n);
	}
	n->until = now + NOTICE_MS;
	return true;
}

/* ---- rates ---- */

/* At most once a second: else each line that may be logged would bring another one. */
static void tell_left_out(struct notice_rate *r, enum notice_kind kind, int64_t now)
{
	static const char *const what[NOTICE_KINDS] = {
		[NOTICE_MISSING] = "streams that nobody has",
		[NOTICE_PULLS] = "pulls that had no media",
		[NOTICE_CONNECTIONS] = "connections",
		[NOTICE_SIP] = "unknown devices",
	};
	if (r->told == r->left_out || now < r->told_ms + TELL_MS)
		return;
	log_info("%llu more lines about %s were left out",
		 (unsigned long long)(r->left_out - r->told), what[kind]);
	r->told = r->left_out;
	r->told_ms = now;
}

/* Each line costs its share of a second; NOTICE_BURST of them are lent. */
bool notice_rate_take(struct notices *notices, enum notice_kind kind)
{
	const int factor = kind == NOTICE_CONNECTIONS ? NOTICE_CONNECTIONS_FACTOR : 1;
	const int64_t cost = 1000 / (NOTICE_PER_S * factor), lent = NOTICE_BURST * factor * cost;
	struct notice_rate *r = notices ? &notices->rates[kind] : NULL;
	int64_t now = clock_ms();
	if (!r)
		return true;
	if (r->spent_ms < now)
		r->spent_ms = now;
	if (r->spent_ms + cost > now + lent) {
		r->left_out++;
		return false;
	}
	r->spent_ms += cost;
	tell_left_out(r, kind, now);
	return true;
}

void notice_ration_lines(struct notices *notices)
{
	if (co_has_spoken())
		co_set_muted(!notice_rate_take(notices, NOTICE_CONNECTIONS));
}

uint64_t notice_left_out(const struct notices *notices, enum notice_kind kind)
{
	return notices->rates[kind].left_out;
}

const char *notice_name(enum notice_kind kind)
{
	static const char *const names[NOTICE_KINDS] = {
		[NOTICE_MISSING] = "missing_streams",
		[NOTICE_PULLS] = "pulls",
		[NOTICE_CONNECTIONS] = "connections",
		[NOTICE_SIP] = "devices",
	};
	return names[kind];
}
