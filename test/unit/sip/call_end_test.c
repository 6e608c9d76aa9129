/* Requests that nobody waits for any more, and what is done for a peer that takes a call too late. */
#include "support/sip_call.h"

/* ---- calls that nobody wants any more ---- */

static void a_cancel_waits_until_the_peer_has_said_something(void **state)
{
	(void)state;
	static uint8_t keep[SIP_RIG_TEXT];
	static struct sip_message invite;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	memcpy(keep, peer->text, sizeof(keep));
	assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)), OK);
	sip_call_cancel(rig.call);
	assert_false(sip_peer_get(peer, 100));
	sip_peer_answer(peer, 100, "");
	get("CANCEL");
	assert_true(span_is(peer->message.via.branch, "") ||
		    sip_same_word(peer->message.via.branch, invite.via.branch));
	assert_int_equal(peer->message.cseq, invite.cseq);
	assert_non_null(strstr(text(), "CANCEL sip:device@domain SIP/2.0\r\n"));
	sip_peer_answer(peer, 200, "");
	peer->message = invite;
	sip_peer_answer(peer, 487, "");
	get("ACK");
	assert_int_equal(rig.count, 2);
	assert_int_equal(rig.statuses[1], 487);
	sip_call_cancel(rig.call);
	get_nothing();
}

static void a_cancelled_call_that_is_taken_is_the_owners(void **state)
{
	(void)state;
	static uint8_t keep[SIP_RIG_TEXT];
	static struct sip_message invite;
	rig.acks = true;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	memcpy(keep, peer->text, sizeof(keep));
	assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)), OK);
	sip_peer_answer(peer, 180, "");
	assert_int_equal(co_sleep(1), OK);
	sip_call_cancel(rig.call);
	get("CANCEL");
	sip_peer_answer(peer, 481, "");
	peer->message = invite;
	sip_peer_answer(peer, 200, "");
	get("ACK");
	assert_int_equal(rig.statuses[1], 200);
	get_nothing();
}

/* However late: 30 seconds were seen. */
static void a_call_that_is_taken_too_late_is_ended(void **state)
{
	(void)state;
	static const struct {
		bool says_something, releases;
	} cases[] = {{true, false}, {false, false}, {true, true}, {false, true}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static uint8_t keep[SIP_RIG_TEXT];
		static struct sip_message invite;
		bool says = cases[i].says_something;
		rig.failure = OK;
		rig.dialog = (struct sip_dialog){0};
		assert_int_equal(sip_rig_send("INVITE", 400), OK);
		get("INVITE");
		memcpy(keep, peer->text, sizeof(keep));
		assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)),
				 OK);
		if (says)
			sip_peer_answer(peer, 100, "");
		assert_int_equal(co_sleep(1), OK);
		if (cases[i].releases)
			sip_call_release(&rig.call);
		else
			assert_int_equal(co_sleep(400), OK);
		assert_int_equal(rig.failure, cases[i].releases ? OK : ERR_TIMEOUT);
		if (says) {
			get("CANCEL");
			sip_peer_answer(peer, 200, "");
		}
		assert_false(sip_peer_get(peer, 29000));
		peer->message = invite;
		sip_peer_answer(peer, 200, "");
		get("ACK");
		assert_int_equal(peer->message.cseq, invite.cseq);
		get("BYE");
		assert_int_equal(peer->message.cseq, invite.cseq + 1);
		assert_true(span_is(peer->message.to.tag, "peer"));
		assert_non_null(strstr(text(), "BYE sip:device@192.168.1.9:5060 SIP/2.0\r\n"));
		sip_peer_answer(peer, 200, "");
		peer->message = invite;
		sip_peer_answer(peer, 200, "");
		get("ACK");
		get_nothing();
		sip_call_release(&rig.call);
		assert_int_equal(sip_endpoint_counts(rig.endpoint)->calls, 0);
	}
}

