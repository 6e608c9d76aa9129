#include "rtc/link.h"
#include "base/mem.h"
#include "rtc/port.h"

#include <stdlib.h>

enum {
	RTCP_FIRST = 192, /* payload types of control packets (RFC 5761) */
	RTCP_LAST = 223,
	RTP_HEAD = 12,
	RTCP_HEAD = 8,
	PT_MASK = 0x7f,
};

struct rtc_link {
	/* What sending looks at comes first. */
	struct rtc_port *port;
	struct srtp *send; /* while it is open, as `recv` */
	enum rtc_link_state state;
	uint8_t drop_pt;
	struct rtc_link_counts counts;
	struct ice ice; /* likewise: the paths */
	const struct rtc_link_ops *ops;
	void *ctx;
	struct srtp *recv;
	int64_t heard_ms;
	struct dtls *dtls;
	const char *failure; /* a literal; NULL: DTLS says it */
};

/* ---- its state ---- */

static void set_state(struct rtc_link *l, enum rtc_link_state state)
{
	if (l->state >= LINK_LEFT || l->state == state)
		return;
	l->state = state;
	l->ops->on_state(l->ctx);
}

static void open_media(struct rtc_link *l)
{
	if (dtls_keys(l->dtls, &l->send, &l->recv) == OK) {
		set_state(l, LINK_OPEN);
		return;
	}
	l->failure = "no keys could be made of the DTLS handshake";
	set_state(l, LINK_FAILED);
}

static void on_dtls_state(void *ctx)
{
	struct rtc_link *l = ctx;
	switch (dtls_state(l->dtls)) {
	case DTLS_DONE:
		open_media(l);
		break;
	case DTLS_LEFT:
		set_state(l, LINK_LEFT);
		break;
	case DTLS_FAILED:
		set_state(l, LINK_FAILED);
		break;
	default:
		break;
	}
}

/* ---- what it sends ---- */

static bool put(struct rtc_link *l, const struct rtc_path *path, size_t n)
{
	bool done = rtc_port_put(l->port, path, n);
	l->counts.send_packets += done;
	l->counts.send_bytes += done ? (int64_t)n : 0;
	l->counts.send_dropped += !done;
	return done;
}

static void send_plain(struct rtc_link *l, const struct rtc_path *path, struct span datagram)
{
	if (!path || datagram.n > RTC_DATAGRAM_MAX)
		return;
	memcpy(rtc_port_room(l->port), datagram.p, datagram.n);
	put(l, path, datagram.n);
}

static void on_dtls_send(void *ctx, struct span datagram)
{
	struct rtc_link *l = ctx;
	send_plain(l, ice_selected(&l->ice), datagram);
}

static const struct dtls_ops dtls_ops = {.send = on_dtls_send, .on_state = on_dtls_state};

static const struct rtc_path *open_path(struct rtc_link *l, size_t n)
{
	const struct rtc_path *path = l->state == LINK_OPEN ? ice_selected(&l->ice) : NULL;
	if (path && n <= RTC_DATAGRAM_MAX)
		return path;
	l->counts.send_dropped++;
	return NULL;
}

bool rtc_link_send_rtp(struct rtc_link *l, const struct srtp_packet *p)
{
	const struct rtc_path *path =
		open_path(l, p->header.n + p->lead.n + p->payload.n + SRTP_OVERHEAD);
	return path && put(l, path, srtp_protect(l->send, p, rtc_port_room(l->port)));
}

bool rtc_link_needs(const struct rtc_link *l, const void *needs[static RTC_LINK_NEEDS])
{
	if (!l->send || !ice_selected(&l->ice))
		return false;
	needs[0] = l;
	needs[1] = ice_selected(&l->ice);
	srtp_needs(l->send, needs + 2);
	return true;
}

