/* The transport of a peer, over a real port of loopback: checks, handshakes in both roles, media, and who must
 * not get in. */
#include "base/mem.h"
#include "rtc/port.h"
#include "rtc/stream.h"
#include "support/co_unit.h"
#include "support/rtc_peer.h"
#include "support/unit.h"

#include <stdio.h>

static struct rtc_port *port;
static struct co *server;
static struct dtls_identity *identity;
static struct rtc_peer peer;
static struct rtc_link *link_;
static int states, rtp, rtcp;
static uint8_t last[2048];
static size_t last_size;

/* ---- the server's side ---- */

static void serve(void *arg)
{
	(void)arg;
	(void)rtc_port_run(port);
}

static int setup(void **state)
{
	struct udp *udp;
	int code = co_setup(state);
	struct hostport at = {.host = "127.0.0.1"};
	assert_int_equal(udp_open(&udp, &(struct udp_opts){.at = at, .what = "test"}), OK);
	port = rtc_port_new(udp);
	assert_int_equal(dtls_identity_new(&identity), OK);
	server = co_start("port", serve, NULL);
	peer = (struct rtc_peer){0};
	rtc_peer_open(&peer);
	states = rtp = rtcp = 0;
	return code;
}

static int teardown(void **state)
{
	rtc_peer_close(&peer);
	rtc_link_close(&link_);
	co_stop(server);
	co_join(&server);
	assert_int_equal(rtc_port_links(port), 0);
	rtc_port_unref(&port);
	dtls_identity_free(&identity);
	return co_teardown(state);
}

static void on_state(void *ctx)
{
	(void)ctx;
	states++;
}

static void on_rtp(void *ctx, struct span packet, int64_t now_us)
{
	(void)ctx;
	(void)now_us;
	rtp++;
	memcpy(last, packet.p, packet.n);
	last_size = packet.n;
}

static void on_rtcp(void *ctx, struct span compound, int64_t now_us)
{
	(void)ctx;
	(void)now_us;
	(void)compound;
	rtcp++;
}

static const struct rtc_link_ops ops = {on_state, on_rtp, on_rtcp};

static void open_link(bool active, const struct rtc_fingerprint *fingerprint)
{
	struct rtc_link_opts opts = {
		.port = port,
		.identity = identity,
		.peer_ufrag = RTC_PEER_UFRAG,
		.active = active,
		.fingerprint = fingerprint,
		.drop_pt = 99,
		.ops = &ops,
	};
	assert_int_equal(ice_words_new(&opts.words), OK);
	assert_int_equal(rtc_link_open(&link_, &opts), OK);
	rtc_peer_answer(&peer, rtc_port_number(port), rtc_link_ufrag(link_), rtc_link_pwd(link_),
			dtls_identity_fingerprint(identity), !active);
}

static void until(const int *count, int want)
{
	int64_t deadline = clock_after(2000);
	while (*count < want && clock_ms() < deadline) {
		(void)co_sleep(2);
		rtc_peer_poll(&peer);
	}
	assert_int_equal(*count, want);
}

static void until_state(enum rtc_link_state want)
{
	int64_t deadline = clock_after(3000);
	while (rtc_link_state(link_) != want && clock_ms() < deadline) {
		(void)co_sleep(2);
		rtc_peer_poll(&peer);
	}
	assert_int_equal(rtc_link_state(link_), want);
}

static void send_to_peer(uint16_t seq)
{
	static const uint8_t head[] = {0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3};
	uint8_t copy[12];
	memcpy(copy, head, sizeof(copy));
	copy[3] = (uint8_t)seq;
	struct srtp_packet p = {
		.header = span_of(copy, 12), .payload = span_str("hello"), .index = seq};
	assert_true(rtc_link_send_rtp(link_, &p));
}

/* ---- cases ---- */

