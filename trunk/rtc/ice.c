#include "rtc/ice.h"
#include "base/clock.h"
#include "base/mem.h"
#include "rtc/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { CHECK_MAX = 1024 }; /* bytes that MESSAGE-INTEGRITY may cover */

bool rtc_path_same(const struct rtc_path *a, const struct rtc_path *b)
{
	return a->stream == b->stream && addr_port(&a->peer) == addr_port(&b->peer) &&
	       addr_same(&a->peer, &b->peer) && addr_same(&a->local, &b->local);
}

/* ---- credentials ---- */

/* Of 64 characters that ICE allows, so that each has 6 bits. */
static err random_word(char **out, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t random[ICE_OUR_PWD];
	TRY(rtc_random(random, n));
	*out = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++)
		(*out)[i] = set[random[i] & 63];
	(*out)[n] = '\0';
	return OK;
}

err ice_words_new(struct ice_word_pair *out)
{
	*out = (struct ice_word_pair){0};
	TRY(random_word(&out->ufrag, ICE_OUR_UFRAG));
	/* It stands in URLs, too. */
	for (char *p = out->ufrag; *p; p++)
		*p = *p == '+' ? 'p' : *p == '/' ? 's' : *p;
	return random_word(&out->pwd, ICE_OUR_PWD);
}

void ice_words_free(struct ice_word_pair *words)
{
	free(words->ufrag);
	free(words->pwd);
	*words = (struct ice_word_pair){0};
}

void ice_init(struct ice *ice, struct ice_word_pair *ours, const char *peer_ufrag)
{
	*ice = (struct ice){.ours = *ours, .selected = -1};
	*ours = (struct ice_word_pair){0};
	ice->peer_ufrag = mem_strdup(peer_ufrag);
}

static void forget_former(struct ice *ice)
{
	ice_words_free(&ice->former);
	free(ice->peer_former);
	ice->peer_former = NULL;
}

void ice_fini(struct ice *ice)
{
	forget_former(ice);
	ice_words_free(&ice->ours);
	free(ice->peer_ufrag);
	ice->peer_ufrag = NULL;
}

void ice_restart(struct ice *ice, struct ice_word_pair *ours, const char *peer_ufrag)
{
	forget_former(ice);
	ice->has_moved = false;
	ice->former = ice->ours;
	ice->peer_former = ice->peer_ufrag;
	ice->ours = *ours;
	*ours = (struct ice_word_pair){0};
	ice->peer_ufrag = mem_strdup(peer_ufrag);
}

/* ---- a check ---- */

static bool hmac_of(uint8_t out[static STUN_HMAC], const char *pwd, struct span head,
		    struct span rest)
{
	uint8_t all[CHECK_MAX];
	unsigned n = STUN_HMAC;
	if (head.n + rest.n > sizeof(all))
		return false;
	memcpy(all, head.p, head.n);
	if (rest.n)
		memcpy(all + head.n, rest.p, rest.n);
	return HMAC(EVP_sha1(), pwd, (int)strlen(pwd), all, head.n + rest.n, out, &n) != NULL;
}

static bool is_authentic(const struct stun *check, struct span datagram, const char *pwd)
{
	uint8_t head[STUN_HEAD], want[STUN_HMAC];
	if (!check->integrity_at)
		return false;
	stun_integrity_head(head, check, datagram);
	struct span rest = span_of(datagram.p + STUN_HEAD, check->integrity_at - STUN_HEAD);
	return hmac_of(want, pwd, span_of(head, STUN_HEAD), rest) &&
	       CRYPTO_memcmp(want, check->hmac.p, STUN_HMAC) == 0;
}

/* "ours:theirs" of the words that are in use. */
static bool is_addressed(struct span username, const char *ours, const char *theirs)
{
	size_t n = ours ? strlen(ours) : 0;
	return ours && theirs && username.n > n && username.p[n] == ':' &&
	       memcmp(username.p, ours, n) == 0 && span_is(span_rest(username, n + 1), theirs);
}

/* The password that the check was made with; NULL: it is not for us. */
static const char *password_of(struct ice *ice, const struct stun *check, struct span datagram)
{
	if (is_addressed(check->username, ice->ours.ufrag, ice->peer_ufrag) &&
	    is_authentic(check, datagram, ice->ours.pwd)) {
		ice->has_moved = true;
		return ice->ours.pwd;
	}
	if (!ice->has_moved && is_addressed(check->username, ice->former.ufrag, ice->peer_former) &&
	    is_authentic(check, datagram, ice->former.pwd))
		return ice->former.pwd;
	return NULL;
}

