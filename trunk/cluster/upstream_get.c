#include "cluster/upstream_get.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/members.h"
#include "cluster/upstream.h"
#include "http/client.h"
#include "node/certs.h"
#include "node/signed_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES_MS = 2000,
	REDIRECTS = 3,
	AT_ONCE = 1024, /* requests that wait for news are many at a time */
};

struct get {
	struct cluster *cluster;
	struct upstream_file *file;
	struct http_url to;
	char name[MEMBER_NAME_MAX]; /* of whom is asked now */
	int64_t deadline;
	int status;
	char *location, *receiver; /* of the answer */
};

/* ---- one request ---- */

static char *text_of(const struct http_message *head, const char *name)
{
	const char *value = http_header_get(head, name);
	return mem_strdup(value ? value : "");
}

static void take_head(struct get *g, const struct http_message *head)
{
	const char *variant = http_header_get(head, HLS_VARIANT_HEADER);
	free(g->location);
	free(g->receiver);
	g->location = text_of(head, "Location");
	g->receiver = text_of(head, SIGN_RECEIVER);
	snprintf(g->file->variant, sizeof(g->file->variant), "%s", variant ? variant : "");
}

static err request(struct get *g)
{
	const struct upstream_file *f = g->file;
	struct server *server = g->cluster->server;
	struct hostport hp = {.port = g->to.port, .has_port = true};
	struct http_message *head = NULL;
	snprintf(hp.host, sizeof(hp.host), "%s", g->to.host);
	hostport_text(g->name, &hp);
	char *path = mem_printf("%s,%s", f->came_by, server->path_id);
	char *lines = mem_printf("X-SRS-Path: %s\r\n", path);
	char *claim = link_flv_claim(path, "");
	char *all = sign_lines(server->signer, lines, f->vhost->name,
			       sign_peer(server->signer, g->name),
			       &(struct sign_what){"GET", g->to.path, span_str(claim)});
	err e = http_request(
		&(struct http_request_opts){
			.method = "GET",
			.host = hp,
			.tls = strcmp(g->to.schema, "https") == 0 ? certs_client(server->certs)
								  : NULL,
			.tls_name = f->vhost->cluster.tls_name,
			.target = g->to.path,
			.headers = all,
			.body_max = f->body_max,
			.deadline = g->deadline,
			.at_once = AT_ONCE,
			.head = &head,
		},
		&g->status, &g->file->body);
	if (head)
		take_head(g, head);
	http_message_free(&head);
	free(all);
	free(claim);
	free(lines);
	free(path);
	return e;
}

/* It was signed for another server than the one that is there now. */
static bool is_challenge(const struct get *g)
{
	struct signer *signer = g->cluster->server->signer;
	return g->status == 401 && g->receiver && signer_on(signer) &&
	       sign_learn(signer, g->name, g->receiver);
}

/* A list or segment that is not there any more is none, too. */
static err outcome(const struct get *g)
{
	if (g->status == 400 || g->status == 410)
		return err_fail(ERR_NOTFOUND, "the server says %d", g->status);
	return http_outcome(g->status);
}

static err get_in_turn(struct get *g)
{
	for (int n = 0; n <= REDIRECTS; n++) {
		TRY(request(g));
		if (is_challenge(g))
			TRY(request(g));
		err e = outcome(g);
		if (e != ERR_REDIRECT)
			return e;
		TRY(http_follow(&g->to, g->location));
	}
	return err_fail(ERR_LOOP, "more than %d redirects", REDIRECTS);
}

/* ---- one origin ---- */

static bool is_encrypted(const struct conf_vhost *vhost)
{
	return link_fetches(&vhost->cluster, true)->tls;
}