static void media_flows_both_ways(bool active)
{
	open_link(active, &peer.fingerprint);
	assert_non_null(strstr(rtc_link_why(link_), "no STUN came"));
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	assert_string_equal(rtc_link_cipher(link_), "SRTP_AEAD_AES_128_GCM");
	assert_int_equal(addr_port(&peer.mapped), udp_port(peer.udp));
	assert_int_equal(states, 2); /* checked, open */
	rtc_peer_rtp(&peer, 96, 7, 8, span_str("media"));
	until(&rtp, 1);
	assert_int_equal(last_size, 17);
	assert_memory_equal(last + 12, "media", 5);
	send_to_peer(1);
	assert_true(rtc_peer_wait_media(&peer, 2000));
	assert_int_equal(peer.rtp, 1);
	assert_memory_equal(peer.last + 12, "hello", 5);
	static const uint8_t pli[] = {0x81, 0xce, 0, 2, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe};
	assert_true(rtc_link_send_rtcp(link_, span_of(pli, sizeof(pli))));
	assert_true(rtc_peer_wait_media(&peer, 2000));
	assert_int_equal(peer.rtcp, 1);
}

static void a_peer_that_begins_gets_media_and_sends_it(void **state)
{
	(void)state;
	media_flows_both_ways(false);
}

static void a_peer_that_waits_is_begun_with(void **state)
{
	(void)state;
	media_flows_both_ways(true);
}

