/* c-ares has a parser for SRV, but it leaves out the lifetime; only the names are left to it. */
#include "net/dns_srv.h"

#include "base/cur.h"
#include "base/vec.h"

#include <ares.h>
#include <stdio.h>

enum { HEADER_SIZE = 12, SRV_FIXED = 6, CLASS_IN = 1, TYPE_SRV = 33 };

struct dns_packet {
	const unsigned char *p;
	int size;
	struct cur cur;
};

/* The name at the cursor, which may point elsewhere in the packet; NULL and a bad cursor when
 * it is broken. To be released by ares_free_string(). */
static char *take_name(struct dns_packet *packet)
{
	char *name = NULL;
	long used = 0;
	if (cur_left(&packet->cur) == 0 || ares_expand_name(packet->cur.p, packet->p, packet->size,
							    &name, &used) != ARES_SUCCESS) {
		packet->cur.bad = true;
		return NULL;
	}
	cur_skip(&packet->cur, (size_t)used);
	return name;
}

static void skip_name(struct dns_packet *packet)
{
	char *name = take_name(packet);
	if (name)
		ares_free_string(name);
}

static void take_target(struct dns_srv_answer *out, struct dns_packet *packet)
{
	struct dns_srv srv;
	srv.priority = cur_u16(&packet->cur);
	srv.weight = cur_u16(&packet->cur);
	srv.port = cur_u16(&packet->cur);
	char *host = take_name(packet);
	if (!host)
		return;
	/* An empty target, ".", says that there is no such service. */
	bool fits = *host && strlen(host) < HOST_MAX && out->count < DNS_SRV_MAX;
	if (fits) {
		snprintf(srv.host, sizeof(srv.host), "%s", host);
		vec_reserve(out->targets, out->room, out->count + 1);
		out->targets[out->count++] = srv;
	}
	ares_free_string(host);
}

static void take_record(struct dns_srv_answer *out, int64_t *ttl, struct dns_packet *packet)
{
	skip_name(packet);
	unsigned type = cur_u16(&packet->cur);
	unsigned class = cur_u16(&packet->cur);
	int64_t seconds = cur_u32(&packet->cur);
	size_t size = cur_u16(&packet->cur);
	*ttl = seconds < *ttl ? seconds : *ttl; /* of an alias on the way too */
	if (type != TYPE_SRV || class != CLASS_IN || size <= SRV_FIXED) {
		cur_skip(&packet->cur, size);
		return;
	}
	size_t left = cur_left(&packet->cur);
	take_target(out, packet);
	if (cur_ok(&packet->cur) && left - cur_left(&packet->cur) != size)
		packet->cur.bad = true;
}

bool dns_srv_parse(struct dns_srv_answer *out, int64_t *ttl, const unsigned char *packet, int size)
{
	struct dns_packet in = {packet, size, cur_of(packet, (size_t)size)};
	*ttl = INT32_MAX;
	out->count = 0;
	cur_skip(&in.cur, 4);
	unsigned questions = cur_u16(&in.cur);
	unsigned answers = cur_u16(&in.cur);
	cur_skip(&in.cur, HEADER_SIZE - 8);
	for (; questions > 0 && cur_ok(&in.cur); questions--) {
		skip_name(&in);
		cur_skip(&in.cur, 4);
	}
	for (; answers > 0 && cur_ok(&in.cur); answers--)
		take_record(out, ttl, &in);
	return cur_ok(&in.cur);
}