/* The vhost is named where the address does not say which one it is. */
static err set_url(struct get *g, const char *name)
{
	const struct upstream_file *f = g->file;
	bool tls = is_encrypted(f->vhost), named = strcmp(f->vhost->name, DEFAULT_VHOST) != 0;
	struct hostport hp;
	TRY(hostport_parse(&hp, name, tls ? PORT_HTTPS : PORT_HTTP));
	snprintf(g->to.schema, sizeof(g->to.schema), "http%s", tls ? "s" : "");
	snprintf(g->to.host, sizeof(g->to.host), "%s", hp.host);
	g->to.port = hp.port;
	struct buf path = {.max = sizeof(g->to.path) - 1};
	url_escape(&path, f->path);
	if (*f->query || named)
		buf_printf(&path, "?%s%s", f->query, *f->query && named ? "&" : "");
	if (named)
		buf_printf(&path, "vhost=%s", f->vhost->name);
	bool fits = buf_ok(&path);
	snprintf(g->to.path, sizeof(g->to.path), "%s", fits ? buf_text(&path) : "");
	buf_free(&path);
	return fits ? OK : err_fail(ERR_LIMIT, "the name of the file is too long");
}

static err ask(struct cluster *cluster, struct upstream_file *f, const char *name)
{
	struct get *g = mem_new(struct get);
	*g = (struct get){.cluster = cluster, .file = f, .deadline = clock_after(f->attempt_ms)};
	err e = set_url(g, name);
	if (!e)
		e = get_in_turn(g);
	if (!e)
		snprintf(f->from, sizeof(f->from), "%s", g->name);
	free(g->location);
	free(g->receiver);
	free(g);
	return e;
}

/* ---- all of them ---- */

static void order(struct upstreams *list, struct cluster *cluster, const struct upstream_file *f)
{
	const struct conf_vhost *vhost = f->vhost;
	struct member_list members = {0};
	members_list(cluster, is_encrypted(vhost) ? MEMBER_FLVS : MEMBER_FLV,
		     vhost->hls.origin.count ? &vhost->hls.origin : &vhost->cluster.origin,
		     &members, clock_after(NAMES_MS));
	for (int i = 0; i < members.count; i++) {
		struct peer *peer = peer_get(cluster->peers, members.v[i].name);
		peer->priority = members.v[i].rank.priority;
		peer->weight = members.v[i].rank.weight;
		upstreams_add(list, peer);
	}
	upstreams_sort(list, f->key);
	member_list_fini(&members);
}

static void note(struct peer *peer, err e)
{
	if (e == OK || e == ERR_NOTFOUND || e == ERR_DENIED)
		(void)peer_answered(peer);
	else if (e != ERR_STOPPED && e != ERR_LIMIT)
		peer_failed(peer, e, err_trail(e));
}

static bool is_final(err e)
{
	return e == OK || e == ERR_STOPPED || e == ERR_LIMIT;
}

err upstream_get(struct cluster *cluster, struct upstream_file *f)
{
	struct upstreams list = {0};
	char first[MEMBER_NAME_MAX];
	err e = ERR_UPSTREAM;
	bool said_no = false;
	snprintf(first, sizeof(first), "%s", f->from);
	if (*first)
		e = ask(cluster, f, first);
	if (*first && peer_known(cluster->peers, first))
		note(peer_known(cluster->peers, first), e);
	said_no = *first && e == ERR_NOTFOUND;
	if (!*first || !is_final(e))
		order(&list, cluster, f);
	for (int i = 0; i < list.count && !is_final(e); i++) {
		if (strcmp(list.v[i]->name, first) == 0)
			continue;
		e = ask(cluster, f, list.v[i]->name);
		note(list.v[i], e);
		said_no |= e == ERR_NOTFOUND;
		if (!is_final(e))
			log_debug("%s: %s has no %s: %s", f->key, list.v[i]->name,
				  log_quote(f->path), err_trail(e));
	}
	upstreams_fini(&list);
	if (is_final(e))
		return e;
	return said_no ? err_fail(ERR_NOTFOUND, "no origin has it")
		       : err_fail(ERR_UPSTREAM, "no origin can be asked for it");
}
