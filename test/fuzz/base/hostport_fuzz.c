/* Any text as host:port, as an address to listen on and as a network: what is taken is written back as what
 * means the same. */
#include "base/addr.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void name(const char *text)
{
	struct hostport hp, again;
	char back[HOST_MAX + 8];
	if (hostport_parse(&hp, text, 1935) != OK)
		return;
	check(*hp.host && hp.port >= 0 && hp.port <= 65535 && (hp.has_port || hp.port == 1935));
	hostport_text(back, &hp);
	check(hostport_parse(&again, back, 80) == OK);
	check(strcmp(hp.host, again.host) == 0 && hp.port == again.port);
}

static void listen_address(const char *text)
{
	struct hostport hp;
	if (!hostport_listen(&hp, text))
		return;
	check(hp.port >= 0 && hp.port <= 65535);
	check(hostport_covers(&hp, &hp) && hostport_clash(&hp, &hp));
}

static void network(const char *text)
{
	struct addr addr, v6;
	check(addr_literal(&addr, "192.168.1.10", 1) && addr_literal(&v6, "fe80::1", 1));
	bool valid = network_is_valid(text);
	check(valid || (!addr_within(&addr, text) && !addr_within(&v6, text)));
	if (addr_literal(&addr, text, 1)) {
		char ip[ADDR_TEXT_MAX];
		addr_ip(ip, &addr);
		char again[ADDR_TEXT_MAX];
		check(addr_literal(&v6, ip, 1));
		addr_ip(again, &v6);
		check(strcmp(ip, again) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = mem_strndup((const char *)data, n);
	name(text);
	listen_address(text);
	network(text);
	(void)hostport_is_valid(text);
	free(text);
	return 0;
}
