/* Chunk framing against a socket that takes as much as it likes. What was sent is read back by
 * the server's own HTTP parser's rules: sizes, bytes, line ends. */
#include "service/flv_chunks.h"

#include <stdlib.h>

#include "support/unit.h"

enum { BYTES = 5000, SENT_MAX = 64 * 1024, IOV_MAX_HERE = CHUNKS_FRONT + 3 };

static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
static const char own[] = "FLV-HEADER-13";
static uint8_t media[BYTES];

/* A cursor in miniature: at most two pieces of what comes next. */
static int gather(struct iovec *iov, size_t at, size_t end, size_t room)
{
	size_t n = end - at < room ? end - at : room, first = n / 3;
	int count = 0;
	if (first)
		iov[count++] = (struct iovec){media + at, first};
	if (n - first)
		iov[count++] = (struct iovec){media + at + first, n - first};
	return count;
}

static void take(struct buf *sent, const struct iovec *iov, int count, size_t n)
{
	for (int i = 0; i < count && n; i++) {
		size_t piece = iov[i].iov_len < n ? iov[i].iov_len : n;
		if (piece)
			buf_put(sent, iov[i].iov_base, piece);
		n -= piece;
	}
	assert_int_equal(n, 0);
}

static size_t total_of(const struct iovec *iov, int count)
{
	size_t n = 0;
	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;
	return n;
}

/* Sends all media, which become known in random steps, `most` bytes at a time (0: random). */
static void send_all(struct chunks *c, struct buf *sent, size_t most)
{
	struct iovec iov[IOV_MAX_HERE];
	size_t at = 0, known = 0;
	bool ended = false;
	for (;;) {
		if (known < BYTES && rand() % 2)
			known += (size_t)rand() % (BYTES - known + 1);
		int n = gather(iov + CHUNKS_FRONT, at, known, chunks_room(c, 700));
		int count = chunks_frame(c, iov, n);
		if (count == 0 && known == BYTES && ended)
			return;
		if (count == 0 && known == BYTES) {
			assert_false(chunks_is_open(c));
			chunks_end(c, "");
			ended = true;
		}
		size_t all = total_of(iov, count);
		size_t limit = most ? most : (size_t)rand() % 300;
		size_t taken = all < limit ? all : limit;
		take(sent, iov, count, taken);
		at += chunks_sent(c, taken);
	}
}

static struct buf run(bool on, size_t most)
{
	struct buf sent = {.max = SENT_MAX};
	struct chunks c;
	chunks_init(&c);
	chunks_put_raw(&c, span_str(head));
	c.mode = on ? CHUNKS_HTTP : CHUNKS_NONE;
	chunks_put(&c, span_str(own));
	send_all(&c, &sent, most);
	chunks_fini(&c);
	assert_true(buf_ok(&sent));
	return sent;
}

/* Takes chunks apart; everything must be exactly as the grammar has it. */
static void read_body(struct buf *body, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	for (;;) {
		char *rest;
		size_t size = strtoul((const char *)p, &rest, 16);
		assert_true(rest > (const char *)p);
		assert_memory_equal(rest, "\r\n", 2);
		p = (const uint8_t *)rest + 2;
		assert_true(p + size + 2 <= end);
		if (size)
			buf_put(body, p, size);
		assert_memory_equal(p + size, "\r\n", 2);
		p += size + 2;
		if (size == 0)
			break;
	}
	assert_ptr_equal(p, end);
}

static void assert_body(const struct buf *body)
{
	size_t n = strlen(own);
	assert_int_equal(body->n, n + BYTES);
	assert_memory_equal(body->p, own, n);
	assert_memory_equal(body->p + n, media, BYTES);
}

static const size_t steps[] = {SENT_MAX, 1, 2, 3, 7, 700, 0, 0, 0, 0, 0, 0, 0, 0};

static void chunks_are_whole_however_little_the_socket_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf sent = run(true, steps[i]), body = {.max = SENT_MAX};
		assert_memory_equal(sent.p, head, strlen(head));
		buf_text(&sent);
		read_body(&body, sent.p + strlen(head), sent.n - strlen(head));
		assert_body(&body);
		buf_free(&sent);
		buf_free(&body);
	}
}

static void without_chunks_the_bytes_go_out_as_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf sent = run(false, steps[i]);
		struct buf body = {.max = SENT_MAX};
		assert_memory_equal(sent.p, head, strlen(head));
		buf_put(&body, sent.p + strlen(head), sent.n - strlen(head));
		assert_body(&body);
		buf_free(&sent);
		buf_free(&body);
	}
}

static void an_announced_chunk_is_filled_before_another_begins(void **state)
{
	(void)state;
	struct chunks c;
	struct iovec iov[IOV_MAX_HERE];
	chunks_init(&c);
	c.mode = CHUNKS_HTTP;
	iov[CHUNKS_FRONT] = (struct iovec){media, 100};
	assert_int_equal(chunks_frame(&c, iov, 1), CHUNKS_FRONT + 2);
	assert_int_equal(total_of(iov, CHUNKS_FRONT), 4); /* "64\r\n" */
	assert_int_equal(chunks_sent(&c, 4 + 60), 60);
	assert_true(chunks_is_open(&c));
	assert_int_equal(chunks_room(&c, 1000), 40);
	/* The player was moved meanwhile and has little: the chunk stays open. */
	iov[CHUNKS_FRONT] = (struct iovec){media, 10};
	assert_int_equal(chunks_frame(&c, iov, 1), CHUNKS_FRONT + 1);
	assert_int_equal(chunks_sent(&c, 10), 10);
	assert_int_equal(chunks_room(&c, 1000), 30);
	assert_int_equal(chunks_frame(&c, iov, 0), 0);
	iov[CHUNKS_FRONT] = (struct iovec){media, 30};
	assert_int_equal(chunks_frame(&c, iov, 1), CHUNKS_FRONT + 2);
	assert_int_equal(chunks_sent(&c, 31), 30);
	assert_false(chunks_is_open(&c));
	assert_int_equal(chunks_frame(&c, iov, 0), CHUNKS_FRONT + 1);
	assert_memory_equal(iov[CHUNKS_FRONT].iov_base, "\n", 1);
	assert_int_equal(chunks_sent(&c, 1), 0);
	assert_int_equal(chunks_frame(&c, iov, 0), 0);
	chunks_fini(&c);
}

static int setup(void **state)
{
	(void)state;
	srand(20);
	for (int i = 0; i < BYTES; i++)
		media[i] = (uint8_t)rand();
	return 0;
}

static void the_last_chunk_may_have_lines_behind_it(void **state)
{
	struct buf sent = {.max = SENT_MAX};
	struct iovec iov[IOV_MAX_HERE];
	struct chunks c;
	(void)state;
	chunks_init(&c);
	c.mode = CHUNKS_HTTP;
	chunks_put(&c, span_str("abc"));
	chunks_end(&c, "X-End: why\r\n");
	int count = chunks_frame(&c, iov, 0);
	take(&sent, iov, count, total_of(iov, count));
	assert_string_equal(buf_text(&sent), "3\r\nabc\r\n0\r\nX-End: why\r\n\r\n");
	chunks_fini(&c);
	buf_free(&sent);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_whole_however_little_the_socket_takes),
		cmocka_unit_test(without_chunks_the_bytes_go_out_as_they_are),
		cmocka_unit_test(an_announced_chunk_is_filled_before_another_begins),
		cmocka_unit_test(the_last_chunk_may_have_lines_behind_it),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
