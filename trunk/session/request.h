/* request - what a client of whatever protocol asks for, and what it says of itself. Layer: session.
 * Texts are borrowed from the protocol's session, which outlives what is made of them; never NULL. */
#pragma once
#include "codec/url.h"
#include "node/server.h"

struct request {
	struct server *server;
	struct conf *conf; /* the snapshot that the session began with */
	const struct conf_vhost *vhost;
	const struct target *target;
	const struct addr *peer;
	const char *type; /* as the API names it: "rtmp-play", "fmle-publish", … */
	const char *tc_url, *page_url, *swf_url;
	const char *url;        /* of the stream, for the API */
	const char *path_asked; /* of an HTTP request, "/live/a.flv"; "" for others */
	const char *proof;      /* of a link that is signed in its path; "" */
	bool tls;   /* its connection is encrypted, and one that it is sent to must be */
	bool http;  /* it can be redirected to an HTTP address, and to no other */
	bool stays; /* its protocol knows no redirect: what is elsewhere is relayed to it */
	bool publish;
	/* of another server, which fetches or brings the stream for others */
	struct announce *announce;    /* NULL: it says nothing of itself */
	const struct client_hop *hop; /* for whom it asks; NULL likewise */
	const char *path;             /* servers that the request came by, ",a,b" */
	const char *via;              /* all servers that wait for its answer, likewise */
	const char *redirected;       /* servers that have redirected it, ",host:port,…" */
	int64_t had_until; /* it has had the stream from another server until then (monotonic); 0 */
	bool says_relay;   /* that it is another server, as anybody may say */
	bool asks;         /* that it will ask about a client of its own, likewise */
	bool is_relay;     /* another server: signed, where there is a secret */
	bool from_coworker; /* a coworker, which asks since we said that it is here */
};

/* One that says nothing of itself but what it wants, of the vhost that the target names (NULL: there is none). All
 * else is for the caller to fill in; `peer` must be. */
void request_init(struct request *out, struct server *server, struct conf *conf,
		  const struct target *target);
/* The key of the stream that `target` names, by the vhost that serves it where one is known: a client may have come
 * by any host. malloc'ed. */
char *request_key(const struct request *request, const struct target *target);
/* It is another server of the cluster beyond doubt: it has signed, or comes from an address that is
 * listed. Whoever merely says so is a client like any other. */
bool request_is_proven_relay(const struct request *request);
/* It is refused or sent elsewhere, for `e` or what the outcome says, having asked at that time: the observers of
 * clients are told. */
struct outcome;
void request_refused(const struct request *request, int64_t asked_ms, err e,
		     const struct outcome *outcome);
/* Fills in the client for the statistics. */
void request_describe(const struct request *request, struct client *client);
