/* A connection: connecting, sending what did not fit, reading or dropping, ending. */
#include "bench.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, DROP_MAX = 4 << 20, OUT_MAX = 8 << 20, REDIRECTS_MAX = 5 };

struct peer *peers;
int epoll_fd;
int opened, running, ended;
int64_t window_us;

static uint8_t input[READ_MAX];

/* ---- where to ---- */

struct place {
	char host[128], port[8];
	struct sockaddr_storage addr;
	socklen_t len;
};

static const struct place *find_place(const struct url *url)
{
	static struct place places[16];
	static int count;
	for (int i = 0; i < count; i++)
		if (!strcmp(places[i].host, url->host) && !strcmp(places[i].port, url->port))
			return &places[i];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	if (getaddrinfo(url->host, url->port, &hints, &list) != 0)
		return NULL;
	struct place *place = &places[count < 15 ? count++ : 15];
	*place = (struct place){.len = list->ai_addrlen};
	memcpy(&place->addr, list->ai_addr, list->ai_addrlen);
	snprintf(place->host, sizeof(place->host), "%s", url->host);
	snprintf(place->port, sizeof(place->port), "%s", url->port);
	freeaddrinfo(list);
	return place;
}

static void watch_events(struct peer *peer, int op, bool room)
{
	struct epoll_event event = {.events = EPOLLIN | (room ? (uint32_t)EPOLLOUT : 0u),
				    .data.ptr = peer};
	epoll_ctl(epoll_fd, op, peer->fd, &event);
	peer->wants_room = room;
}

static void dial(struct peer *peer)
{
	int on = 1;
	const struct place *place = find_place(&peer->url);
	peer->state = PEER_CONNECTING;
	if (!place) {
		peer_fail(peer, "%s cannot be resolved", peer->url.host);
		return;
	}
	peer->fd = socket(place->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (peer->fd < 0) {
		peer_fail(peer, "socket: %s", strerror(errno));
		return;
	}
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(peer->fd, (const struct sockaddr *)&place->addr, place->len) != 0 &&
	    errno != EINPROGRESS)
		peer_fail(peer, "connect: %s", strerror(errno));
	else
		watch_events(peer, EPOLL_CTL_ADD, true);
}

void peer_open(struct peer *peer)
{
	char text[1024];
	url_numbered(text, sizeof(text), peer->index);
	peer->begin_us = peer->last_us = peer->ack_us = now_us();
	peer->is_full = opt.mode == MODE_PUBLISH || peer->index % opt.sample == 0;
	opened++;
	if (url_read(&peer->url, text))
		dial(peer);
	else
		peer_fail(peer, "the URL %s makes no sense", text);
}

/* ---- the end ---- */

static void drop_scan(struct peer *peer)
{
	if (peer->scan)
		buf_free(&peer->scan->command);
	free(peer->scan);
	peer->scan = NULL;
}

static void hang_up(struct peer *peer)
{
	tls_end(peer);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
	drop_scan(peer);
	buf_free(&peer->in);
	buf_free(&peer->out);
	peer->out_off = 0;
}

void peer_close(struct peer *peer)
{
	if (peer->state == PEER_ENDED || peer->state == PEER_NEW)
		return;
	hang_up(peer);
	running -= peer->state == PEER_RUNNING;
	peer->state = PEER_ENDED;
	ended++;
}

void peer_fail(struct peer *peer, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reason_add("%s", text);
	if (peer->state == PEER_RUNNING)
		fig.disconnects++;
	else
		fig.failures++;
	peer_close(peer);
}

void peer_redirect(struct peer *peer, const char *to)
{
	char text[1024];
	fig.redirects++;
	snprintf(text, sizeof(text), "%s", to);
	if (peer->redirects++ >= REDIRECTS_MAX || !url_read(&peer->url, text)) {
		peer_fail(peer, "redirected too often or to nowhere");
		return;
	}
	hang_up(peer);
	peer->stream_id = 0;
	peer->received = peer->acked = 0;
	dial(peer);
}

