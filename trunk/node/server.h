/* server - what all services of a process share: the configuration, the registry of sources, who
 * is connected. Layer: node. The services meet only here and in the registry. */
#pragma once
#include "co/co.h"
#include "conf/conf.h"
#include "live/registry.h"
#include "node/access_log.h"
#include "node/drain.h"
#include "node/figures.h"
#include "node/generation.h"
#include "node/maker.h"
#include "node/places.h"
#include "node/sign.h"
#include "node/stat.h"

struct arrivals;
struct certs;
struct cluster;
struct forwards;
struct gb_hub;
struct guesses;
struct hook_queue;
struct hooks;
struct notices;
struct rtc_hub;
struct signer;
struct srt_hub;
struct tasks;

enum { CONNECTIONS_RESERVED = 32, CONNECTIONS_RESERVED_PER_ADDRESS = 4, CONNECTIONS_API = 48 };

/* How the last reload ended. */
struct reload_result {
	uint64_t count; /* of reloads so far */
	err code;  /* OK; ERR_CONFIG: the file has errors; ERR_SYSTEM: an address cannot be had */
	char *why; /* the errors, with file and line; NULL: none */
};

struct server {
	struct conf *conf; /* the current snapshot; sessions keep their own reference */
	struct registry registry;
	struct stats stat;
	struct figures figures;
	struct access_log access_log;
	struct co_group sessions;  /* one coroutine per connection */
	struct co_group services;  /* pulls, pushes and other coroutines of our own */
	struct cluster *cluster;   /* the layer above's, which alone looks into it */
	struct dvr *dvr;           /* likewise the output layer's */
	struct hooks *hooks;       /* likewise the session layer's */
	struct rtc_hub *rtc;       /* likewise the service layer's */
	struct srt_hub *srt;       /* likewise */
	struct gb_hub *gb;         /* likewise */
	struct maker maker;        /* of streams that nobody sends yet */
	struct certs *certs;       /* for encrypted connections, in and out */
	struct signer *signer;     /* by which servers of the cluster know each other */
	struct notices *notices;   /* what was logged about whom a moment ago */
	struct guesses *guesses;   /* wrong passwords */
	struct arrivals *arrivals; /* how fast connections come */
	struct places places;      /* of connections, of whatever protocol */
	struct places api_places;  /* of those to an API port of its own */
	/* What runs beside the streams, of the task layer. */
	struct tasks *tasks;
	/* Copies of streams for other servers, of the session layer too. */
	struct forwards *forwards;
	/* What web services are told, by whatever layer; its coroutines outlive the services. */
	struct hook_queue *hook_queue;
	struct co_group messengers;
	char *server_id;    /* the same over restarts */
	char service_id[9]; /* of this start */
	char path_id[9];    /* likewise, for circles: told to nobody but those whom we ask */
	int64_t started_ms; /* monotonic */
	struct reload_result reload;
	struct drain drain;
	struct generation former,
		next; /* processes before and after this one, of an upgrade in place */
	void (*on_reload)(struct server *server); /* asks main to load the configuration again */
	void (*on_drain)(struct server *server);  /* has main look at drain.wish */
};

/* The source of this very name; one reference. */
struct source *server_source(struct server *server, const struct conf_vhost *vhost, const char *app,
			     const char *stream);
/* The source that is meant by a name: the one of this very name, unless only that without a known extension
 * ("cam" for "cam.flv") is live here. One reference. */
struct source *server_source_to_play(struct server *server, const struct conf_vhost *vhost,
				     const char *app, const char *stream);
/* Likewise, of those that are live here; NULL when there is none. Borrowed. */
struct source *server_live_source(const struct server *server, const struct conf_vhost *vhost,
				  const char *app, const char *stream);
/* A place for a connection to that listener, as the configuration limits them. False: there is none, not
 * even in the reserve. */
bool server_take_place(struct server *server, struct conn_place *place, const char *listener,
		       const struct addr *peer);
/* The same for a port that serves nothing but the API: however many clients there are, or who pretend
 * to be some, these places are the operator's and the coworkers'. False: none is left, those of everybody may be. */
bool server_take_api_place(struct server *server, struct conn_place *place,
			   const struct addr *peer);
/* How many of something that a server has a fixed number of may be of one IP address. */
struct place_share {
	const char *what; /* in the counts; a literal */
	int per_address;
};
/* A place among those of its address. False: the address has its share. The host's own and trusted proxies are
 * exempt. */
bool server_take_share(const struct conf *conf, struct conn_place *place, struct places *places,
		       const struct place_share *share, const struct addr *peer);
/* The client of a connection has turned out to be another than who made it: the place is this one's from
 * now on. False: there is none for it, and it has lost the one that it had. */
bool server_move_place(struct server *server, struct conn_place *place, const struct addr *peer);
/* As fast as its address may, one more connection comes; else that is counted. Of a proxy the addresses of its
 * clients are asked about, when they are known. */
bool server_may_arrive(struct server *server, const struct addr *peer);
/* It is one of trusted_proxies. */
bool server_is_proxy(const struct conf *conf, const struct addr *peer);
/* A relay from there may be the process that has taken over at an upgrade, which comes from this host. */
bool server_is_successor(const struct server *server, const struct addr *peer);
/* Other servers are accepted from this address (cluster.relays); else that is counted and logged. */
bool server_relay_allowed(struct server *server, const struct conf_vhost *vhost,
			  const struct addr *peer);
/* What a relay says of itself is signed; else that is logged, and it is taken for an ordinary client. */
bool server_relay_verified(struct server *server, enum sign_verdict verdict,
			   const struct addr *peer);
/* "host" or "host:port" that others reach us by, as `advertise` says; "" when it is not set. */
const char *server_advertise(const struct server *server);
/* The port of the first RTMP listener. */
int server_rtmp_port(const struct server *server);
