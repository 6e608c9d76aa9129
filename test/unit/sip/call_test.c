/* Requests of ours: when they are repeated, how they are answered, and what is acknowledged. */
#include "support/sip_call.h"

/* ---- without an answer ---- */

static void an_invite_is_repeated_ever_more_slowly(void **state)
{
	(void)state;
	static const int times[] = {500, 1500, 3500, 7500, 15500, 31500};
	int64_t end = now_and(SIP_TRANSACTION_MS);
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	static char first[SIP_RIG_TEXT];
	snprintf(first, sizeof(first), "%s", text());
	get_times(times, 6);
	assert_string_equal(text(), first);
	get_nothing(); /* not even CANCEL, since nobody knows whether the peer has the call */
	assert_int_equal(rig.failure, ERR_TIMEOUT);
	assert_int_equal(rig.failure_ms, end);
	assert_int_equal(rig.count, 0);
	assert_int_equal(sip_endpoint_counts(rig.endpoint)->timeouts, 1);
	assert_int_equal(sip_endpoint_counts(rig.endpoint)->calls, 0);
}

static void another_request_is_repeated_each_four_seconds(void **state)
{
	(void)state;
	static const int times[] = {500,   1500,  3500,  7500,  11500,
				    15500, 19500, 23500, 27500, 31500};
	assert_int_equal(sip_rig_send("BYE", 0), OK);
	get("BYE");
	get_times(times, 10);
	get_nothing();
	assert_int_equal(rig.failure, ERR_TIMEOUT);
	assert_int_equal(sip_endpoint_counts(rig.endpoint)->calls, 0);
}

static void the_owner_may_have_less_patience(void **state)
{
	(void)state;
	static const int times[] = {500, 1500};
	int64_t end = now_and(2000);
	assert_int_equal(sip_rig_send("MESSAGE", 2000), OK);
	get("MESSAGE");
	get_times(times, 2);
	get_nothing();
	assert_int_equal(rig.failure_ms, end);
}

static void over_tcp_nothing_is_repeated(void **state)
{
	(void)state;
	int64_t end = now_and(SIP_TRANSACTION_MS);
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	get_nothing();
	assert_int_equal(rig.failure_ms, end);
}

/* ---- answers ---- */

static void an_invite_has_what_devices_want(void **state)
{
	(void)state;
	char want[200];
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	assert_non_null(strstr(text(), "INVITE sip:device@domain SIP/2.0\r\n"));
	snprintf(want, sizeof(want), "Contact: <sip:server@127.0.0.1:%d>\r\n", rig.udp_port);
	assert_non_null(strstr(text(), want));
	snprintf(want, sizeof(want), "Via: SIP/2.0/UDP 127.0.0.1:%d;rport;branch=z9hG4bK",
		 rig.udp_port);
	assert_non_null(strstr(text(), want));
	assert_int_equal(peer->message.cseq, rig.dialog.cseq);
	assert_true(span_is(peer->message.from.tag, rig.dialog.local_tag));
	assert_int_equal(peer->message.to.tag.n, 0);
}

static void a_call_is_taken_acknowledged_and_ended(void **state)
{
	(void)state;
	rig.acks = true;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	uint32_t cseq = peer->message.cseq;
	static const int statuses[] = {100, 101, 180, 200};
	for (int i = 0; i < 4; i++)
		sip_peer_answer(peer, statuses[i], "");
	static char branch[100];
	snprintf(branch, sizeof(branch), "%.*s", (int)peer->message.via.branch.n,
		 (const char *)peer->message.via.branch.p);
	get("ACK");
	assert_int_equal(rig.count, 4);
	assert_memory_equal(rig.statuses, statuses, sizeof(statuses));
	assert_non_null(strstr(text(), "ACK sip:device@192.168.1.9:5060 SIP/2.0\r\n"));
	assert_non_null(strstr(text(), "To: <sip:device@domain>;tag=peer\r\n"));
	assert_int_equal(peer->message.cseq, cseq);
	assert_false(span_is(peer->message.via.branch, branch));
	assert_int_equal(rig.failure, OK);
	get_nothing(); /* the INVITE is not repeated any more */
	assert_int_equal(sip_call_ack(rig.call), ERR_CLOSED);
	sip_call_release(&rig.call);
	assert_int_equal(sip_rig_send("BYE", 0), OK);
	get("BYE");
	assert_non_null(strstr(text(), "BYE sip:device@192.168.1.9:5060 SIP/2.0\r\n"));
	assert_int_equal(peer->message.cseq, cseq + 1);
	assert_true(span_is(peer->message.to.tag, "peer"));
	sip_peer_answer(peer, 200, "");
	get_nothing();
	assert_int_equal(rig.statuses[4], 200);
}

