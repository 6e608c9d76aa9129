/* RTMP as a client: plain handshake, connect, createStream, then play or publish. */
#include "bench.h"
#include "codec/amf0.h"
#include "codec/chunk.h"

#include <stdlib.h>
#include <string.h>

enum { HANDSHAKE = 1536, ACK_EVERY_US = 20 * 1000 * 1000 };
enum { STEP_HANDSHAKE, STEP_CONNECT, STEP_CREATE, STEP_STREAM, STEP_RUN };

void rtmp_connected(struct peer *peer)
{
	static uint8_t c0c1[1 + HANDSHAKE];
	c0c1[0] = 3;
	for (int i = 9; i <= HANDSHAKE; i++)
		c0c1[i] = (uint8_t)(i * 31);
	peer->step = STEP_HANDSHAKE;
	peer->in = (struct buf){.max = 1 + 2 * HANDSHAKE};
	peer_send(peer, (struct span){c0c1, sizeof(c0c1)});
}

static void put_value(struct buf *b, struct amf *value)
{
	amf_write(b, value);
	amf_free(&value);
}

static void put_message(struct peer *peer, uint32_t csid, uint8_t type, uint32_t stream_id,
			struct span body)
{
	struct buf b = {.max = COMMAND_MAX * 2};
	chunk_write(&b, CHUNK_SIZE_DEFAULT, csid, type, stream_id, 0, body);
	peer_send(peer, buf_span(&b));
	buf_free(&b);
}

static void send_command(struct peer *peer, const char *name, double tid, struct amf *object,
			 struct amf *more, const char *text, const char *text2)
{
	struct buf b = {.max = COMMAND_MAX};
	put_value(&b, amf_string(name));
	put_value(&b, amf_number(tid));
	put_value(&b, object);
	if (more)
		put_value(&b, more);
	if (text)
		put_value(&b, amf_string(text));
	if (text2)
		put_value(&b, amf_string(text2));
	put_message(peer, peer->stream_id ? 8 : 3, RTMP_COMMAND, peer->stream_id, buf_span(&b));
	buf_free(&b);
}

static void put_number(struct peer *peer, uint8_t type, uint32_t value)
{
	struct buf b = {.max = 8};
	buf_u32(&b, value);
	put_message(peer, 2, type, 0, buf_span(&b));
	buf_free(&b);
}

static void send_connect(struct peer *peer)
{
	const struct url *u = &peer->url;
	struct amf *o = amf_object();
	char *tc_url = mem_printf("rtmp://%s:%s/%s", u->host, u->port, u->app);
	amf_set(o, "app", amf_string(u->app));
	amf_set(o, "flashVer", amf_string("LNX 9,0,124,2"));
	amf_set(o, "tcUrl", amf_string(tc_url));
	amf_set(o, "fpad", amf_bool(false));
	amf_set(o, "capabilities", amf_number(15));
	amf_set(o, "audioCodecs", amf_number(4071));
	amf_set(o, "videoCodecs", amf_number(252));
	struct amf *args = NULL;
	if (opt.edge) {
		args = amf_object();
		amf_set(args, "srs_pid", amf_number(1));
	}
	send_command(peer, "connect", 1, o, args, NULL, NULL);
	free(tc_url);
}

static bool shake(struct peer *peer, const uint8_t **p, size_t *n)
{
	size_t want = 1 + 2 * HANDSHAKE - peer->in.n, some = want < *n ? want : *n;
	buf_put(&peer->in, *p, some);
	*p += some;
	*n -= some;
	if (some < want)
		return true;
	if (peer->in.p[0] != 3) {
		peer_fail(peer, "the handshake has version %d", peer->in.p[0]);
		return false;
	}
	peer->step = STEP_CONNECT;
	peer->scan = mem_new(struct scan);
	peer->scan->chunk_size = CHUNK_SIZE_DEFAULT;
	peer->scan->command.max = COMMAND_MAX;
	peer_send(peer, (struct span){peer->in.p + 1, HANDSHAKE});
	send_connect(peer);
	buf_free(&peer->in);
	return true;
}