static bool is_too_many(struct ice *ice)
{
	int64_t second = clock_ms() / 1000;
	if (second != ice->second)
		ice->checks = 0;
	ice->second = second;
	return ++ice->checks > ICE_CHECKS_PER_SECOND;
}

static void finish_answer(struct buf *out, const char *pwd)
{
	uint8_t hmac[STUN_HMAC];
	stun_before_integrity(out);
	if (hmac_of(hmac, pwd, buf_span(out), (struct span){0}))
		stun_write_integrity(out, hmac);
	stun_write_fingerprint(out);
}

/* ---- paths ---- */

static int find_path(const struct ice *ice, const struct rtc_path *path)
{
	for (int i = 0; i < ice->path_count; i++)
		if (rtc_path_same(&ice->paths[i], path))
			return i;
	return -1;
}

/* The one that was silent for longest, if there is no room; never the selected one. */
static int place_for(struct ice *ice, struct ice_result *out)
{
	int oldest = -1;
	if (ice->path_count < ICE_PATHS_MAX)
		return ice->path_count++;
	for (int i = 0; i < ice->path_count; i++)
		if (i != ice->selected && (oldest < 0 || ice->heard_ms[i] < ice->heard_ms[oldest]))
			oldest = i;
	out->has_dropped = true;
	out->dropped = ice->paths[oldest];
	return oldest;
}

static void take_path(struct ice *ice, const struct rtc_path *path, bool nominated,
		      struct ice_result *out)
{
	int i = find_path(ice, path);
	if (i < 0) {
		i = place_for(ice, out);
		ice->paths[i] = *path;
		out->is_new = true;
	}
	ice->heard_ms[i] = clock_ms();
	if (i != ice->selected && (nominated || ice->selected < 0)) {
		ice->selected = i;
		out->is_selected = true;
	}
}

void ice_heard(struct ice *ice, const struct rtc_path *path, int64_t now_ms)
{
	int i = ice->selected >= 0 && rtc_path_same(&ice->paths[ice->selected], path)
			? ice->selected
			: find_path(ice, path);
	if (i >= 0)
		ice->heard_ms[i] = now_ms;
}

/* The path that something came on last; -1: there is none. */
static int find_latest(const struct ice *ice)
{
	int latest = -1;
	for (int i = 0; i < ice->path_count; i++)
		if (latest < 0 || ice->heard_ms[i] > ice->heard_ms[latest])
			latest = i;
	return latest;
}

bool ice_forget(struct ice *ice, const struct rtc_path *path)
{
	int i = find_path(ice, path), last = ice->path_count - 1;
	if (i < 0)
		return false;
	bool was_selected = i == ice->selected;
	ice->paths[i] = ice->paths[last];
	ice->heard_ms[i] = ice->heard_ms[last];
	ice->path_count--;
	if (was_selected)
		ice->selected = find_latest(ice);
	else if (ice->selected == last)
		ice->selected = i;
	return was_selected;
}

const struct rtc_path *ice_selected(const struct ice *ice)
{
	return ice->selected >= 0 ? &ice->paths[ice->selected] : NULL;
}

/* ---- the story of a check ---- */

static void refuse(struct ice_result *out, struct buf *answer, const struct stun *check, int code,
		   const char *reason)
{
	out->verdict = ICE_REFUSED;
	stun_write_head(answer, STUN_BINDING_ERROR, check->id);
	stun_write_error(answer, code, reason);
	if (check->unknown_count)
		stun_write_unknown(answer, check);
}

void ice_take_check(struct ice *ice, const struct stun *check, struct span datagram,
		    const struct rtc_path *path, struct buf *answer, struct ice_result *out)
{
	*out = (struct ice_result){.verdict = ICE_DROPPED};
	if (is_too_many(ice))
		return;
	const char *pwd =
		stun_fingerprint_ok(check, datagram) ? password_of(ice, check, datagram) : NULL;
	if (!pwd) {
		ice->counts.forged++;
		return;
	}
	ice->counts.checks++;
	if (check->unknown_count) {
		refuse(out, answer, check, 420, "Unknown Attribute");
	} else if (check->role == STUN_CONTROLLED) {
		ice->counts.conflicts++;
		refuse(out, answer, check, 487, "Role Conflict");
	} else {
		out->verdict = ICE_ACCEPTED;
		take_path(ice, path, check->use_candidate, out);
		stun_write_head(answer, STUN_BINDING_SUCCESS, check->id);
		stun_write_mapped(answer, check->id, &path->peer);
	}
	finish_answer(answer, pwd);
}
