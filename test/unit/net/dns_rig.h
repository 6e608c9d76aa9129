/* dns_rig - a scripted DNS server for the tests of the resolver: a coroutine with a UDP socket on loopback.
 * Layer: test. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"
#include "net/dns.h"
#include "support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_SRV = 33, MANY_V4 = 27, MANY_V6 = 16 };

static struct {
	struct reactor_fd rfd;
	struct co *co;
	int port;
	bool silent;
	bool broken; /* answers end in the middle */
	int asked_a, asked_srv;
	uint32_t ttl, alias_ttl;
	uint8_t last_byte; /* of the address of a.test */
} server;

static struct dns_answer got;
static struct dns_srv_answer got_srv;

static inline void put_name(struct buf *b, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		buf_u8(b, (uint8_t)n);
		buf_put(b, name, n);
		name += n + (name[n] == '.');
	}
	buf_u8(b, 0);
}

/* The rest of a record, behind its name. */
static inline void put_fixed(struct buf *b, unsigned type, uint32_t ttl, size_t size)
{
	buf_u16(b, (uint16_t)type);
	buf_u16(b, 1);
	buf_u32(b, ttl);
	buf_u16(b, (uint16_t)size);
}

static const char *owner; /* of the records; NULL: the name of the question */

static inline void put_record(struct buf *b, unsigned type, size_t size)
{
	if (owner)
		put_name(b, owner);
	else
		buf_u16(b, 0xc00c);
	put_fixed(b, type, server.ttl, size);
}

/* The name of the question is another one's alias, to whom all further records belong. */
static inline unsigned put_alias(struct buf *b, const char *target)
{
	buf_u16(b, 0xc00c);
	put_fixed(b, TYPE_CNAME, server.alias_ttl, strlen(target) + 2);
	put_name(b, target);
	owner = target;
	return 1;
}

static inline unsigned put_srv(struct buf *b, unsigned priority, unsigned port, const char *target)
{
	put_record(b, TYPE_SRV, 6 + strlen(target) + (*target ? 2 : 1));
	buf_u16(b, (uint16_t)priority);
	buf_u16(b, 5);
	buf_u16(b, (uint16_t)port);
	put_name(b, target);
	return 1;
}

static inline unsigned put_addrs(struct buf *b, unsigned type, unsigned count)
{
	if (type != TYPE_A && type != TYPE_AAAA)
		return 0;
	for (unsigned n = 0; n < count; n++) {
		put_record(b, type, type == TYPE_A ? 4 : 16);
		for (int i = 0; type == TYPE_AAAA && i < 12; i++)
			buf_u8(b, 0xfd);
		buf_u32(b, (type == TYPE_A ? 0x0a000000u : 0xfdfd0000u) + server.last_byte + n);
	}
	return count;
}

/* The number of records, or -1 when there is no such name. */
static inline int put_records(struct buf *b, const char *name, unsigned type)
{
	unsigned n = 0;
	owner = NULL;
	if (type == TYPE_SRV && strcmp(name, "_alias._tcp.test") == 0) {
		n += put_alias(b, "_rtmp._tcp.test");
		n += put_srv(b, 10, 1935, "b.test");
	} else if (type == TYPE_SRV && strcmp(name, "_rtmp._tcp.test") == 0) {
		n += put_srv(b, 10, 1935, "b.test");
		n += put_srv(b, 20, 19350, "c.test");
		n += put_srv(b, 30, 1, "");
	} else if (strcmp(name, "a.test") == 0) {
		n = put_addrs(b, type, 1);
	} else if (strcmp(name, "alias.test") == 0) {
		n = put_alias(b, "a.test");
		n += put_addrs(b, type, 1);
	} else if (strcmp(name, "many.test") == 0) {
		n = put_addrs(b, type, type == TYPE_A ? MANY_V4 : MANY_V6);
	} else {
		return -1;
	}
	return (int)n;
}

static inline void answer(const uint8_t *p, size_t size, const struct sockaddr_in *to)
{
	struct buf head = {.max = 4096}, records = {.max = 4096};
	struct cur cur = cur_of(p, size);
	char name[256] = "";
	size_t at = 0;
	unsigned id = cur_u16(&cur);
	cur_skip(&cur, 10);
	for (unsigned n; (n = cur_u8(&cur)) > 0 && cur_ok(&cur);) {
		struct span label = cur_bytes(&cur, n);
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%.*s", at ? "." : "",
				       (int)label.n, (const char *)label.p);
	}
	unsigned type = cur_u16(&cur);
	server.asked_a += type == TYPE_A && strcmp(name, "a.test") == 0;
	server.asked_srv += type == TYPE_SRV;
	int count = put_records(&records, name, type);
	buf_u16(&head, (uint16_t)id);
	buf_u16(&head, count < 0 ? 0x8183 : 0x8180);
	buf_u16(&head, 1);
	buf_u16(&head, count < 0 ? 0 : (uint16_t)count);
	buf_u32(&head, 0);
	put_name(&head, name);
	buf_u16(&head, (uint16_t)type);
	buf_u16(&head, 1);
	buf_put(&head, records.p, records.n);
	size_t cut = server.broken && count > 0 ? 5 : 0;
	if (!server.silent)
		(void)!sendto(server.rfd.fd, head.p, head.n - cut, 0, (const struct sockaddr *)to,
			      sizeof(*to));
	buf_free(&head);
	buf_free(&records);
}

static inline void serve(void *arg)
{
	static uint8_t packet[2048];
	(void)arg;
	server.rfd.waiter = co_self();
	while (!co_stopping()) {
		struct sockaddr_in from = {0};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(server.rfd.fd, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &len);
		if (n >= 0) {
			answer(packet, (size_t)n, &from);
			continue;
		}
		server.rfd.ready = 0;
		(void)!co_wait(CLOCK_NEVER);
	}
}

static inline int setup(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	char text[32];
	(void)state;
	memset(&server, 0, sizeof(server));
	server.ttl = 60;
	server.last_byte = 1;
	if (co_init() != OK)
		return -1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    reactor_add(&server.rfd, fd) != OK)
		return -1;
	server.port = ntohs(sa.sin_port);
	server.co = co_start("server", serve, NULL);
	snprintf(text, sizeof(text), "127.0.0.1:%d", server.port);
	return dns_init(text) == OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	dns_fini();
	dns_fini();
	co_stop(server.co);
	co_join(&server.co);
	reactor_remove(&server.rfd);
	close(server.rfd.fd);
	co_fini();
	return 0;
}

static inline err lookup(const char *name)
{
	return dns_lookup(&got, name, 1935, clock_ms() + 5000);
}

static inline void until_it_expires(void)
{
	while (clock_ms() < got.expires_ms)
		assert_int_equal(co_wait(got.expires_ms), ERR_TIMEOUT);
}

/* Whether the answer has this address. */
static inline bool has(const char *text)
{
	for (int i = 0; i < got.count; i++) {
		char is[ADDR_TEXT_MAX];
		addr_text(is, &got.addrs[i]);
		if (strcmp(is, text) == 0)
			return true;
	}
	return false;
}
