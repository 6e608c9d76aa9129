#include "node/sign.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "node/nonces.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

enum {
	DIGEST = 32,
	TIME_DIGITS = 15,
};

struct secret {
	struct secret *prev, *next;
	char *vhost, *text;
};

/* A server that has told its id. */
struct sign_peer_state {
	char id[SIGN_ID_MAX];
};

struct signer {
	char self[SIGN_ID_MAX];
	struct secret *secrets;
	struct map *peers; /* "host:port" -> struct sign_peer_state, oldest first */
	struct nonces *nonces;
	unsigned char tag[NONCE_TAG_BYTES]; /* ours */
	uint64_t counts[SIGN_VERDICTS];
};

struct signer *signer_new(const char *self)
{
	struct signer *s = mem_new(struct signer);
	snprintf(s->self, sizeof(s->self), "%s", self);
	s->peers = map_new();
	s->nonces = nonces_new();
	if (RAND_bytes(s->tag, sizeof(s->tag)) != 1)
		log_error("there are no random numbers: requests to other servers are not signed");
	return s;
}

/* ---- secrets ---- */

static void secret_free(struct secret *s)
{
	OPENSSL_cleanse(s->text, strlen(s->text));
	free(s->text);
	free(s->vhost);
	free(s);
}

static void secrets_free(struct secret **list)
{
	struct secret *s, *next;
	DL_FOREACH_SAFE (*list, s, next)
		secret_free(s);
	*list = NULL;
}

static err read_file(char **out, FILE *f, const char *path)
{
	struct stat st;
	char text[SIGN_SECRET_MAX + 1];
	size_t n = fread(text, 1, sizeof(text), f);
	if (ferror(f))
		return err_sys(ERR_CONFIG, "secret_file %s", path);
	if (n == sizeof(text))
		return err_fail(ERR_CONFIG, "secret_file %s is longer than %d bytes", path,
				SIGN_SECRET_MAX);
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n == 0 || memchr(text, '\0', n))
		return err_fail(ERR_CONFIG, "secret_file %s holds no text", path);
	if (fstat(fileno(f), &st) == 0 && st.st_mode & (S_IROTH | S_IWOTH))
		log_warn("secret_file %s can be read or written by every user of this host", path);
	*out = mem_strndup(text, n);
	OPENSSL_cleanse(text, sizeof(text));
	return OK;
}

static err secret_text(char **out, const struct conf_cluster *conf)
{
	*out = NULL;
	if (!*conf->secret_file) {
		*out = *conf->secret ? mem_strdup(conf->secret) : NULL;
		return OK;
	}
	FILE *f = fopen(conf->secret_file, "re");
	if (!f)
		return err_sys(ERR_CONFIG, "secret_file %s", conf->secret_file);
	setvbuf(f, NULL, _IONBF, 0);
	err e = read_file(out, f, conf->secret_file);
	fclose(f);
	return e;
}

err signer_load(struct signer *signer, const struct conf *conf)
{
	struct secret *list = NULL;
	for (int i = 0; i < conf->vhost_count; i++) {
		char *text = NULL;
		err e = secret_text(&text, &conf->vhosts[i].cluster);
		if (e) {
			secrets_free(&list);
			return e;
		}
		if (!text)
			continue;
		struct secret *s = mem_new(struct secret);
		s->vhost = mem_strdup(conf->vhosts[i].name);
		s->text = text;
		DL_APPEND(list, s);
	}
	secrets_free(&signer->secrets);
	signer->secrets = list;
	return OK;
}

bool signer_on(const struct signer *signer)
{
	return signer->secrets != NULL;
}

bool signer_has(const struct signer *signer, const char *vhost)
{
	const struct secret *s;
	DL_FOREACH (signer->secrets, s)
		if (strcmp(s->vhost, vhost) == 0)
			return true;
	return false;
}

/* ---- signing ---- */

bool sign_is_id(const char *s)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t n = strlen(s);
	return n < SIGN_ID_MAX && strspn(s, letters) == n;
}

static void hex(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

/* Each part ends with a newline; none of them can hold one but the body, which goes in as its
 * digest. */
static bool digest(char out[static 2 * DIGEST + 1], const char *secret,
		   const struct sign_said *said, const struct sign_what *what)
{
	unsigned char sum[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];
	char body_hex[2 * DIGEST + 1];
	unsigned n = 0;
	if (EVP_Digest(what->body.p, what->body.n, sum, NULL, EVP_sha256(), NULL) != 1)
		return false;
	hex(body_hex, sum, DIGEST);
	char *text = mem_printf("srs-cluster-2\n%s\n%s\n%s\n%s\n%s\n%s\n", said->to, what->method,
				what->target, body_hex, said->time, said->nonce);
	bool ok = HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text,
		       strlen(text), mac, &n) != NULL &&
		  n == DIGEST;
	free(text);
	if (ok)
		hex(out, mac, DIGEST);
	return ok;
}

static const struct secret *secret_of(const struct signer *signer, const char *vhost)
{
	const struct secret *s;
	DL_FOREACH (signer->secrets, s)
		if (vhost && strcmp(s->vhost, vhost) == 0)
			return s;
	return signer->secrets;
}

