/* A server's certificates. What is loaded is a set that never changes: handshakes that have begun
 * keep theirs, later ones find the new one. Certificates of the same names and different kinds of keys
 * share a context, so that OpenSSL can choose what the client is able to check. */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/tls_inside.h"

#include <ctype.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SOON_S = 14 * 24 * 3600 };

struct context {
	SSL_CTX *ctx;
	char *names; /* of its certificates, in one text */
	int kinds[4];
	int kind_count;
};

struct tls_set {
	int refs;
	struct tls_cert **certs;
	struct context *contexts;
	int count, context_count;
	struct map *by_name; /* contexts */
};

struct tls_server {
	const char *what;
	struct tls_set *set;
	struct tls_file *files; /* of the last load, used or refused */
	int file_count;
};

/* Input and result of the helper thread. */
struct server_load {
	const struct tls_server_opts *opts;
	struct tls_set *set;
	char why[TLS_ERROR_MAX + 300]; /* "" when all went well */
};

/* ---- sets ---- */

void tls_set_ref(struct tls_set *set)
{
	set->refs++;
}

void tls_set_unref(struct tls_set **pset)
{
	struct tls_set *set = *pset;
	*pset = NULL;
	if (!set || --set->refs > 0)
		return;
	for (int i = 0; i < set->context_count; i++) {
		SSL_CTX_free(set->contexts[i].ctx);
		free(set->contexts[i].names);
	}
	for (int i = 0; i < set->count; i++)
		tls_cert_free(&set->certs[i]);
	map_free(&set->by_name);
	free(set->contexts);
	free(set->certs);
	free(set);
}

SSL *tls_set_session(struct tls_set *set)
{
	return SSL_new(set->contexts[0].ctx);
}

static void lower(char out[static TLS_NAME_MAX], const char *name)
{
	size_t n = 0;
	for (; name[n] && n < TLS_NAME_MAX - 1; n++)
		out[n] = (char)tolower((unsigned char)name[n]);
	if (n > 1 && out[n - 1] == '.')
		n--;
	out[n] = '\0';
}

static struct context *find_context(const struct tls_set *set, const char *name)
{
	char text[TLS_NAME_MAX], wild[TLS_NAME_MAX + 1];
	lower(text, name);
	struct context *found = map_get(set->by_name, text);
	const char *dot = strchr(text, '.');
	if (found || !dot)
		return found;
	snprintf(wild, sizeof(wild), "*%s", dot);
	return map_get(set->by_name, wild);
}

/* The name that the client asks for (SNI). An unknown one gets the default certificate: an encoder
 * that was given an address or an old name still works, and the client decides what it trusts. */
