#include "node/certs.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/gate.h"
#include "node/server.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 10000, REMIND_MS = 12 * 3600 * 1000, SOON_S = 14 * 24 * 3600 };

struct certs {
	struct tls_server *servers[CERTS_COUNT];
	char *refused[CERTS_COUNT]; /* why the last load failed; NULL: it did not */
	struct tls_client *client;
	struct gate gate; /* of those who load, or look at the files */
	/* Whose certificates these are; for a moment in a reload another one than the server's. */
	const struct conf *loaded;
};

static const char *const names[] = {
	[CERTS_RTMPS] = "RTMPS", [CERTS_HTTP_SERVER] = "HTTPS", [CERTS_HTTP_API] = "HTTPS API"};

const char *certs_name(enum certs_of of)
{
	return names[of];
}

struct certs *certs_new(void)
{
	struct certs *c = mem_new(struct certs);
	c->gate.room = 1;
	for (int i = 0; i < CERTS_COUNT; i++)
		c->servers[i] = tls_server_new(names[i]);
	return c;
}

void certs_free(struct certs **certs)
{
	struct certs *c = *certs;
	if (!c)
		return;
	for (int i = 0; i < CERTS_COUNT; i++) {
		tls_server_free(&c->servers[i]);
		free(c->refused[i]);
	}
	tls_client_unref(&c->client);
	free(c);
	*certs = NULL;
}

struct tls_server *certs_server(struct certs *certs, enum certs_of of)
{
	return certs->servers[of];
}

struct tls_client *certs_client(struct certs *certs)
{
	return certs->client;
}

const char *certs_refused(const struct certs *certs, enum certs_of of)
{
	return certs->refused[of] ? certs->refused[of] : "";
}

/* ---- loading ---- */

static const struct conf_certs *wanted(const struct conf *conf, int of)
{
	const struct conf_https *files = &conf->http_server.https, *api = &conf->http_api.https;
	switch (of) {
	case CERTS_RTMPS:
		return conf->rtmps.enabled ? &conf->rtmps.certs : NULL;
	case CERTS_HTTP_SERVER:
		return conf->http_server.enabled && files->enabled ? &files->certs : NULL;
	default:
		return conf->http_api.enabled && api->enabled ? &api->certs : NULL;
	}
}

static int pair_count(const struct conf *conf, const struct conf_certs *own)
{
	int n = own->cert.count;
	for (int i = 0; i < conf->vhost_count; i++)
		n += conf->vhosts[i].tls.cert.count;
	return n;
}

static void add_pairs(struct tls_pair *pairs, int *n, const struct conf_certs *certs,
		      const char *host)
{
	for (int i = 0; i < certs->cert.count; i++)
		pairs[(*n)++] = (struct tls_pair){certs->cert.v[i], certs->key.v[i], host};
}

static err load_server(struct certs *c, int of, const struct conf *conf,
		       const struct conf_certs *own)
{
	struct tls_pair *pairs = mem_zalloc(sizeof(*pairs) * (size_t)pair_count(conf, own));
	struct tls_server_opts opts = {.pairs = pairs,
				       .profile = (enum tls_profile)conf->tls.profile,
				       .ktls = conf->tls.ktls};
	add_pairs(pairs, &opts.count, own, NULL);
	for (int i = 0; i < conf->vhost_count; i++) {
		const char *name = conf->vhosts[i].name;
		bool any = strcmp(name, "__defaultVhost__") == 0;
		add_pairs(pairs, &opts.count, &conf->vhosts[i].tls, any ? NULL : name);
	}
	err e = tls_server_load(c->servers[of], &opts);
	free(pairs);
	free(c->refused[of]);
	c->refused[of] = e ? mem_strdup(err_trail(e)) : NULL;
	if (!e || !tls_server_ready(c->servers[of]))
		return e;
	log_error("%s; the certificates in use stay", err_trail(e));
	return OK;
}

static err load_client(struct certs *c, const struct conf *conf)
{
	struct tls_client *fresh;
	err e = tls_client_new(&fresh, &(struct tls_client_opts){
					       .verify = conf->tls.verify,
					       .ca_file = *conf->tls.ca ? conf->tls.ca : NULL,
					       .profile = (enum tls_profile)conf->tls.profile,
					       .ktls = conf->tls.ktls,
				       });
	if (e && !c->client)
		return err_add(e, "tls_ca");
	if (e) {
		log_error("%s; those in use stay", err_trail(e));
		return OK;
	}
	tls_client_unref(&c->client);
	c->client = fresh;
	return OK;
}

static err load_all(struct certs *certs, const struct conf *conf)
{
	const struct text_list *tickets = &conf->tls.ticket_keys;
	err e = tls_tickets_load((const char *const *)tickets->v, tickets->count);
	if (e)
		return err_add(e, "tls_ticket_keys");
	TRY(load_client(certs, conf));
	for (int i = 0; i < CERTS_COUNT; i++) {
		const struct conf_certs *own = wanted(conf, i);
		if (own)
			TRY(load_server(certs, i, conf, own));
	}
	return OK;
}

err certs_load(struct certs *certs, const struct conf *conf)
{
	struct gate_pass pass = {0};
	TRY(gate_enter(&certs->gate, &pass, CLOCK_NEVER));
	certs->loaded = conf;
	err e = load_all(certs, conf);
	gate_leave(&certs->gate, &pass);
	return e;
}

/* ---- watching ---- */

/* certbot writes two files, one after the other: between them the pair does not fit, and the next look
 * finds what does. */
static void look_at(struct certs *certs, int of, const struct conf *conf)
{
	const struct conf_certs *own = wanted(conf, of);
	if (!tls_server_changed(certs->servers[of]) || !own)
		return;
	log_info("%s: the files of the certificates have changed", names[of]);
	(void)!load_server(certs, of, conf, own);
}

/* In the middle of a reload the next look is soon enough. */
static void look(struct server *server)
{
	struct certs *certs = server->certs;
	struct gate_pass pass = {0};
	if (gate_enter(&certs->gate, &pass, CLOCK_NEVER) != OK)
		return;
	struct conf *conf = conf_ref(server->conf);
	for (int i = 0; i < CERTS_COUNT && certs->loaded == conf; i++)
		look_at(certs, i, conf);
	gate_leave(&certs->gate, &pass);
	conf_unref(&conf);
}

static void warn_of(void *ctx, const struct tls_cert_facts *facts)
{
	const char *what = *(const char *const *)ctx;
	int64_t left = facts->ends_s - clock_wall_ms() / 1000;
	if (left <= 0)
		log_warn("%s: the certificate %s has expired", what, facts->cert);
	else if (left <= SOON_S)
		log_warn("%s: the certificate %s expires in %d days", what, facts->cert,
			 (int)(left / (24 * 3600)));
}

static void watch(void *arg)
{
	struct server *server = arg;
	int64_t remind = clock_after(REMIND_MS);
	while (co_sleep(LOOK_MS) == OK) {
		look(server);
		if (clock_ms() < remind)
			continue;
		remind = clock_after(REMIND_MS);
		for (int i = 0; i < CERTS_COUNT; i++) {
			const char *name = names[i];
			tls_server_each(server->certs->servers[i], warn_of, &name);
		}
	}
}

void certs_watch(struct server *server)
{
	if (!co_start_in(&server->services, "certificates", watch, server))
		log_error("no memory to watch the files of certificates");
}
