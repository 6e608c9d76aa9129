/* The server's handshake. A stranger begins one with a few bytes and it costs us a millisecond and
 * 40 KB, so:
 *
 *   - there is no SSL object before a whole first record has come, which is looked at where it lies;
 *   - only so many handshakes are in progress; when others want to begin, the one that has waited for
 *     its client the longest ends, if that was long beside what clients take now: where all of them are
 *     slow, since they share a machine, say, none of them is at fault;
 *   - the others wait in the order in which they came, and the time that they have does not run meanwhile;
 *   - one step of one handshake is made between two looks at everything else: the streams of players
 *     that watch already are not delayed by a crowd that joins. */
#include "base/mem.h"
#include "co/gate.h"
#include "net/tls_inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <utlist.h>

enum {
	PLACES = 512,
	SLOW_MS = 400,     /* of waiting for a client, at least; then its place may be taken */
	SLOWEST_MS = 2000, /* likewise at most, however slow they all are */
	PACE_SHARE = 16,   /* of what one that answers sooner takes off the pace */
	ENDS = 8,          /* of handshakes in vain, between two looks at everything else */
	RECORD_HEAD = 5,
	RECORD_HANDSHAKE = 22,
	HELLO_MAX = TLS_RECORD_MAX + 256,
};

struct handshake {
	struct sock *sock;
	SSL *ssl;
	int64_t deadline, latest; /* for the client; with all that it has to wait for us */
	int64_t waits_since;      /* for the client; 0: it is our turn */
	bool shed;                /* another one has its place */
	struct co *co;
	struct gate_pass place, turn;
	struct handshake *prev, *next;
};

static struct gate places = {.room = PLACES}, turns = {.room = 1}, ends = {.room = ENDS};
static struct handshake *in_progress; /* whose client has been waited for the longest first */
static int64_t pace_ms;               /* that clients take for their answers now: the slow ones */
static struct tls_counts counts;

const struct tls_counts *tls_counts(void)
{
	return &counts;
}

/* ---- first bytes ---- */

/* At least n bytes lie in the kernel's buffer: copies the first of them. */
static err peek(struct sock *sock, void *p, size_t n, int64_t deadline)
{
	for (;;) {
		ssize_t got = recv(sock->rfd.fd, p, n, MSG_PEEK | MSG_DONTWAIT);
		if (got == (ssize_t)n)
			return OK;
		if (got == 0 || (got > 0 && sock->rfd.ready & REACTOR_HUP))
			return err_plain(ERR_CLOSED);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return sock_failed(sock, "recv from");
		/* More of it raises another event although nothing was taken. */
		sock->rfd.ready &= ~(unsigned)REACTOR_IN;
		TRY(tls_await(sock, REACTOR_IN | REACTOR_HUP, deadline));
	}
}

static err whole_record(struct sock *sock, size_t n, int64_t deadline)
{
	for (;;) {
		int there = 0;
		if (ioctl(sock->rfd.fd, FIONREAD, &there) != 0)
			return sock_failed(sock, "look at");
		if ((size_t)there >= n)
			return OK;
		if (sock->rfd.ready & REACTOR_HUP)
			return err_plain(ERR_CLOSED);
		sock->rfd.ready &= ~(unsigned)REACTOR_IN;
		TRY(tls_await(sock, REACTOR_IN | REACTOR_HUP, deadline));
	}
}

static bool is_hello(const uint8_t head[static RECORD_HEAD])
{
	size_t n = (size_t)(head[3] << 8 | head[4]);
	return head[0] == RECORD_HANDSHAKE && head[1] == 3 && n >= 4 && n <= HELLO_MAX;
}

