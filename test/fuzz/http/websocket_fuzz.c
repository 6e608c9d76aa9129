/* Any bytes as what a client says over WebSocket, whole and in pieces: both end the same way, and what is answered are
 * whole frames. The first byte says how large the pieces are. */
#include "base/check.h"
#include "base/cur.h"
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ANSWERS_MAX = 1 << 20 };

static void look_at(struct span answers)
{
	struct cur c = cur_of(answers.p, answers.n);
	while (cur_left(&c)) {
		uint8_t head = cur_u8(&c), size = cur_u8(&c);
		check(head == (0x80 | WEBSOCKET_PONG) || head == (0x80 | WEBSOCKET_CLOSE));
		check(size <= WEBSOCKET_CONTROL_MAX);
		cur_skip(&c, size);
	}
	check(cur_ok(&c));
}

static err run(struct span bytes, size_t piece, struct buf *answers)
{
	struct websocket_reader r = {0};
	err e = OK;
	for (; !e && bytes.n; bytes = span_rest(bytes, piece))
		e = websocket_read(&r, span_head(bytes, piece), answers);
	check(e == OK || e == ERR_CLOSED || e == ERR_PROTOCOL || e == ERR_LIMIT);
	check(buf_ok(answers));
	look_at(buf_span(answers));
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = {.max = ANSWERS_MAX}, cut = {.max = ANSWERS_MAX};
	if (n < 2)
		return 0;
	struct span bytes = span_of(data + 1, n - 1);
	check(run(bytes, bytes.n, &whole) == run(bytes, data[0] % 16u + 1, &cut));
	check(whole.n == cut.n && (!whole.n || memcmp(whole.p, cut.p, whole.n) == 0));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
