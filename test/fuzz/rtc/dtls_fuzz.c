/* Any datagrams to an end of DTLS: to one that waits for a handshake, in either role, and to one that has its keys and is
 * settled, by the first byte. Nobody gets keys or says goodbye by them. Each has a byte of its length in front, 255
 * for one of two more. */
#include "base/check.h"
#include "base/cur.h"
#include "base/log.h"
#include "rtc/dtls.h"
#include "support/fake_time.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { QUEUE = 32, DATAGRAM_MAX = 2048, ROUNDS = 20, ACTIVE = 1, SETTLED = 2 };

struct side {
	struct dtls *dtls;
	struct side *other;
	struct {
		uint8_t bytes[DATAGRAM_MAX];
		size_t n;
	} queue[QUEUE]; /* for this one */
	int count;
};

static struct side ours, theirs;
static struct dtls_identity *identity;
static struct rtc_fingerprint fingerprint;

static void on_send(void *ctx, struct span d)
{
	struct side *to = ((struct side *)ctx)->other;
	check(d.n <= DATAGRAM_MAX);
	if (to->count == QUEUE)
		return;
	memcpy(to->queue[to->count].bytes, d.p, d.n);
	to->queue[to->count++].n = d.n;
}

static void on_state(void *ctx)
{
	(void)ctx;
}

static void side_open(struct side *side, struct side *other, bool active)
{
	static const struct dtls_ops ops = {on_send, on_state};
	side->other = other;
	side->count = 0;
	check(dtls_new(&side->dtls, identity, active, &fingerprint, &ops, side) == OK);
}

static void deliver(struct side *side)
{
	for (int i = 0; i < side->count; i++)
		dtls_take(side->dtls, span_of(side->queue[i].bytes, side->queue[i].n));
	side->count = 0;
}

static void shake(void)
{
	dtls_start(ours.dtls);
	dtls_start(theirs.dtls);
	for (int i = 0; i < ROUNDS && (ours.count || theirs.count); i++) {
		deliver(&ours);
		deliver(&theirs);
	}
}

static void take_all(struct cur c)
{
	uint8_t bytes[DATAGRAM_MAX];
	while (cur_left(&c)) {
		size_t size = cur_u8(&c);
		if (size == 255)
			size = cur_u16(&c) % DATAGRAM_MAX;
		struct span d = cur_bytes(&c, size < cur_left(&c) ? size : cur_left(&c));
		if (d.n)
			memcpy(bytes, d.p, d.n);
		dtls_take(ours.dtls, span_of(bytes, d.n));
		ours.count = theirs.count = 0;
	}
}

static void begin(void)
{
	log_set_level(LOG_OFF); /* writing them would take most of the time */
	check(co_init() == OK);
	fake_time_begin();
	check(dtls_identity_new(&identity) == OK);
	check(rtc_fingerprint_read(&fingerprint, span_str(dtls_identity_fingerprint(identity))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur c = cur_of(data, n);
	if (!identity)
		begin();
	uint8_t what = cur_u8(&c);
	side_open(&ours, &theirs, what & ACTIVE);
	side_open(&theirs, &ours, !(what & ACTIVE));
	if (what & SETTLED) {
		shake();
		check(dtls_state(ours.dtls) == DTLS_DONE);
		dtls_settle(ours.dtls);
	} else if (what & ACTIVE) {
		dtls_start(ours.dtls);
	}
	take_all(c);
	check((dtls_state(ours.dtls) == DTLS_DONE) == ((what & SETTLED) != 0));
	dtls_free(&ours.dtls);
	dtls_free(&theirs.dtls);
	return 0;
}
