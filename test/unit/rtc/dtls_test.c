/* Handshakes over a line that loses, changes and repeats datagrams, in both roles, with certificates of any size. What
 * srs_test looks at: repeats come soon and as records of their own, and a peer hears of a failure. */
#include "base/mem.h"
#include "rtc/dtls_identity.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <string.h>

#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	QUEUE = 64,
	SIZE = 2048,
	RECORDS = 256,
	ALERT = 21,
	HANDSHAKE = 22,
	RECORD_HEAD = 13,
	NAMES = 60
};
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, FINISHED = 20 };

struct side {
	struct dtls *dtls;
	struct side *other;
	struct rtc_fingerprint fingerprint;
	struct {
		uint8_t bytes[SIZE];
		size_t n;
	} queue[QUEUE]; /* for this one */
	int count, sent, lost, alerts;
	unsigned drop_from, drop_to; /* datagrams that it sends, by number: these are lost */
	int drop_type, drop_left;    /* or so many that begin with this message */
	uint64_t records[RECORDS];   /* numbers of those that it has sent */
	int record_count, repeated;
	int64_t first_ms[2]; /* of the message that is lost: when it was sent first, and again */
};

static struct side ours, theirs;
static struct dtls_identity *identity, *peer_identity;

static uint64_t number_of(const uint8_t *record)
{
	uint64_t v = 0;
	for (int i = 3; i < 11; i++)
		v = v << 8 | record[i];
	return v;
}

/* Each record has its number in its epoch once, repeats too. */
static void note_records(struct side *s, struct span d)
{
	for (size_t at = 0; at + RECORD_HEAD <= d.n;) {
		uint64_t number = number_of(d.p + at);
		for (int i = 0; i < s->record_count; i++)
			s->repeated += s->records[i] == number;
		assert_true(s->record_count < RECORDS);
		s->records[s->record_count++] = number;
		s->alerts += d.p[at] == ALERT;
		at += RECORD_HEAD + ((size_t)d.p[at + 11] << 8 | d.p[at + 12]);
	}
}

static bool is_lost(struct side *s, struct span d)
{
	unsigned number = (unsigned)s->sent++;
	bool is_it = s->drop_type && d.p[0] == HANDSHAKE && d.p[RECORD_HEAD] == s->drop_type;
	if (is_it && s->first_ms[0] && !s->first_ms[1])
		s->first_ms[1] = clock_ms();
	if (is_it && !s->first_ms[0])
		s->first_ms[0] = clock_ms();
	if (is_it && s->drop_left > 0) {
		s->drop_left--;
		return true;
	}
	return number >= s->drop_from && number < s->drop_to;
}

static void on_send(void *ctx, struct span d)
{
	struct side *s = ctx, *to = s->other;
	note_records(s, d);
	if (is_lost(s, d)) {
		s->lost++;
		return;
	}
	assert_true(to->count < QUEUE && d.n <= SIZE);
	memcpy(to->queue[to->count].bytes, d.p, d.n);
	to->queue[to->count++].n = d.n;
}

static void on_state(void *ctx)
{
	(void)ctx;
}

static const struct dtls_ops ops = {on_send, on_state};

static void deliver(struct side *s)
{
	for (int i = 0; i < s->count; i++)
		dtls_take(s->dtls, span_of(s->queue[i].bytes, s->queue[i].n));
	s->count = 0;
}

/* Until both have ended the handshake, or the time is over. */
static bool shake(int64_t ms)
{
	int64_t deadline = clock_after(ms);
	while (clock_ms() < deadline) {
		deliver(&ours);
		deliver(&theirs);
		if (dtls_state(ours.dtls) >= DTLS_DONE && dtls_state(theirs.dtls) >= DTLS_DONE &&
		    !ours.count && !theirs.count)
			break;
		if (!ours.count && !theirs.count)
			(void)co_sleep(2);
	}
	return dtls_state(ours.dtls) == DTLS_DONE && dtls_state(theirs.dtls) == DTLS_DONE;
}

static void open_sides(bool we_begin, struct dtls_identity *of_peer)
{
	ours.other = &theirs;
	theirs.other = &ours;
	assert_true(rtc_fingerprint_read(&ours.fingerprint, span_str(identity->fingerprint)));
	assert_true(rtc_fingerprint_read(&theirs.fingerprint, span_str(of_peer->fingerprint)));
	assert_int_equal(dtls_new(&ours.dtls, identity, we_begin, &theirs.fingerprint, &ops, &ours),
			 OK);
	assert_int_equal(
		dtls_new(&theirs.dtls, of_peer, !we_begin, &ours.fingerprint, &ops, &theirs), OK);
}

static void begin(void)
{
	dtls_start(ours.dtls);
	dtls_start(theirs.dtls);
}

static void close_sides(void)
{
	dtls_free(&ours.dtls);
	dtls_free(&theirs.dtls);
	memset(&ours, 0, sizeof(ours)); /* they are too large for a copy on the stack */
	memset(&theirs, 0, sizeof(theirs));
}