/* ---- sending ---- */

static ssize_t send_bytes(struct peer *peer, const uint8_t *p, size_t n)
{
	if (peer->ssl)
		return tls_send(peer, p, n);
	return send(peer->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void peer_flush(struct peer *peer)
{
	while (peer->fd >= 0 && peer->out.n > peer->out_off) {
		ssize_t n =
			send_bytes(peer, peer->out.p + peer->out_off, peer->out.n - peer->out_off);
		if (n < 0 && errno == EAGAIN) {
			if (!peer->wants_room)
				watch_events(peer, EPOLL_CTL_MOD, true);
			return;
		}
		if (n < 0) {
			peer_fail(peer, "send: %s", strerror(errno));
			return;
		}
		peer->out_off += (size_t)n;
		peer->sent += (uint64_t)n;
		peer->last_us = now_us();
	}
	buf_free(&peer->out);
	peer->out_off = 0;
	if (peer->wants_room && peer->fd >= 0)
		watch_events(peer, EPOLL_CTL_MOD, false);
}

void peer_send(struct peer *peer, struct span bytes)
{
	if (peer->fd < 0)
		return;
	if (peer->out.n == peer->out_off) {
		ssize_t n = send_bytes(peer, bytes.p, bytes.n);
		if (n < 0 && errno != EAGAIN) {
			peer_fail(peer, "send: %s", strerror(errno));
			return;
		}
		size_t done = n < 0 ? 0 : (size_t)n;
		peer->sent += done;
		peer->last_us = now_us();
		if (done == bytes.n)
			return;
		bytes.p += done;
		bytes.n -= done;
	}
	peer->out.max = OUT_MAX;
	buf_put(&peer->out, bytes.p, bytes.n);
	if (!buf_ok(&peer->out))
		peer_fail(peer, "the server takes nothing any more");
	else if (!peer->wants_room)
		watch_events(peer, EPOLL_CTL_MOD, true);
}

/* ---- being told ---- */

void peer_runs(struct peer *peer)
{
	if (peer->state == PEER_RUNNING || peer->state == PEER_ENDED)
		return;
	peer->state = PEER_RUNNING;
	running++;
	peer->run_us = peer->last_us = now_us();
	hist_add(&fig.connect, peer->run_us - peer->begin_us);
	if (opt.mode == MODE_PUBLISH)
		stream_begin(peer);
	else if (opt.mode == MODE_IDLE || opt.mode == MODE_SINK)
		drop_scan(peer);
}

void peer_first_byte(struct peer *peer)
{
	if (peer->has_byte)
		return;
	peer->has_byte = true;
	hist_add(&fig.first_byte, now_us() - peer->begin_us);
}

/* Without pictures a sound will do after a while. */
static bool is_first_frame(const struct peer *peer, uint8_t type, const uint8_t *head, int64_t now)
{
	enum { VIDEO = 9, SOUND_WILL_DO_US = 3000 * 1000 };
	if (type != VIDEO)
		return (head[0] >> 4 != 10 || head[1] != 0) &&
		       now - peer->begin_us > SOUND_WILL_DO_US;
	return head[0] & 0x80 ? (head[0] & 15) != 0 : (head[0] & 15) != 7 || head[1] != 0;
}

void peer_media(struct peer *peer, uint8_t type, uint32_t length, const uint8_t *head, uint32_t n)
{
	int64_t now = now_us(), sent;
	uint32_t at = type == 9 ? STAMP_AT_VIDEO : STAMP_AT_AUDIO;
	if (n < 2 || length < 2)
		return;
	if (!peer->has_frame && is_first_frame(peer, type, head, now)) {
		peer->has_frame = true;
		hist_add(&fig.first_frame, now - peer->begin_us);
	}
	/* What was sent before we asked comes from a cache and says nothing about the way. */
	if (window_us && n >= at + STAMP_SIZE && stamp_read(head + at, &sent) &&
	    sent > peer->run_us && sent > window_us) {
		hist_add(&fig.latency, now - sent);
		if (type == 9)
			hist_add(&fig.video_latency, now - sent);
	}
	peer->frames++;
	if (!peer->is_full && peer->has_frame)
		drop_scan(peer);
}

/* ---- events ---- */

static void note_input(struct peer *peer, size_t n)
{
	int64_t now = now_us(), gap = now - peer->last_us;
	if (window_us && peer->state == PEER_RUNNING && peer->last_us > 0 &&
	    opt.mode != MODE_PUBLISH) {
		if (gap > peer->worst_gap_us)
			peer->worst_gap_us = gap;
		if ((double)gap > opt.stall_ms * 1000)
			fig.stalls++;
	}
	if (opt.mode != MODE_PUBLISH)
		peer->last_us = now;
	peer->received += n;
}

static bool understand(struct peer *peer, size_t n)
{
	if (opt.mode == MODE_PLAY_FLV || opt.mode == MODE_IDLE || opt.mode == MODE_PROBE)
		return http_input(peer, input, n);
	return rtmp_input(peer, input, n);
}

static void read_some(struct peer *peer)
{
	bool drop = peer->state == PEER_RUNNING && !peer->scan && peer->has_frame;
	if (opt.mode == MODE_PROBE)
		drop = false;
	if (opt.mode == MODE_SINK || (opt.mode == MODE_IDLE && peer->state == PEER_RUNNING))
		drop = true;
	ssize_t n = drop        ? recv(peer->fd, NULL, DROP_MAX, MSG_DONTWAIT | MSG_TRUNC)
		    : peer->ssl ? tls_recv(peer, input, sizeof(input))
				: recv(peer->fd, input, sizeof(input), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		peer_fail(peer, n < 0 ? "recv: %s" : "closed by the server%.0s", strerror(errno));
		return;
	}
	note_input(peer, (size_t)n);
	if (opt.mode == MODE_SINK)
		peer_first_byte(peer);
	if (!drop && !understand(peer, (size_t)n))
		peer_fail(peer, "what the server says makes no sense");
}

static void talk(struct peer *peer)
{
	peer->state = PEER_TALKING;
	watch_events(peer, EPOLL_CTL_MOD, false);
	/* A floor is sent the messages of a publisher without a conversation. */
	bool raw = opt.mode == MODE_PUBLISH && strcmp(peer->url.scheme, "tcp") == 0;
	bool silent = raw || opt.mode == MODE_SINK ||
		      (opt.mode == MODE_IDLE && strncmp(peer->url.scheme, "http", 4) != 0);
	if (silent)
		peer_runs(peer);
	else if (opt.mode == MODE_PLAY_FLV || opt.mode == MODE_IDLE || opt.mode == MODE_PROBE)
		http_connected(peer);
	else
		rtmp_connected(peer);
}

static void shake(struct peer *peer)
{
	ssize_t rc = tls_shake(peer);
	if (rc == 1)
		talk(peer);
	else if (rc == 0 || errno != EAGAIN)
		peer_fail(peer, "the TLS handshake failed");
}

static void connected(struct peer *peer)
{
	int number = 0;
	socklen_t len = sizeof(number);
	getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &number, &len);
	if (number) {
		peer_fail(peer, "connect: %s", strerror(number));
		return;
	}
	if (!tls_wanted(peer)) {
		talk(peer);
		return;
	}
	peer->state = PEER_SHAKING;
	watch_events(peer, EPOLL_CTL_MOD, false);
	tls_begin(peer);
	shake(peer);
}

void peer_event(struct peer *peer, uint32_t events)
{
	if (peer->fd < 0)
		return;
	if (peer->state == PEER_CONNECTING) {
		connected(peer);
		return;
	}
	if (peer->state == PEER_SHAKING) {
		shake(peer);
		return;
	}
	if (events & EPOLLOUT)
		peer_flush(peer);
	if (peer->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_some(peer);
}