static void flights_that_are_lost_are_sent_again(void **state)
{
	(void)state;
	peer.drop_dtls = 3;
	open_link(true, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	assert_int_equal(peer.dropped, 3);
}

static void another_certificate_than_the_offers_gets_no_keys(void **state)
{
	(void)state;
	struct rtc_fingerprint other = peer.fingerprint;
	other.bytes[3] ^= 1;
	open_link(false, &other);
	(void)rtc_peer_connect(&peer, 5000);
	until_state(LINK_FAILED);
	assert_non_null(strstr(rtc_link_why(link_), "certificate"));
	static const uint8_t pli[] = {0x81, 0xce, 0, 2, 0, 0, 0, 1, 0xca, 0xfe, 0xba, 0xbe};
	assert_false(rtc_link_send_rtcp(link_, span_of(pli, sizeof(pli))));
}

static void a_forged_check_is_not_answered_and_moves_nothing(void **state)
{
	(void)state;
	struct rtc_peer stranger = {0};
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	rtc_peer_open(&stranger);
	rtc_peer_answer(&stranger, rtc_port_number(port), rtc_link_ufrag(link_), "wrongpassword",
			dtls_identity_fingerprint(identity), false);
	rtc_peer_check(&stranger, 0);
	rtc_peer_check(&peer, RTC_PEER_FORGED);
	rtc_peer_check(&peer, 0);
	int before = peer.successes;
	until(&peer.successes, before + 1);
	rtc_peer_poll(&stranger);
	assert_int_equal(stranger.successes + stranger.errors, 0);
	assert_int_equal(rtc_link_ice_counts(link_)->forged, 2);
	send_to_peer(1);
	assert_true(rtc_peer_wait_media(&peer, 2000));
	rtc_peer_close(&stranger);
}

static void a_peer_whose_address_changes_is_followed(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	for (int i = 0; i < 2 * ICE_PATHS_MAX; i++) {
		rtc_peer_move(&peer);
		int before = peer.successes;
		rtc_peer_check(&peer, 0);
		until(&peer.successes, before + 1);
		send_to_peer((uint16_t)(i + 1));
		assert_true(rtc_peer_wait_media(&peer, 2000));
		rtc_peer_rtp(&peer, 96, (uint16_t)(i + 1), 8, span_str("media"));
		until(&rtp, i + 1);
	}
}

static void a_path_that_is_not_nominated_takes_no_media(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	int used = addr_port(&rtc_link_path(link_)->peer);
	struct udp *kept = peer.udp;
	peer.udp = NULL;
	rtc_peer_move(&peer);
	int before = peer.successes;
	rtc_peer_check(&peer, RTC_PEER_NO_NOMINATION);
	until(&peer.successes, before + 1);
	assert_int_equal(addr_port(&rtc_link_path(link_)->peer), used);
	udp_close(&kept);
}

static void roles_and_attributes_that_do_not_fit_are_told(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	rtc_peer_check(&peer, RTC_PEER_CONTROLLED);
	until(&peer.errors, 1);
	assert_int_equal(peer.last_error, 487);
	assert_non_null(strstr(rtc_link_why(link_), "lite"));
	rtc_peer_check(&peer, RTC_PEER_STRANGE);
	until(&peer.errors, 2);
	assert_int_equal(peer.last_error, 420);
	assert_int_equal(rtc_link_state(link_), LINK_OFFERED);
}

static void what_comes_again_is_not_delivered_again(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	rtc_peer_rtp(&peer, 96, 7, 8, span_str("media"));
	rtc_peer_rtp(&peer, 96, 7, 8, span_str("media"));
	rtc_peer_rtp(&peer, 99, 8, 8, span_str("unwanted"));
	rtc_peer_send(&peer, span_str("\x80\x60 forged media of a known address"));
	rtc_peer_rtp(&peer, 96, 9, 8, span_str("media"));
	until(&rtp, 2);
	assert_int_equal(rtc_link_counts(link_)->replayed, 1);
	assert_int_equal(rtc_link_counts(link_)->bad, 1);
}

/* Whoever has seen a packet can send it from elsewhere, with the right keys in it. */
static void media_from_another_address_is_dropped(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	struct udp *own = peer.udp;
	peer.udp = NULL;
	rtc_peer_move(&peer);
	for (int i = 0; i < 5; i++)
		rtc_peer_rtp(&peer, 96, (uint16_t)(7 + i), 8, span_str("spoofed"));
	udp_close(&peer.udp);
	peer.udp = own;
	rtc_peer_rtp(&peer, 96, 7, 8, span_str("media"));
	until(&rtp, 1);
	assert_memory_equal(last + 12, "media", 5);
	assert_int_equal(rtc_port_counts(port)->unknown_peer, 5);
	assert_int_equal(rtc_link_counts(link_)->replayed, 0);
	send_to_peer(1); /* and nobody is led away */
	assert_true(rtc_peer_wait_media(&peer, 2000));
}

static void strangers_are_not_answered(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	rtc_peer_send(&peer, span_str("\x80\x60 media of nobody, longer than a header"));
	rtc_peer_send(&peer, span_str("\x16\xfe\xfd DTLS of nobody"));
	rtc_peer_send(&peer, span_str("\xff whatever"));
	rtc_peer_send(&peer, span_str("\x01 no STUN"));
	rtc_peer_send(&peer, (struct span){0});
	char ufrag[ICE_UFRAG_MAX + 1];
	memcpy(ufrag, peer.server_ufrag, sizeof(ufrag));
	snprintf(peer.server_ufrag, sizeof(peer.server_ufrag), "nobody");
	rtc_peer_check(&peer, 0);
	memcpy(peer.server_ufrag, ufrag, sizeof(ufrag));
	rtc_peer_check(&peer, 0);
	until(&peer.successes, 1);
	const struct rtc_port_counts *c = rtc_port_counts(port);
	assert_int_equal(c->unknown_peer, 2);
	assert_int_equal(c->unknown_name, 1);
	assert_int_equal(c->malformed, 1);
	assert_int_equal(c->other, 2);
}

static void a_flood_of_checks_is_answered_up_to_a_rate(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	for (int i = 0; i < 4 * ICE_CHECKS_PER_SECOND; i++)
		rtc_peer_check(&peer, 0);
	until((const int *)&states, 1);
	(void)co_sleep(50);
	rtc_peer_poll(&peer);
	assert_in_range(peer.successes, 1, 2 * ICE_CHECKS_PER_SECOND);
}

static void other_credentials_replace_the_former_ones(void **state)
{
	(void)state;
	struct ice_word_pair words;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	assert_int_equal(ice_words_new(&words), OK);
	assert_int_equal(rtc_link_restart(link_, &words, RTC_PEER_UFRAG), OK);
	int before = peer.successes;
	rtc_peer_check(&peer, 0); /* the peer does not know them yet */
	until(&peer.successes, before + 1);
	char old_ufrag[ICE_UFRAG_MAX + 1], old_pwd[ICE_PWD_MAX + 1];
	snprintf(old_ufrag, sizeof(old_ufrag), "%s", peer.server_ufrag);
	snprintf(old_pwd, sizeof(old_pwd), "%s", peer.server_pwd);
	snprintf(peer.server_ufrag, sizeof(peer.server_ufrag), "%s", rtc_link_ufrag(link_));
	snprintf(peer.server_pwd, sizeof(peer.server_pwd), "%s", rtc_link_pwd(link_));
	rtc_peer_move(&peer);
	rtc_peer_check(&peer, 0);
	until(&peer.successes, before + 2);
	send_to_peer(1);
	assert_true(rtc_peer_wait_media(&peer, 2000));
	snprintf(peer.server_ufrag, sizeof(peer.server_ufrag), "%s", old_ufrag);
	snprintf(peer.server_pwd, sizeof(peer.server_pwd), "%s", old_pwd);
	rtc_peer_check(&peer, 0);
	rtc_peer_rtp(&peer, 96, 1, 8, span_str("media"));
	until(&rtp, 1);
	assert_int_equal(peer.successes, before + 2);
	assert_int_equal(rtc_link_ice_counts(link_)->forged, 1);
}

static void each_side_hears_that_the_other_leaves(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	dtls_free(&peer.dtls);
	until_state(LINK_LEFT);
	assert_string_equal(rtc_link_why(link_), "the peer has left");
}

static void a_peer_hears_that_it_is_left(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	assert_true(rtc_peer_connect(&peer, 5000));
	until_state(LINK_OPEN);
	rtc_link_close(&link_);
	int64_t deadline = clock_after(2000);
	while (dtls_state(peer.dtls) != DTLS_LEFT && clock_ms() < deadline) {
		(void)co_sleep(2);
		rtc_peer_poll(&peer);
	}
	assert_int_equal(dtls_state(peer.dtls), DTLS_LEFT);
}

static void a_name_is_had_once(void **state)
{
	(void)state;
	open_link(false, &peer.fingerprint);
	struct rtc_link *second = NULL;
	struct rtc_link_opts opts = {.port = port,
				     .identity = identity,
				     .peer_ufrag = "x",
				     .fingerprint = &peer.fingerprint,
				     .ops = &ops};
	opts.words.ufrag = mem_strdup(rtc_link_ufrag(link_));
	opts.words.pwd = mem_strdup("0123456789012345678901");
	assert_int_equal(rtc_link_open(&second, &opts), ERR_BUSY);
	assert_null(second);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_peer_that_begins_gets_media_and_sends_it),
		CASE(a_peer_that_waits_is_begun_with),
		CASE(flights_that_are_lost_are_sent_again),
		CASE(another_certificate_than_the_offers_gets_no_keys),
		CASE(a_forged_check_is_not_answered_and_moves_nothing),
		CASE(a_peer_whose_address_changes_is_followed),
		CASE(a_path_that_is_not_nominated_takes_no_media),
		CASE(roles_and_attributes_that_do_not_fit_are_told),
		CASE(what_comes_again_is_not_delivered_again),
		CASE(media_from_another_address_is_dropped),
		CASE(strangers_are_not_answered),
		CASE(a_flood_of_checks_is_answered_up_to_a_rate),
		CASE(other_credentials_replace_the_former_ones),
		CASE(each_side_hears_that_the_other_leaves),
		CASE(a_peer_hears_that_it_is_left),
		CASE(a_name_is_had_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
