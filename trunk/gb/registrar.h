/* registrar - registrations, keepalives and catalogues: what devices tell of themselves. Layer: gb.
 *
 * It takes the requests of a SIP endpoint. A device may register with a password, its own or that of all; where there
 * is none, from this host and private networks alone, unless `open` says otherwise. Strangers who ask for anything
 * but a registration get no answer, so that a scanner learns nothing. */
#pragma once
#include "base/vec.h"
#include "co/co.h"
#include "gb/devices.h"
#include "sip/digest.h"
#include "sip/endpoint.h"

enum { GB_KEEPALIVES_MISSED = 3 };

/* Texts are copied. */
struct gb_registrar_opts {
	const char *server_id; /* ours */
	const char *password;  /* of all devices; "" without one */
	/* The password of a device; NULL: it has none of its own, and *listed says whether it is known all the same. */
	const char *(*password_of)(void *ctx, const char *id, bool *listed);
	bool only_listed; /* devices that are not known may not register */
	bool open;        /* without passwords, from anywhere */
	bool catalog;     /* channels are asked for */
	int64_t keepalive_ms;
	bool (*may_log)(void *ctx);
	void *ctx;
};

/* Calls on changes of a device. None may block; the device may be gone when they return. */
struct gb_registrar_ops {
	/* It has registered, or registered anew; `is_new_life`: it knows nothing of what was before. */
	void (*on_registered)(void *ctx, struct gb_device *device, bool is_new_life);
	/* It is off line: unregistered, expired or silent. */
	void (*on_left)(void *ctx, struct gb_device *device);
	/* It ends a call: that of the dialog, if it is one of ours, else all of the device. */
	void (*on_bye)(void *ctx, struct gb_device *device, const struct sip_message *bye);
};

struct gb_registrar_counts {
	int64_t registrations, refused, keepalives, catalogs,
		unknown; /* unknown: requests of strangers */
};

struct gb_registrar {
	struct gb_devices devices;
	struct sip_endpoint *endpoint; /* borrowed; NULL: requests alone are answered */
	const struct gb_registrar_ops *ops;
	struct gb_registrar_opts opts; /* texts are those below */
	char *server_id, *password;
	char realm[11];
	struct sip_digest *digest;
	struct gb_registrar_counts counts;
	struct timer sweep;
	unsigned sn;
};

err gb_registrar_init(struct gb_registrar *r, const struct gb_registrar_ops *ops,
		      const struct gb_registrar_opts *opts);
void gb_registrar_fini(struct gb_registrar *r);
/* Other rules for what comes from now on. */
void gb_registrar_configure(struct gb_registrar *r, const struct gb_registrar_opts *opts);

/* All who are on line are off line, for that reason, a literal. */
void gb_registrar_dismiss(struct gb_registrar *r, const char *why);

/* A device that has registered at the process before this one, for so long, and is reached along that flow; `call_id`
 * is that of its registration. Nothing happens when it is on line here already. */
void gb_registrar_adopt(struct gb_registrar *r, const char *id, const char *call_id,
			struct sip_flow *flow, int64_t expires_ms);

/* For sip_endpoint_opts; answers, or not. */
void gb_registrar_take(struct gb_registrar *r, struct sip_incoming *in);
/* Asks the device for its channels. */
void gb_registrar_ask_catalog(struct gb_registrar *r, struct gb_device *device);
/* "sip:id@realm" of the server and of others of its realm. */
void gb_registrar_uri(const struct gb_registrar *r, const char *id, char out[static SIP_ID_MAX]);