static int setup(void **state)
{
	int code = co_setup(state);
	assert_int_equal(dtls_identity_new(&identity), OK);
	assert_int_equal(dtls_identity_new(&peer_identity), OK);
	return code;
}

static int teardown(void **state)
{
	close_sides();
	dtls_identity_free(&identity);
	dtls_identity_free(&peer_identity);
	return co_teardown(state);
}

/* ---- cases ---- */

static void any_datagram_may_be_lost(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		for (unsigned n = 0; n < 8; n++) {
			for (int whose = 0; whose < 2; whose++) {
				struct side *s = whose ? &ours : &theirs;
				open_sides(role, peer_identity);
				s->drop_from = n;
				s->drop_to = n + 1;
				begin();
				if (!shake(5000))
					fail_msg("role %d, datagram %u of %d", role, n, whose);
				assert_int_equal(ours.repeated + theirs.repeated, 0);
				close_sides();
			}
		}
	}
}

/* Repeats come by the clock of OpenSSL, which a test cannot set, and a busy machine delays them: the least of some
 * rounds is what counts. */
enum { REPEAT_ROUNDS = 5, REPEAT_MS = 150 };

static void note_repeat(const struct side *s, int64_t *least)
{
	int64_t ms = s->first_ms[1] - s->first_ms[0];
	assert_true(ms >= 1);
	*least = ms < *least ? ms : *least;
}

static void flights_that_are_lost_again_and_again_come_within_seconds(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		int64_t least = INT64_MAX;
		for (int round = 0; round < REPEAT_ROUNDS && least > REPEAT_MS; round++) {
			open_sides(role, peer_identity);
			struct side *client = role ? &ours : &theirs;
			client->drop_type = CLIENT_HELLO;
			client->drop_left = 4;
			begin();
			assert_true(shake(5000));
			assert_int_equal(client->lost, 4);
			note_repeat(client, &least);
			assert_int_equal(ours.repeated + theirs.repeated, 0);
			close_sides();
		}
		assert_true(least <= REPEAT_MS);
	}
}

/* The timer begins anew with each flight, however long the one before took. */
static void the_next_flight_is_repeated_as_soon(void **state)
{
	int64_t least = INT64_MAX;
	(void)state;
	for (int round = 0; round < REPEAT_ROUNDS && least > REPEAT_MS; round++) {
		close_sides();
		open_sides(true, peer_identity);
		theirs.drop_from = 0;
		theirs.drop_to = 3;
		ours.drop_type = CERTIFICATE;
		ours.drop_left = 1;
		begin();
		assert_true(shake(5000));
		note_repeat(&ours, &least);
	}
	assert_true(least <= REPEAT_MS);
}

/* Names of hosts make it longer than a datagram. */
static void add_names(X509 *cert)
{
	struct buf text = {.max = 8192};
	for (int i = 0; i < NAMES; i++)
		buf_printf(&text, "%sDNS:a-rather-long-name-%d.example.com", i ? "," : "", i);
	X509_EXTENSION *names =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, buf_text(&text));
	assert_non_null(names);
	assert_int_equal(X509_add_ext(cert, names, -1), 1);
	X509_EXTENSION_free(names);
	buf_free(&text);
}

static void use_certificate(struct dtls_identity *id, EVP_PKEY *key, bool with_names)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;
	X509 *cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -1000);
	X509_gmtime_adj(X509_getm_notAfter(cert), 100000);
	X509_set_pubkey(cert, key);
	if (with_names)
		add_names(cert);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(id->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(id->ctx, key), 1);
	assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &n), 1);
	int at = snprintf(id->fingerprint, sizeof(id->fingerprint), "sha-256 ");
	for (unsigned i = 0; i < n; i++)
		at += snprintf(id->fingerprint + at, sizeof(id->fingerprint) - (size_t)at, "%s%02X",
			       i ? ":" : "", digest[i]);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void certificates_longer_than_a_datagram(void **state)
{
	(void)state;
	for (int rsa = 0; rsa < 2; rsa++) {
		struct dtls_identity *large;
		assert_int_equal(dtls_identity_new(&large), OK);
		use_certificate(large, rsa ? EVP_RSA_gen(4096) : EVP_EC_gen("P-256"), !rsa);
		for (int role = 0; role < 2; role++) {
			if (rsa && role) /* as the server it would rather show its other one */
				SSL_CTX_set_cipher_list(large->ctx, "ECDHE-RSA-AES128-GCM-SHA256");
			open_sides(role, large);
			begin();
			if (!shake(5000))
				fail_msg("%s, role %d: %s %s", rsa ? "RSA" : "names", role,
					 dtls_why(ours.dtls), dtls_why(theirs.dtls));
			close_sides();
		}
		dtls_identity_free(&large);
	}
}

