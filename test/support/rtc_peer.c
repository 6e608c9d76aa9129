#include "support/rtc_peer.h"
#include "base/check.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

enum { POLL_MS = 20 };

static const struct hostport loopback = {.host = "127.0.0.1"};

static void open_socket(struct rtc_peer *p)
{
	check(udp_open(&p->udp,
		       &(struct udp_opts){.at = loopback,
					  .recv_buffer = p->recv_buffer,
					  .packet_max = p->one_by_one ? UDP_SEND_MAX / 16 : 0,
					  .what = "peer"}) == OK);
}

void rtc_peer_open(struct rtc_peer *p)
{
	open_socket(p);
	check(dtls_identity_new(&p->identity) == OK);
	check(rtc_fingerprint_read(&p->fingerprint,
				   span_str(dtls_identity_fingerprint(p->identity))));
}

void rtc_peer_close(struct rtc_peer *p)
{
	dtls_free(&p->dtls);
	dtls_identity_free(&p->identity);
	srtp_free(&p->send);
	srtp_free(&p->recv);
	udp_close(&p->udp);
}

void rtc_peer_move(struct rtc_peer *p)
{
	udp_close(&p->udp);
	open_socket(p);
}

void rtc_peer_send(struct rtc_peer *p, struct span datagram)
{
	int sent;
	struct udp_out out = {.data = datagram, .to = &p->server};
	(void)udp_send(p->udp, &out, 1, &sent);
}

/* ---- DTLS ---- */

static void on_send(void *ctx, struct span datagram)
{
	rtc_peer_send(ctx, datagram);
}

static void on_state(void *ctx)
{
	struct rtc_peer *p = ctx;
	if (dtls_state(p->dtls) == DTLS_DONE)
		check(dtls_keys(p->dtls, &p->send, &p->recv) == OK);
}

static const struct dtls_ops ops = {on_send, on_state};

void rtc_peer_answer(struct rtc_peer *p, int port, const char *ufrag, const char *pwd,
		     const char *fingerprint, bool active)
{
	struct rtc_fingerprint theirs;
	check(addr_literal(&p->server, "127.0.0.1", port));
	check(rtc_fingerprint_read(&theirs, span_str(fingerprint)));
	snprintf(p->server_ufrag, sizeof(p->server_ufrag), "%s", ufrag);
	snprintf(p->server_pwd, sizeof(p->server_pwd), "%s", pwd);
	check(dtls_new(&p->dtls, p->identity, active, &theirs, &ops, p) == OK);
}

/* ---- checks ---- */

void rtc_peer_check(struct rtc_peer *p, int flags)
{
	static uint8_t id[STUN_ID];
	uint8_t hmac[STUN_HMAC];
	unsigned n = sizeof(hmac);
	char name[ICE_UFRAG_MAX + 16];
	struct buf b = {.max = 1024};
	id[0]++;
	snprintf(name, sizeof(name), "%s:" RTC_PEER_UFRAG, p->server_ufrag);
	stun_write_head(&b, STUN_BINDING_REQUEST, id);
	stun_write_username(&b, name);
	stun_write_number(
		&b, flags & RTC_PEER_CONTROLLED ? STUN_ICE_CONTROLLED : STUN_ICE_CONTROLLING, 7, 8);
	if (flags & RTC_PEER_STRANGE)
		stun_write_number(&b, 0x7777, 0, 4);
	if (!(flags & RTC_PEER_NO_NOMINATION))
		stun_write_number(&b, STUN_USE_CANDIDATE, 0, 0);
	stun_write_number(&b, STUN_PRIORITY, 0x6e7f1eff, 4);
	stun_before_integrity(&b);
	check(HMAC(EVP_sha1(), p->server_pwd, (int)strlen(p->server_pwd), b.p, b.n, hmac, &n) !=
	      NULL);
	hmac[0] ^= flags & RTC_PEER_FORGED ? 1 : 0;
	stun_write_integrity(&b, hmac);
	stun_write_fingerprint(&b);
	rtc_peer_send(p, buf_span(&b));
	buf_free(&b);
}