static int on_name(SSL *ssl, int *alert, void *ctx)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)alert;
	if (!name)
		return SSL_TLSEXT_ERR_NOACK;
	const struct context *found = find_context(ctx, name);
	if (found)
		SSL_set_SSL_CTX(ssl, found->ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* HTTP/1.1 is what is spoken behind HTTPS; RTMP has no name of its own, and its clients ask for none. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
		   unsigned in_n, void *ctx)
{
	static const unsigned char known[] = "\x08http/1.1";
	unsigned char *chosen;
	(void)ssl, (void)ctx;
	if (SSL_select_next_proto(&chosen, n, known, sizeof(known) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- loading, on a helper thread ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *names_text(struct tls_cert *c)
{
	char *text = mem_printf("%s|", c->host ? c->host : "");
	qsort(c->names, (size_t)c->name_count, sizeof(c->names[0]), by_text);
	for (int i = 0; i < c->name_count; i++) {
		char *longer = mem_printf("%s%s,", text, c->names[i]);
		free(text);
		text = longer;
	}
	return text;
}

static bool has_kind(const struct context *x, int kind)
{
	for (int i = 0; i < x->kind_count; i++)
		if (x->kinds[i] == kind)
			return true;
	return false;
}

static SSL_CTX *server_context(struct tls_set *set, const struct tls_server_opts *opts)
{
	static const unsigned char app[] = "srs";
	SSL_CTX *ctx = tls_context_new(TLS_server_method(), opts->profile, opts->ktls);
	if (!ctx)
		return NULL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, app, sizeof(app) - 1);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, set);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	tls_tickets_use(ctx);
	return ctx;
}

/* The context for a certificate: that of the same names if it has none of this kind yet. */
static struct context *context_for(struct server_load *load, struct tls_cert *c)
{
	struct tls_set *set = load->set;
	int kind = EVP_PKEY_get_base_id(c->pkey);
	char *names = names_text(c);
	for (int i = 0; i < set->context_count; i++) {
		struct context *x = &set->contexts[i];
		if (strcmp(x->names, names) == 0 && x->kind_count < 4 && !has_kind(x, kind)) {
			free(names);
			x->kinds[x->kind_count++] = kind;
			return x;
		}
	}
	SSL_CTX *ctx = server_context(set, load->opts);
	if (!ctx) {
		free(names);
		return NULL;
	}
	struct context *x = &set->contexts[set->context_count++];
	*x = (struct context){.ctx = ctx, .names = names, .kinds = {kind}, .kind_count = 1};
	return x;
}

static void add_name(struct tls_set *set, const char *name, struct context *x)
{
	char text[TLS_NAME_MAX];
	lower(text, name);
	if (*text && !map_get(set->by_name, text))
		map_set(set->by_name, text, x);
}

static void load_one(struct server_load *load, struct tls_cert *c, struct context **x)
{
	char reason[TLS_ERROR_MAX];
	if (!tls_cert_load(c)) {
		snprintf(load->why, sizeof(load->why), "%s", c->why);
		return;
	}
	*x = context_for(load, c);
	if (*x && SSL_CTX_use_cert_and_key((*x)->ctx, c->leaf, c->pkey, c->chain, 1) == 1)
		return;
	tls_error(reason);
	snprintf(load->why, sizeof(load->why), "%.200s cannot be used: %s", c->cert.path, reason);
}

/* A virtual host's own name goes before the names in any certificate, and earlier before later. */
static void load_set(void *arg)
{
	struct server_load *load = arg;
	struct tls_set *set = load->set;
	struct context **of = mem_zalloc((size_t)set->count * sizeof(struct context *));
	for (int i = 0; i < set->count && !*load->why; i++)
		load_one(load, set->certs[i], &of[i]);
	for (int i = 0; i < set->count && !*load->why; i++)
		if (set->certs[i]->host)
			add_name(set, set->certs[i]->host, of[i]);
	for (int i = 0; i < set->count && !*load->why; i++)
		for (int k = 0; k < set->certs[i]->name_count; k++)
			add_name(set, set->certs[i]->names[k], of[i]);
	free(of);
}

static struct tls_set *set_new(const struct tls_server_opts *opts)
{
	struct tls_set *set = mem_new(struct tls_set);
	set->refs = 1;
	set->by_name = map_new();
	set->certs = mem_zalloc((size_t)opts->count * sizeof(set->certs[0]));
	set->contexts = mem_zalloc((size_t)opts->count * sizeof(set->contexts[0]));
	for (; set->count < opts->count; set->count++)
		set->certs[set->count] = tls_cert_new(&opts->pairs[set->count]);
	return set;
}

/* ---- servers ---- */

struct tls_server *tls_server_new(const char *what)
{
	struct tls_server *s = mem_new(struct tls_server);
	s->what = what;
	return s;
}

static void forget_files(struct tls_server *s)
{
	for (int i = 0; i < s->file_count; i++)
		free(s->files[i].path);
	free(s->files);
	s->files = NULL;
	s->file_count = 0;
}

void tls_server_free(struct tls_server **server)
{
	struct tls_server *s = *server;
	if (!s)
		return;
	tls_set_unref(&s->set);
	forget_files(s);
	free(s);
	*server = NULL;
}

bool tls_server_ready(const struct tls_server *server)
{
	return server->set != NULL;
}

static void remember_file(struct tls_server *s, const struct tls_file *file)
{
	struct tls_file *to = &s->files[s->file_count++];
	*to = *file;
	to->path = mem_strdup(file->path);
}

static void remember_files(struct tls_server *s, const struct tls_set *set)
{
	forget_files(s);
	s->files = mem_zalloc(2 * (size_t)set->count * sizeof(s->files[0]));
	for (int i = 0; i < set->count; i++) {
		remember_file(s, &set->certs[i]->cert);
		remember_file(s, &set->certs[i]->key);
	}
}

/* The first certificate whose time is over, or has not begun. */
static const struct tls_cert *out_of_time(const struct tls_set *set, int64_t now_s)
{
	for (int i = 0; set && i < set->count; i++)
		if (set->certs[i]->ends_s <= now_s || set->certs[i]->begins_s > now_s)
			return set->certs[i];
	return NULL;
}

static void log_cert(const struct tls_server *s, const struct tls_cert *c, int64_t now_s)
{
	char until[32] = "";
	time_t ends = (time_t)c->ends_s;
	struct tm tm;
	if (gmtime_r(&ends, &tm))
		strftime(until, sizeof(until), "%Y-%m-%d %H:%M UTC", &tm);
	if (c->ends_s <= now_s)
		log_warn("%s: the certificate %s has expired (%s): clients will refuse it", s->what,
			 c->cert.path, until);
	else if (c->begins_s > now_s)
		log_warn("%s: the certificate %s is not valid yet", s->what, c->cert.path);
	else if (c->ends_s <= now_s + SOON_S)
		log_warn("%s: the certificate %s expires soon (%s)", s->what, c->cert.path, until);
	log_info("%s: certificate %s for %s%s (%s), serial %s, until %s", s->what, c->cert.path,
		 c->host         ? c->host
		 : c->name_count ? c->names[0]
				 : "no name",
		 !c->host && c->name_count > 1 ? " and others" : "", tls_cert_kind(c), c->serial,
		 until);
}

err tls_server_load(struct tls_server *server, const struct tls_server_opts *opts)
{
	struct server_load load = {.opts = opts, .set = set_new(opts)};
	int64_t now_s = clock_wall_ms() / 1000;
	co_offload(load_set, &load);
	remember_files(server, load.set);
	const struct tls_cert *over = *load.why ? NULL : out_of_time(load.set, now_s);
	if (over && server->set && !out_of_time(server->set, now_s))
		snprintf(load.why, sizeof(load.why), "%.200s %s", over->cert.path,
			 over->ends_s <= now_s ? "has expired" : "is not valid yet");
	if (*load.why) {
		tls_set_unref(&load.set);
		return err_fail(ERR_CONFIG, "%s: %s", server->what, load.why);
	}
	for (int i = 0; i < load.set->count; i++)
		log_cert(server, load.set->certs[i], now_s);
	tls_set_unref(&server->set);
	server->set = load.set;
	return OK;
}

struct look {
	const struct tls_server *server;
	bool changed;
};

static void look_at_files(void *arg)
{
	struct look *look = arg;
	for (int i = 0; i < look->server->file_count && !look->changed; i++) {
		struct tls_file now = look->server->files[i];
		tls_file_look(&now);
		look->changed = !tls_file_is_same(&now, &look->server->files[i]);
	}
}

bool tls_server_changed(const struct tls_server *server)
{
	struct look look = {.server = server};
	if (server->file_count)
		co_offload(look_at_files, &look);
	return look.changed;
}

void tls_server_each(const struct tls_server *server,
		     void (*fn)(void *ctx, const struct tls_cert_facts *facts), void *ctx)
{
	for (int i = 0; server->set && i < server->set->count; i++) {
		const struct tls_cert *c = server->set->certs[i];
		fn(ctx, &(struct tls_cert_facts){
				.cert = c->cert.path,
				.key = c->key.path,
				.names = (const char *const *)c->names,
				.name_count = c->name_count,
				.kind = tls_cert_kind(c),
				.serial = c->serial,
				.begins_s = c->begins_s,
				.ends_s = c->ends_s,
			});
	}
}

void tls_expect(struct sock *sock, struct tls_server *server, bool mixed)
{
	tls_expect_set(sock, server->set, mixed);
}