/* The length of a handshake message is overwritten. */
static void a_changed_message_is_answered_by_an_alert(void **state)
{
	(void)state;
	static const uint8_t types[] = {CLIENT_HELLO, CERTIFICATE};
	for (int i = 0; i < 2; i++) {
		open_sides(false, peer_identity);
		begin();
		for (int turn = 0; turn < 400 && dtls_state(ours.dtls) < DTLS_DONE; turn++) {
			for (int k = 0; k < ours.count; k++) {
				uint8_t *d = ours.queue[k].bytes;
				if (d[0] == HANDSHAKE && d[RECORD_HEAD] == types[i])
					memset(d + RECORD_HEAD + 1, 0xFF, 3);
			}
			deliver(&ours);
			deliver(&theirs);
			(void)co_sleep(2);
		}
		assert_int_equal(dtls_state(ours.dtls), DTLS_FAILED);
		assert_true(ours.alerts > 0);
		assert_non_null(strstr(dtls_why(ours.dtls), "handshake failed"));
		close_sides();
	}
}

static void a_goodbye_may_come_several_times(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		open_sides(role, peer_identity);
		begin();
		assert_true(shake(5000));
		dtls_free(&theirs.dtls);
		assert_true(ours.count > 0);
		int count = ours.count;
		for (int i = 0; i < 3; i++) {
			deliver(&ours);
			ours.count = count;
		}
		assert_int_equal(dtls_state(ours.dtls), DTLS_LEFT);
		ours.count = 0;
		close_sides();
	}
}

/* What comes again after the end of the handshake shows that the peer has not had the last flight. */
static void the_last_flight_is_repeated_on_demand(void **state)
{
	(void)state;
	open_sides(false, peer_identity);
	ours.drop_from = 0;
	begin();
	int64_t deadline = clock_after(3000);
	while (dtls_state(ours.dtls) != DTLS_DONE && clock_ms() < deadline) {
		deliver(&theirs);
		deliver(&ours);
		(void)co_sleep(2);
	}
	assert_int_equal(dtls_state(ours.dtls), DTLS_DONE);
	theirs.count = 0; /* our last flight is lost */
	assert_int_not_equal(dtls_state(theirs.dtls), DTLS_DONE);
	assert_true(shake(3000));
}

/* Without OpenSSL, against it: in both roles, by each cipher. */
static void a_settled_side_says_and_hears_goodbyes(void **state)
{
	(void)state;
	static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
					      "ECDHE-ECDSA-AES256-GCM-SHA384"};
	for (int i = 0; i < 8; i++) {
		bool we_leave = i & 1, role = i & 2;
		assert_int_equal(SSL_CTX_set_cipher_list(peer_identity->ctx, ciphers[i / 4]), 1);
		open_sides(role, peer_identity);
		dtls_settle(ours.dtls); /* too early */
		begin();
		assert_true(shake(5000));
		dtls_settle(ours.dtls);
		dtls_settle(ours.dtls);
		assert_int_equal(dtls_state(ours.dtls), DTLS_DONE);
		assert_string_equal(dtls_profile_name(ours.dtls), "SRTP_AEAD_AES_128_GCM");
		dtls_free(we_leave ? &ours.dtls : &theirs.dtls);
		struct side *left = we_leave ? &theirs : &ours;
		assert_int_equal(left->count, 1);
		uint8_t *last = &left->queue[0].bytes[left->queue[0].n - 1];
		struct span goodbye = span_of(left->queue[0].bytes, left->queue[0].n);
		*last ^= 1;
		dtls_take(left->dtls, goodbye);
		assert_int_equal(dtls_state(left->dtls), DTLS_DONE);
		*last ^= 1;
		dtls_take(left->dtls, span_of(goodbye.p, goodbye.n - 1));
		dtls_take(left->dtls, goodbye);
		assert_int_equal(dtls_state(left->dtls), DTLS_LEFT);
		assert_int_equal(ours.repeated + theirs.repeated, 0);
		close_sides();
	}
}

static void another_cipher_is_not_settled(void **state)
{
	(void)state;
	assert_int_equal(SSL_CTX_set_cipher_list(peer_identity->ctx, "ECDHE-ECDSA-AES128-SHA"), 1);
	open_sides(false, peer_identity);
	begin();
	assert_true(shake(5000));
	dtls_settle(ours.dtls);
	dtls_free(&ours.dtls);
	deliver(&theirs);
	assert_int_equal(dtls_state(theirs.dtls), DTLS_LEFT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(any_datagram_may_be_lost),
		CASE(flights_that_are_lost_again_and_again_come_within_seconds),
		CASE(the_next_flight_is_repeated_as_soon),
		CASE(certificates_longer_than_a_datagram),
		CASE(a_changed_message_is_answered_by_an_alert),
		CASE(a_goodbye_may_come_several_times),
		CASE(the_last_flight_is_repeated_on_demand),
		CASE(a_settled_side_says_and_hears_goodbyes),
		CASE(another_cipher_is_not_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
