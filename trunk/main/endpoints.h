/* endpoints - where this process serves what, as the configuration says it. Layer: main. Pure: nothing
 * is opened here (see listeners.h). */
#pragma once
#include "base/addr.h"
#include "conf/conf.h"
#include "node/certs.h"

enum endpoint_transport { ENDPOINT_TCP, ENDPOINT_UDP };
enum endpoint_protocol {
	ENDPOINT_RTMP,
	ENDPOINT_HTTP,
	ENDPOINT_RTC,
	ENDPOINT_SRT,
	ENDPOINT_SIP,
	ENDPOINT_GB, /* media of cameras */
};

/* What a caller can tell apart: the transport and the address are its identity, all else may change
 * while it is open. */
struct endpoint {
	enum endpoint_transport transport;
	enum endpoint_protocol protocol;
	struct hostport at;  /* see hostport_listen() */
	bool shared;         /* with other processes (SO_REUSEPORT), as far as it is opened now */
	unsigned http;       /* of ENDPOINT_HTTP: HTTP_PORT_… */
	bool plain, tls;     /* what its connections may be; both: the first byte tells */
	enum certs_of certs; /* of tls */
	char caster[CASTER_NAME_MAX]; /* of ENDPOINT_SIP and ENDPOINT_GB: whose it is */
	const char *directive;        /* that asked for it; a literal */
};

struct endpoints {
	int count;
	struct endpoint *v;
};

/* All endpoints of a configuration that was checked: no two of them overlap. */
void endpoints_of(struct endpoints *out, const struct conf *conf);
/* Those that stay while the process is drained: not those that other processes may listen on, too, which take
 * the clients then. */
void endpoints_draining(struct endpoints *out, const struct conf *conf);
void endpoints_free(struct endpoints *endpoints);
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);
/* "RTMP", "RTMPS", "HTTP", "HTTPS API", … */
const char *endpoint_name(const struct endpoint *endpoint);