/* A browser shows this; whatever else speaks no TLS sees the connection end. */
static void answer_plain(struct sock *sock, const uint8_t head[static RECORD_HEAD])
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 36\r\nConnection: close\r\n\r\n"
				   "This port is for HTTPS, not for HTTP";
	if (memcmp(head, "GET ", 4) == 0 || memcmp(head, "HEAD ", 5) == 0 ||
	    memcmp(head, "POST ", 5) == 0)
		(void)!send(sock->rfd.fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static err await_hello(struct sock *sock, bool mixed, bool *plain, int64_t deadline)
{
	uint8_t head[RECORD_HEAD];
	char peer[ADDR_TEXT_MAX];
	TRY(peek(sock, head, 1, deadline));
	*plain = mixed && head[0] != RECORD_HANDSHAKE;
	if (*plain)
		return OK;
	TRY(peek(sock, head, head[0] == RECORD_HANDSHAKE ? RECORD_HEAD : 1, deadline));
	if (head[0] != RECORD_HANDSHAKE || !is_hello(head)) {
		counts.plain++;
		if (peek(sock, head, RECORD_HEAD, clock_ms()) == OK)
			answer_plain(sock, head);
		addr_text(peer, &sock->peer);
		return err_fail(ERR_PROTOCOL, "%s does not speak TLS on a port for it", peer);
	}
	return whole_record(sock, RECORD_HEAD + (size_t)(head[3] << 8 | head[4]), deadline);
}

/* ---- places ---- */

static struct handshake *oldest_waiting(void)
{
	struct handshake *h;
	DL_FOREACH (in_progress, h)
		if (h->waits_since && !h->shed)
			return h;
	return NULL;
}

static int64_t patience(void)
{
	int64_t ms = 2 * pace_ms;
	return ms < SLOW_MS ? SLOW_MS : ms > SLOWEST_MS ? SLOWEST_MS : ms;
}

/* It may be we who are slow: the answer lies there, and nobody has looked yet. */
static bool has_answered(const struct handshake *h)
{
	uint8_t first;
	return recv(h->sock->rfd.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Somebody waits for a place. Gives the time of the next look. */
static int64_t shed_slow(void)
{
	struct handshake *h = oldest_waiting();
	int64_t now = clock_ms(), ms = patience();
	if (!h)
		return now + SLOW_MS;
	if (now < h->waits_since + ms)
		return h->waits_since + ms;
	if (!has_answered(h)) {
		h->shed = true;
		co_wake(h->co);
	}
	return now + 1;
}

/* Its client has answered, after so long. */
static void keep_pace(int64_t ms)
{
	pace_ms = ms > pace_ms ? ms : pace_ms - (pace_ms - ms + PACE_SHARE - 1) / PACE_SHARE;
}

/* The time that a client has is its own: what it waits for us is added to it. */
static err wait_for_us(struct handshake *h, int64_t since, err e)
{
	h->deadline += clock_ms() - since;
	if (h->deadline > h->latest)
		h->deadline = h->latest;
	return e;
}

/* The first one in the queue looks for a place, the others wait behind it. */
static err queue_for_place(struct handshake *h)
{
	err e = OK;
	gate_join(&places, &h->place);
	while (!h->place.inside && e == OK) {
		int64_t look = places.queue == &h->place ? shed_slow() : h->latest;
		e = co_wait(look < h->latest ? look : h->latest);
		if (e == ERR_TIMEOUT && clock_ms() < h->latest)
			e = OK;
	}
	if (e != OK)
		gate_leave(&places, &h->place);
	if (places.queue)
		co_wake(places.queue->co);
	return e;
}

static err take_place(struct handshake *h)
{
	int64_t since = clock_ms();
	h->co = co_self();
	TRY(queue_for_place(h));
	(void)wait_for_us(h, since, OK);
	DL_APPEND(in_progress, h);
	counts.open++;
	return OK;
}

static void leave_place(struct handshake *h)
{
	gate_leave(&turns, &h->turn);
	gate_leave(&places, &h->place);
	DL_DELETE(in_progress, h);
	counts.open--;
}

/* ---- the handshake ---- */

static err step(struct handshake *h, uint8_t *wants)
{
	int64_t since = clock_ms();
	TRY(wait_for_us(h, since, gate_enter(&turns, &h->turn, h->latest)));
	ERR_clear_error();
	errno = 0;
	int rc = SSL_accept(h->ssl);
	err e = rc == 1 ? OK : tls_result(h->sock, h->ssl, rc, wants, "TLS handshake with");
	ERR_clear_error();
	co_yield ();
	gate_leave(&turns, &h->turn);
	return e;
}

static err await_client(struct handshake *h, uint8_t wants)
{
	h->waits_since = clock_ms();
	DL_DELETE(in_progress, h);
	DL_APPEND(in_progress, h);
	sock_attach(h->sock);
	err e = OK;
	while (e == OK && !h->shed && !(h->sock->rfd.ready & wants))
		e = co_wait(h->deadline);
	if (e == OK && !h->shed)
		keep_pace(clock_ms() - h->waits_since);
	h->waits_since = 0;
	return h->shed ? err_fail(ERR_LIMIT, "too many TLS handshakes wait for their clients") : e;
}

static err converse(struct handshake *h)
{
	for (;;) {
		uint8_t wants = 0;
		err e = step(h, &wants);
		if (e != ERR_AGAIN)
			return e;
		TRY(await_client(h, wants));
	}
}

static err handshake(struct sock *sock, struct tls_set *set, int64_t deadline)
{
	int64_t latest = deadline + TLS_QUEUE_MS;
	struct handshake h = {.sock = sock,
			      .deadline = deadline,
			      .latest = sock->deadline < latest ? sock->deadline : latest};
	TRY(take_place(&h));
	h.ssl = tls_set_session(set);
	err e = ERR_SYSTEM;
	if (!h.ssl || SSL_set_fd(h.ssl, sock->rfd.fd) != 1)
		e = err_fail(ERR_SYSTEM, "no memory for a TLS session");
	else
		e = converse(&h);
	leave_place(&h);
	if (e == OK) {
		counts.accepted++;
		counts.resumed += SSL_session_reused(h.ssl) == 1;
		counts.kernel += BIO_get_ktls_send(SSL_get_wbio(h.ssl)) != 0;
		tls_begin_records(sock, h.ssl);
		return OK;
	}
	SSL_free(h.ssl);
	ERR_clear_error();
	return e;
}

/* Thousands that came in one moment run out of time in one moment, and to end each is a dozen calls of the system. */
static void end_in_turn(void)
{
	struct gate_pass pass = {0};
	if (gate_enter(&ends, &pass, CLOCK_NEVER) == OK)
		co_yield ();
	gate_leave(&ends, &pass);
}

static void forget(struct sock *sock)
{
	struct tls *tls = sock->state;
	tls_set_unref(&tls->set);
	free(tls);
	sock->state = NULL;
	sock->ops = NULL;
	sock->rfd.ready |= REACTOR_IN;
}

/* The stack that a handshake has used is many times what a player needs. */
static err expected_begin(struct sock *sock)
{
	struct tls *tls = sock->state;
	int64_t deadline = clock_after(TLS_HANDSHAKE_MS);
	bool plain = false;
	if (sock->deadline < deadline)
		deadline = sock->deadline;
	err e = await_hello(sock, tls->mixed, &plain, deadline);
	if (e == OK && plain) {
		forget(sock);
		return OK;
	}
	if (e == OK)
		e = handshake(sock, tls->set, deadline);
	if (e != OK && e != ERR_STOPPED)
		end_in_turn();
	if (e == ERR_TIMEOUT) {
		counts.timed_out++;
		return err_fail(e, "the TLS handshake was not done in time");
	}
	counts.refused += e != OK && e != ERR_STOPPED;
	co_trim();
	return e;
}

static err expected_recv(struct sock *sock, void *p, size_t cap, size_t *n)
{
	(void)sock, (void)p, (void)cap, (void)n;
	return err_fail(ERR_PROTOCOL, "the TLS handshake has not been made");
}

static err expected_send(struct sock *sock, const struct iovec *iov, int count, size_t *n)
{
	(void)iov, (void)count;
	return expected_recv(sock, NULL, 0, n);
}

static err expected_shutdown(struct sock *sock)
{
	(void)sock;
	return OK;
}

static void expected_free(struct sock *sock)
{
	forget(sock);
}

static const struct sock_ops expected = {
	.begin = expected_begin,
	.recv = expected_recv,
	.send = expected_send,
	.shutdown = expected_shutdown,
	.free = expected_free,
};

void tls_expect_set(struct sock *sock, struct tls_set *set, bool mixed)
{
	struct tls *tls = mem_new(struct tls);
	tls_set_ref(set);
	tls->set = set;
	tls->mixed = mixed;
	sock->state = tls;
	sock->ops = &expected;
}