bool rtmp_input(struct peer *peer, const uint8_t *p, size_t n)
{
	if (peer->step == STEP_HANDSHAKE && !shake(peer, &p, &n))
		return true;
	if (n == 0 || !peer->scan)
		return true;
	return scan_chunks(peer, p, n);
}

void rtmp_ack(struct peer *peer, int64_t now)
{
	uint64_t fresh = peer->received - peer->acked;
	if (!peer->ack_window || !fresh ||
	    (fresh < peer->ack_window && now - peer->ack_us < ACK_EVERY_US))
		return;
	peer->acked = peer->received;
	peer->ack_us = now;
	put_number(peer, RTMP_ACK, (uint32_t)peer->received);
}

/* ---- what the server says ---- */

static void request_stream(struct peer *peer)
{
	peer->step = STEP_STREAM;
	if (opt.mode == MODE_PUBLISH)
		send_command(peer, "publish", 3, amf_null(), NULL, peer->url.stream, "live");
	else
		send_command(peer, "play", 3, amf_null(), NULL, peer->url.stream, NULL);
}

static void on_result(struct peer *peer, const struct amf *second)
{
	if (peer->step == STEP_CONNECT) {
		peer->step = STEP_CREATE;
		send_command(peer, "createStream", 2, amf_null(), NULL, NULL, NULL);
	} else if (peer->step == STEP_CREATE) {
		peer->stream_id = (uint32_t)amf_num(second, 1);
		request_stream(peer);
	}
}

static void on_refused(struct peer *peer, const struct amf *info)
{
	const struct amf *ex = amf_get(info, "ex");
	const char *to = amf_get_string(ex, "redirect", NULL);
	const char *other = amf_get_string(ex, "redirect2", NULL);
	const char *code = amf_get_string(info, "code", "no code");
	if (other || to)
		peer_redirect(peer, other ? other : to);
	else
		peer_fail(peer, "refused: %s", code);
}

static void on_status(struct peer *peer, const struct amf *info)
{
	const char *code = amf_get_string(info, "code", "");
	const char *level = amf_get_string(info, "level", "");
	if (strcmp(level, "error") == 0) {
		on_refused(peer, info);
	} else if (strcmp(code, "NetStream.Play.Start") == 0 ||
		   strcmp(code, "NetStream.Publish.Start") == 0) {
		if (peer->step != STEP_STREAM)
			return;
		peer->step = STEP_RUN;
		peer_runs(peer);
	} else if (strcmp(code, "NetStream.Play.UnpublishNotify") == 0 ||
		   strcmp(code, "NetStream.Play.Stop") == 0) {
		peer_fail(peer, "ended: %s", code);
	}
}

static void on_command(struct peer *peer, struct span body)
{
	struct cur c = cur_of(body.p, body.n);
	struct amf *v[4] = {0};
	int n = 0;
	while (n < 4 && cur_left(&c) && amf_read(&v[n], &c) == OK)
		n++;
	const char *name = amf_text(v[0], "");
	if (strcmp(name, "_result") == 0)
		on_result(peer, v[3]);
	else if (strcmp(name, "_error") == 0)
		on_refused(peer, v[3]);
	else if (strcmp(name, "onStatus") == 0)
		on_status(peer, v[3]);
	for (int i = 0; i < n; i++)
		amf_free(&v[i]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void on_user_control(struct peer *peer, struct span body)
{
	enum { PING = 6, PONG = 7 };
	if (body.n < 6 || body.p[0] != 0 || body.p[1] != PING)
		return;
	struct buf b = {.max = 8};
	buf_u16(&b, PONG);
	buf_put(&b, body.p + 2, 4);
	put_message(peer, 2, RTMP_USER_CONTROL, 0, buf_span(&b));
	buf_free(&b);
}

void rtmp_message(struct peer *peer, uint8_t type, struct span body)
{
	if (type == RTMP_SET_CHUNK_SIZE && body.n >= 4)
		peer->scan->chunk_size = be32(body.p) & 0x7FFFFFFF;
	else if (type == RTMP_WINDOW_ACK_SIZE && body.n >= 4)
		peer->ack_window = be32(body.p);
	else if (type == RTMP_USER_CONTROL)
		on_user_control(peer, body);
	else if (type == RTMP_COMMAND)
		on_command(peer, body);
}