static void take_stun(struct rtc_peer *p, struct span d)
{
	struct stun m;
	if (stun_parse(&m, d) != OK || !m.integrity_at || !stun_fingerprint_ok(&m, d))
		return;
	p->successes += m.type == STUN_BINDING_SUCCESS;
	p->errors += m.type == STUN_BINDING_ERROR;
	if (m.error_code)
		p->last_error = m.error_code;
	if (m.has_mapped)
		p->mapped = m.mapped;
}

static void take_media(struct rtc_peer *p, struct span d)
{
	bool is_rtcp = d.n > 1 && d.p[1] >= 192 && d.p[1] <= 223, was_good;
	if (p->on_rtp && !is_rtcp) {
		p->on_rtp(p, (uint8_t *)(uintptr_t)d.p, d.n);
		return;
	}
	memcpy(p->last, d.p, d.n);
	p->last_size = d.n;
	if (is_rtcp) {
		was_good = srtp_unprotect_rtcp(p->recv, p->last, &p->last_size) == SRTP_OK;
		p->rtcp += was_good;
		if (was_good && p->on_rtcp)
			p->on_rtcp(p, span_of(p->last, p->last_size));
	} else if (srtp_unprotect(p->recv, p->last, &p->last_size) == SRTP_OK) {
		p->rtp++;
		p->last_pt = p->last[1] & 0x7f;
	}
}

static void on_packet(void *ctx, const struct udp_packet *packet)
{
	struct rtc_peer *p = ctx;
	uint8_t first = packet->data.n ? packet->data.p[0] : 255;
	if (first < 4) {
		take_stun(p, packet->data);
	} else if (first < 64) {
		if (p->dropped < p->drop_dtls)
			p->dropped++;
		else if (p->dtls)
			dtls_take(p->dtls, packet->data);
	} else if ((p->recv || p->on_rtp) && packet->data.n <= sizeof(p->last)) {
		take_media(p, packet->data);
	}
}

void rtc_peer_poll(struct rtc_peer *p)
{
	while (udp_recv(p->udp, on_packet, p) == OK)
		;
}

bool rtc_peer_connect(struct rtc_peer *p, int64_t ms)
{
	int64_t deadline = clock_after(ms);
	udp_attach(p->udp);
	while (!p->send && clock_ms() < deadline) {
		if (p->successes == 0 || dtls_state(p->dtls) == DTLS_IDLE)
			rtc_peer_check(p, 0);
		(void)udp_wait(p->udp, clock_after(POLL_MS));
		rtc_peer_poll(p);
		if (p->successes)
			dtls_start(p->dtls);
	}
	return p->send != NULL;
}

bool rtc_peer_wait_media(struct rtc_peer *p, int64_t ms)
{
	int64_t deadline = clock_after(ms);
	int before = p->rtp + p->rtcp;
	udp_attach(p->udp);
	while (p->rtp + p->rtcp == before && clock_ms() < deadline) {
		rtc_peer_poll(p);
		if (p->rtp + p->rtcp == before)
			(void)udp_wait(p->udp, clock_after(POLL_MS));
	}
	return p->rtp + p->rtcp > before;
}

void rtc_peer_rtp(struct rtc_peer *p, uint8_t pt, uint16_t seq, uint32_t ts, struct span payload)
{
	uint8_t out[2048];
	struct buf head = {.max = 12};
	buf_u8(&head, 0x80);
	buf_u8(&head, pt);
	buf_u16(&head, seq);
	buf_u32(&head, ts);
	buf_u32(&head, 0x1234);
	struct srtp_packet packet = {.header = buf_span(&head), .payload = payload, .index = seq};
	rtc_peer_send(p, span_of(out, srtp_protect(p->send, &packet, out)));
	buf_free(&head);
}