static void a_repeated_answer_is_acknowledged_again(void **state)
{
	(void)state;
	static const int statuses[] = {200, 486};
	for (int i = 0; i < 2; i++) {
		static struct sip_message invite;
		static char ack[SIP_RIG_TEXT];
		rig.acks = statuses[i] == 200;
		rig.count = 0;
		assert_int_equal(sip_rig_send("INVITE", 0), OK);
		get("INVITE");
		invite = peer->message;
		static uint8_t keep[SIP_RIG_TEXT];
		memcpy(keep, peer->text, sizeof(keep));
		assert_int_equal(sip_parse(&invite, keep, strlen((const char *)keep), sizeof(keep)),
				 OK);
		sip_peer_answer(peer, statuses[i], "");
		get("ACK");
		snprintf(ack, sizeof(ack), "%s", text());
		for (int again = 0; again < 3; again++) {
			peer->message = invite;
			sip_peer_answer(peer, statuses[i], "");
			get("ACK");
			assert_string_equal(text(), ack);
		}
		assert_int_equal(rig.count, 1);
		get_nothing();
		/* After its time it is nobody's. */
		peer->message = invite;
		sip_peer_answer(peer, statuses[i], "");
		get_nothing();
		sip_call_release(&rig.call);
	}
}

static void a_refusal_is_acknowledged_by_itself(void **state)
{
	(void)state;
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	static char branch[100];
	snprintf(branch, sizeof(branch), "%.*s", (int)peer->message.via.branch.n,
		 (const char *)peer->message.via.branch.p);
	sip_peer_answer(peer, 486, "");
	get("ACK");
	assert_true(span_is(peer->message.via.branch, branch));
	assert_non_null(strstr(text(), "ACK sip:device@domain SIP/2.0\r\n"));
	assert_true(span_is(peer->message.to.tag, "peer"));
	assert_int_equal(rig.count, 1);
	assert_int_equal(rig.statuses[0], 486);
	assert_int_equal(sip_call_ack(rig.call), ERR_CLOSED);
	get_nothing();
}