bool rtc_link_send_rtcp(struct rtc_link *l, struct span compound)
{
	const struct rtc_path *path = open_path(l, compound.n + SRTCP_OVERHEAD);
	return path && compound.n >= RTCP_HEAD &&
	       put(l, path, srtp_protect_rtcp(l->send, compound, rtc_port_room(l->port)));
}

/* ---- what comes ---- */

static void received(struct rtc_link *l, size_t n)
{
	l->counts.recv_packets++;
	l->counts.recv_bytes += (int64_t)n;
}

static void heard(struct rtc_link *l, const struct rtc_path *path)
{
	l->heard_ms = clock_ms();
	ice_heard(&l->ice, path, l->heard_ms);
	dtls_settle(l->dtls);
}

void rtc_link_take_check(struct rtc_link *l, const struct stun *check, struct span datagram,
			 const struct rtc_path *path)
{
	struct ice_result result;
	struct buf answer = {.max = STUN_WRITE_MAX};
	received(l, datagram.n);
	if (l->state < LINK_LEFT)
		ice_take_check(&l->ice, check, datagram, path, &answer, &result);
	else
		result = (struct ice_result){.verdict = ICE_DROPPED};
	if (result.verdict != ICE_DROPPED && buf_ok(&answer))
		send_plain(l, path, buf_span(&answer));
	buf_free(&answer);
	if (result.verdict != ICE_ACCEPTED)
		return;
	l->heard_ms = clock_ms();
	if (result.has_dropped)
		rtc_port_forget(l->port, &result.dropped, l);
	if (result.is_new)
		rtc_port_learn(l->port, path, l);
	if (l->state == LINK_OFFERED)
		set_state(l, LINK_CHECKED);
	dtls_start(l->dtls);
}

void rtc_link_take_dtls(struct rtc_link *l, struct span datagram, const struct rtc_path *path)
{
	received(l, datagram.n);
	/* Before the handshake is done nothing in it proves who sends, but that the path is known. */
	if (l->state != LINK_OPEN)
		ice_heard(&l->ice, path, clock_ms());
	dtls_take(l->dtls, datagram);
}

/* Repeated and late packets are usual: they are dropped without a word. */
static bool is_good(struct rtc_link *l, enum srtp_verdict verdict)
{
	l->counts.replayed += verdict == SRTP_REPLAYED;
	l->counts.bad += verdict == SRTP_BAD;
	return verdict == SRTP_OK;
}

void rtc_link_take_media(struct rtc_link *l, uint8_t *p, size_t n, const struct rtc_path *path)
{
	received(l, n);
	if (l->state != LINK_OPEN || n < RTP_HEAD)
		return;
	int64_t now_us = clock_us();
	if (p[1] >= RTCP_FIRST && p[1] <= RTCP_LAST) {
		if (!is_good(l, srtp_unprotect_rtcp(l->recv, p, &n)))
			return;
		heard(l, path);
		l->ops->on_rtcp(l->ctx, span_of(p, n), now_us);
		return;
	}
	if (l->drop_pt && (p[1] & PT_MASK) == l->drop_pt)
		return;
	if (!is_good(l, srtp_unprotect(l->recv, p, &n)))
		return;
	heard(l, path);
	l->ops->on_rtp(l->ctx, span_of(p, n), now_us);
}

void rtc_link_lose(struct rtc_link *l, const struct rtc_path *path)
{
	(void)ice_forget(&l->ice, path);
}

/* ---- its life ---- */

static err set_up(struct rtc_link *l, const struct rtc_link_opts *opts)
{
	TRY(dtls_new(&l->dtls, opts->identity, opts->active, opts->fingerprint, &dtls_ops, l));
	err e = rtc_port_add(l->port, l->ice.ours.ufrag, l);
	if (e)
		dtls_free(&l->dtls);
	return e;
}