bool sign_make(const struct signer *signer, struct sign_mark *mark, const char *vhost,
	       const char *to, const struct sign_what *what, int64_t wall_ms)
{
	unsigned char random[NONCE_BYTES];
	const struct secret *secret = secret_of(signer, vhost);
	*mark = (struct sign_mark){0};
	if (!secret || !sign_is_id(to) || RAND_bytes(random, sizeof(random)) != 1)
		return false;
	memcpy(random, signer->tag, sizeof(signer->tag));
	snprintf(mark->to, sizeof(mark->to), "%s", to);
	snprintf(mark->time, sizeof(mark->time), "%lld", (long long)wall_ms);
	hex(mark->nonce, random, sizeof(random));
	return digest(mark->mac, secret->text,
		      &(struct sign_said){.to = mark->to, .time = mark->time, .nonce = mark->nonce},
		      what);
}

char *sign_lines(const struct signer *signer, const char *lines, const char *vhost, const char *to,
		 const struct sign_what *what)
{
	struct sign_mark m;
	if (!sign_make(signer, &m, vhost, to, what, clock_wall_ms()))
		return mem_strdup(lines);
	return mem_printf("%sX-Srs-To: %s\r\nX-Srs-Time: %s\r\nX-Srs-Nonce: %s\r\n"
			  "X-Srs-Sign: %s\r\n",
			  lines, m.to, m.time, m.nonce, m.mac);
}

/* ---- receivers ---- */

const char *sign_peer(const struct signer *signer, const char *address)
{
	const struct sign_peer_state *p = map_get(signer->peers, address);
	return p ? p->id : "";
}

/* Relays come and go: the address that came first is forgotten first, which costs a server that is
 * still there one more question. */
static void make_room(struct map *peers)
{
	for (struct map_iter it = map_begin(peers);
	     map_count(peers) >= SIGN_PEERS_MAX && map_next(&it);)
		free(map_remove(peers, it.key));
}

bool sign_learn(struct signer *signer, const char *address, const char *id)
{
	struct sign_peer_state *p = map_get(signer->peers, address);
	if (!*id || !sign_is_id(id) || (p && strcmp(p->id, id) == 0))
		return false;
	if (!p) {
		make_room(signer->peers);
		p = mem_new(struct sign_peer_state);
		map_set(signer->peers, address, p);
	}
	snprintf(p->id, sizeof(p->id), "%s", id);
	return true;
}

int sign_nonces(const struct signer *signer)
{
	return nonces_count(signer->nonces);
}

/* ---- checking ---- */

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static bool is_time(const char *s)
{
	size_t n = strlen(s);
	return n > 0 && n <= TIME_DIGITS && strspn(s, "0123456789") == n;
}

static bool is_by_us(const struct signer *signer, const struct sign_said *said,
		     const struct sign_what *what)
{
	const struct secret *s;
	bool good = false;
	DL_FOREACH (signer->secrets, s) {
		char ours[2 * DIGEST + 1];
		if (digest(ours, s->text, said, what))
			good |= CRYPTO_memcmp(ours, said->mac, 2 * DIGEST) == 0;
	}
	return good;
}

static bool is_complete(const struct sign_said *said)
{
	return said->to && said->time && said->nonce && said->mac && sign_is_id(said->to) &&
	       is_time(said->time) && is_hex(said->nonce, 2 * NONCE_BYTES) &&
	       is_hex(said->mac, 2 * DIGEST);
}

static enum sign_verdict judge(struct signer *signer, const struct sign_said *said,
			       const struct sign_what *what, int64_t now)
{
	if (!said->to && !said->time && !said->nonce && !said->mac)
		return SIGN_MISSING;
	if (!is_complete(said) || !is_by_us(signer, said, what))
		return SIGN_FORGED;
	if (strcmp(said->to, signer->self) != 0)
		return SIGN_MISDIRECTED;
	int64_t at = strtoll(said->time, NULL, 10);
	if (at < now - SIGN_SKEW_MS || at > now + SIGN_SKEW_MS)
		return SIGN_LATE;
	return nonces_take(signer->nonces, said->nonce, at, now);
}

enum sign_verdict sign_check(struct signer *signer, const struct sign_said *said,
			     const struct sign_what *what, int64_t wall_ms)
{
	enum sign_verdict v = judge(signer, said, what, wall_ms);
	signer->counts[v]++;
	return v;
}

/* ---- what became of it ---- */

uint64_t sign_count(const struct signer *signer, enum sign_verdict verdict)
{
	return signer->counts[verdict];
}

const char *sign_why(enum sign_verdict verdict)
{
	static const char *const words[SIGN_VERDICTS] = {
		[SIGN_GOOD] = "its signature is good",
		[SIGN_MISSING] = "it is not signed",
		[SIGN_FORGED] = "its signature is by none of our secrets",
		[SIGN_LATE] = "its time is too far from ours: are both clocks right?",
		[SIGN_REPLAYED] = "it was here before",
		[SIGN_MISDIRECTED] = "it is signed for another server",
	};
	return words[verdict];
}

void signer_free(struct signer **signer)
{
	struct signer *s = *signer;
	*signer = NULL;
	if (!s)
		return;
	secrets_free(&s->secrets);
	nonces_free(&s->nonces);
	map_free_values(&s->peers);
	free(s);
}