/* The 100 is late, too: only then is it known that there is a call. */
static void an_abandoned_call_is_cancelled_when_it_is_heard_of(void **state)
{
	(void)state;
	static uint8_t keep[SIP_RIG_TEXT];
	static struct sip_message invite;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	memcpy(keep, peer->text, sizeof(keep));
	assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)), OK);
	sip_call_release(&rig.call);
	sip_peer_answer(peer, 100, "");
	get("CANCEL");
	sip_peer_answer(peer, 200, "");
	peer->message = invite;
	sip_peer_answer(peer, 487, "");
	get("ACK");
	get_nothing();
	assert_int_equal(rig.count, 0);
}

static void a_call_that_is_given_back_unacknowledged_is_ended(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		rig.releases = i == 0;
		rig.dialog = (struct sip_dialog){0};
		assert_int_equal(sip_rig_send("INVITE", 0), OK);
		get("INVITE");
		sip_peer_answer(peer, 200, "");
		assert_int_equal(co_sleep(1), OK);
		sip_call_release(&rig.call);
		get("ACK");
		get("BYE");
		sip_peer_answer(peer, 200, "");
		get_nothing();
	}
}

static void a_request_that_nobody_holds_goes_on(void **state)
{
	(void)state;
	static const int times[] = {500, 1500};
	assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
	sip_call_release(&rig.call);
	get("MESSAGE");
	get_times(times, 2);
	sip_peer_answer(peer, 200, "");
	get_nothing();
	assert_int_equal(rig.count, 0);
	/* Nor needs one to be held at all: it is answered to, and when it is an INVITE, ended. */
	const struct sip_request request = {.method = "INVITE"};
	assert_int_equal(sip_send(rig.endpoint, rig.flow, &rig.dialog, &request, NULL), OK);
	get("INVITE");
	sip_peer_answer(peer, 200, "");
	get("ACK");
	get("BYE");
	sip_peer_answer(peer, 200, "");
	get_nothing();
}

/* ---- connections ---- */

static void a_connection_that_ends_ends_what_waits_for_it(void **state)
{
	(void)state;
	assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
	get("MESSAGE");
	int64_t begin = clock_ms();
	sip_peer_free(&peer);
	wait_until(rig.failure == ERR_CLOSED);
	assert_true(clock_ms() - begin < 1000);
	assert_int_equal(rig.closed, 1);
	assert_false(sip_flow_is_open(rig.flow));
	sip_call_release(&rig.call);
	assert_int_equal(sip_rig_send("MESSAGE", 0), ERR_CLOSED);
}

/* A device that has connected anew answers there. */
static void an_answer_may_come_by_another_connection(void **state)
{
	(void)state;
	static uint8_t keep[SIP_RIG_TEXT];
	static struct sip_message invite;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	memcpy(keep, peer->text, sizeof(keep));
	assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)), OK);
	sip_peer_free(&peer);
	wait_until(rig.failure == ERR_CLOSED);
	meet(SIP_TCP);
	peer->message = invite;
	sip_peer_answer(peer, 200, "");
	get("ACK");
	get("BYE");
	sip_peer_answer(peer, 200, "");
	get_nothing();
}

int main(void)
{
#define UDP(name) cmocka_unit_test_setup_teardown(name, setup_udp, teardown)
#define TCP(name) cmocka_unit_test_setup_teardown(name, setup_tcp, teardown)
	const struct CMUnitTest tests[] = {
		UDP(a_cancel_waits_until_the_peer_has_said_something),
		UDP(a_cancelled_call_that_is_taken_is_the_owners),
		UDP(a_call_that_is_taken_too_late_is_ended),
		UDP(an_abandoned_call_is_cancelled_when_it_is_heard_of),
		UDP(a_call_that_is_given_back_unacknowledged_is_ended),
		UDP(a_request_that_nobody_holds_goes_on),
		TCP(a_connection_that_ends_ends_what_waits_for_it),
		TCP(an_answer_may_come_by_another_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