/* Via as the device makes it; what it keeps is Call-ID and CSeq. */
static void an_answer_is_known_by_its_branch_or_its_call(void **state)
{
	(void)state;
	static const struct {
		const char *via, *call_id;
		int count;
	} cases[] = {{"z9hG4bKother", NULL, 1}, {NULL, "other", 1}, {"z9hG4bKother", "other", 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answer[1000];
		const struct sip_message *m = &peer->message;
		rig.count = 0;
		assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
		get("MESSAGE");
		int n = snprintf(answer, sizeof(answer),
				 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=%.*s\r\n"
				 "From: <sip:a@b>\r\nTo: <sip:c@d>\r\nCall-ID: %.*s\r\n"
				 "CSeq: %u MESSAGE\r\nContent-Length: 0\r\n\r\n",
				 cases[i].via ? 100 : (int)m->via.branch.n,
				 cases[i].via ? cases[i].via : (const char *)m->via.branch.p,
				 cases[i].call_id ? 100 : (int)m->call_id.n,
				 cases[i].call_id ? cases[i].call_id : (const char *)m->call_id.p,
				 m->cseq);
		sip_peer_put(peer, answer, (size_t)n);
		assert_int_equal(co_sleep(1), OK);
		assert_int_equal(rig.count, cases[i].count);
		sip_call_release(&rig.call);
	}
}

static void a_provisional_answer_makes_others_wait(void **state)
{
	(void)state;
	static const int times[] = {500};
	assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
	get("MESSAGE");
	get_times(times, 1);
	sip_peer_answer(peer, 100, "");
	static const int later[] = {1000, 5000, 9000};
	get_times(later, 3);
	sip_peer_answer(peer, 200, "");
	get_nothing();
	assert_int_equal(rig.count, 2);
}

/* ---- limits ---- */

static void requests_have_limits(void **state)
{
	(void)state;
	static char name[64];
	struct sip_call *calls[3] = {NULL};
	sip_peer_free(&peer);
	sip_rig_open((struct sip_endpoint_opts){.calls_max = 2, .sent_by = "9.9.9.9:5061"});
	meet(SIP_UDP);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
		calls[i] = rig.call;
		rig.call = NULL;
		get("MESSAGE");
		assert_non_null(strstr(text(), "Via: SIP/2.0/UDP 9.9.9.9:5061;rport"));
	}
	assert_int_equal(sip_rig_send("MESSAGE", 0), ERR_FULL);
	assert_int_equal(sip_endpoint_counts(rig.endpoint)->calls, 2);
	sip_peer_answer(peer, 200, "");
	assert_int_equal(co_sleep(1), OK);
	memset(name, 'A', sizeof(name) - 1);
	assert_int_equal(sip_rig_send(name, 0), ERR_LIMIT);
	rig.dialog.cseq = INT32_MAX;
	assert_int_equal(sip_rig_send("MESSAGE", 0), ERR_LIMIT);
	sip_call_release(&calls[0]);
	sip_call_release(&calls[1]);
	sip_call_release(&calls[2]);
}

/* It would be an answer that cannot be acknowledged. */
static void an_answer_whose_tag_is_too_long_is_none(void **state)
{
	(void)state;
	static char answer[2000];
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	get("INVITE");
	const struct sip_message *m = &peer->message;
	int n = snprintf(answer, sizeof(answer),
			 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=%.*s\r\nFrom: <sip:a@b>\r\n"
			 "To: <sip:c@d>;tag=%0*d\r\nCall-ID: x\r\nCSeq: %u INVITE\r\n\r\n",
			 (int)m->via.branch.n, (const char *)m->via.branch.p, SIP_ID_MAX, 0,
			 m->cseq);
	sip_peer_put(peer, answer, (size_t)n);
	assert_int_equal(co_sleep(1), OK);
	assert_int_equal(rig.count, 0);
	assert_int_equal(sip_endpoint_counts(rig.endpoint)->dropped, 1);
}

int main(void)
{
#define UDP(name) cmocka_unit_test_setup_teardown(name, setup_udp, teardown)
#define TCP(name) cmocka_unit_test_setup_teardown(name, setup_tcp, teardown)
	const struct CMUnitTest tests[] = {
		UDP(an_invite_is_repeated_ever_more_slowly),
		UDP(another_request_is_repeated_each_four_seconds),
		UDP(the_owner_may_have_less_patience),
		TCP(over_tcp_nothing_is_repeated),
		UDP(an_invite_has_what_devices_want),
		UDP(a_call_is_taken_acknowledged_and_ended),
		TCP(a_call_is_taken_acknowledged_and_ended),
		UDP(a_repeated_answer_is_acknowledged_again),
		UDP(a_refusal_is_acknowledged_by_itself),
		TCP(a_refusal_is_acknowledged_by_itself),
		UDP(an_answer_is_known_by_its_branch_or_its_call),
		TCP(an_answer_is_known_by_its_branch_or_its_call),
		UDP(a_provisional_answer_makes_others_wait),
		UDP(requests_have_limits),
		UDP(an_answer_whose_tag_is_too_long_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
