/* HTTP as a client, as far as a stream of FLV needs it: one request, the head of the answer. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 8192 };

static void ask(struct peer *peer)
{
	const struct url *u = &peer->url;
	struct buf b = {.max = HEAD_MAX};
	buf_printf(&b, "GET /%s%s%s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: srs_bench\r\n\r\n",
		   u->app, *u->app ? "/" : "", u->stream, u->host, u->port);
	peer_send(peer, buf_span(&b));
	buf_free(&b);
}

void http_connected(struct peer *peer)
{
	peer->in = (struct buf){.max = HEAD_MAX};
	ask(peer);
}

int64_t http_probe(int64_t now)
{
	enum { EVERY_US = 5000 };
	int64_t next = INT64_MAX;
	for (int i = 0; i < opt.count; i++) {
		struct peer *peer = &peers[i];
		if (peer->state != PEER_RUNNING || !peer->has_frame)
			continue;
		if (now >= peer->ack_us + EVERY_US) {
			peer->ack_us = now_us();
			peer->has_frame = false; /* until the answer has come */
			ask(peer);
		} else if (peer->ack_us + EVERY_US < next) {
			next = peer->ack_us + EVERY_US;
		}
	}
	return next;
}

/* The value of a header in the head, copied; "" if it is not there. */
static void find_header(char *out, size_t cap, const char *head, const char *name)
{
	*out = '\0';
	for (const char *line = head; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t n = strlen(name);
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *value = line + n + 1;
		value += strspn(value, " ");
		snprintf(out, cap, "%.*s", (int)strcspn(value, "\r\n"), value);
		return;
	}
}

static void on_head(struct peer *peer, const char *head)
{
	char value[1024];
	long status = strlen(head) > 9 ? strtol(head + 9, NULL, 10) : 0;
	if (status == 301 || status == 302 || status == 307) {
		find_header(value, sizeof(value), head, "Location");
		peer_redirect(peer, value);
		return;
	}
	if (status != 200 && opt.mode == MODE_PLAY_FLV) {
		peer_fail(peer, "HTTP status %ld", status);
		return;
	}
	find_header(value, sizeof(value), head, "Transfer-Encoding");
	peer->scan = mem_new(struct scan);
	peer->scan->piece = strcasecmp(value, "chunked") == 0 ? 0 : UINT32_MAX;
	peer->has_frame = opt.mode == MODE_PROBE;
	peer_runs(peer);
}

bool http_input(struct peer *peer, const uint8_t *p, size_t n)
{
	if (opt.mode == MODE_PROBE && peer->state == PEER_RUNNING) {
		if (window_us && !peer->has_frame)
			hist_add(&fig.latency, now_us() - peer->ack_us);
		peer->has_frame = true;
		return true;
	}
	if (peer->scan)
		return scan_flv(peer, p, n);
	if (peer->state != PEER_TALKING)
		return true;
	size_t before = peer->in.n;
	buf_put(&peer->in, p, n < HEAD_MAX - 1 - before ? n : HEAD_MAX - 1 - before);
	const char *text = buf_text(&peer->in), *end = strstr(text, "\r\n\r\n");
	if (!end)
		return peer->in.n < HEAD_MAX - 1;
	size_t size = (size_t)(end + 4 - text);
	char *head = mem_strndup(text, size);
	buf_free(&peer->in);
	on_head(peer, head);
	free(head);
	if (opt.mode != MODE_PLAY_FLV || !peer->scan || size - before >= n)
		return true;
	return scan_flv(peer, p + (size - before), n - (size - before));
}