err rtc_link_open(struct rtc_link **out, struct rtc_link_opts *opts)
{
	struct rtc_link *l = mem_new(struct rtc_link);
	l->port = rtc_port_ref(opts->port);
	l->ops = opts->ops;
	l->ctx = opts->ctx;
	l->drop_pt = opts->drop_pt;
	l->heard_ms = clock_ms();
	ice_init(&l->ice, &opts->words, opts->peer_ufrag);
	err e = set_up(l, opts);
	if (e) {
		ice_fini(&l->ice);
		rtc_port_unref(&l->port);
		free(l);
		return e;
	}
	*out = l;
	return OK;
}

static void remove_names(struct rtc_link *l)
{
	rtc_port_remove(l->port, l->ice.ours.ufrag);
	if (l->ice.former.ufrag)
		rtc_port_remove(l->port, l->ice.former.ufrag);
}

void rtc_link_close(struct rtc_link **link)
{
	struct rtc_link *l = *link;
	if (!l)
		return;
	dtls_free(&l->dtls);
	for (int i = 0; i < l->ice.path_count; i++)
		rtc_port_forget(l->port, &l->ice.paths[i], l);
	remove_names(l);
	ice_fini(&l->ice);
	srtp_free(&l->send);
	srtp_free(&l->recv);
	rtc_port_unref(&l->port);
	free(l);
	*link = NULL;
}

/* The name before the last one is free again; the present one stays until the peer has the new one. */
err rtc_link_restart(struct rtc_link *l, struct ice_word_pair *words, const char *peer_ufrag)
{
	err e = rtc_port_add(l->port, words->ufrag, l);
	if (e) {
		ice_words_free(words);
		return e;
	}
	if (l->ice.former.ufrag)
		rtc_port_remove(l->port, l->ice.former.ufrag);
	ice_restart(&l->ice, words, peer_ufrag);
	return OK;
}

/* ---- facts ---- */

enum rtc_link_state rtc_link_state(const struct rtc_link *l)
{
	return l->state;
}

static const char *why_not_open(const struct rtc_link *l)
{
	if (l->ice.counts.checks == 0 && l->ice.counts.forged > 0)
		return "checks came, but none with the right ice-pwd: the answer was changed on "
		       "its "
		       "way, or somebody guesses";
	if (l->ice.counts.checks == 0)
		return "no STUN came: UDP is blocked, or the candidates of the answer are "
		       "addresses "
		       "that the peer cannot reach";
	if (!ice_selected(&l->ice))
		return "checks came and were refused: both sides want to be the lite one";
	return dtls_state(l->dtls) == DTLS_IDLE
		       ? "checks are answered, but no DTLS came: answers do not reach the peer"
		       : "the DTLS handshake goes on";
}

const char *rtc_link_why(const struct rtc_link *l)
{
	switch (l->state) {
	case LINK_OPEN:
		return "";
	case LINK_LEFT:
		return "the peer has left";
	case LINK_FAILED:
		return l->failure ? l->failure : dtls_why(l->dtls);
	default:
		return why_not_open(l);
	}
}

int64_t rtc_link_heard_ms(const struct rtc_link *l)
{
	return l->heard_ms;
}

const struct rtc_link_counts *rtc_link_counts(const struct rtc_link *l)
{
	return &l->counts;
}

const struct ice_counts *rtc_link_ice_counts(const struct rtc_link *l)
{
	return &l->ice.counts;
}

const struct rtc_path *rtc_link_path(const struct rtc_link *l)
{
	return ice_selected(&l->ice);
}

const char *rtc_link_cipher(const struct rtc_link *l)
{
	return l->send ? dtls_profile_name(l->dtls) : "";
}

const char *rtc_link_ufrag(const struct rtc_link *l)
{
	return l->ice.ours.ufrag;
}

const char *rtc_link_pwd(const struct rtc_link *l)
{
	return l->ice.ours.pwd;
}

const char *rtc_link_peer_ufrag(const struct rtc_link *l)
{
	return l->ice.peer_ufrag;
}
