#include "http/websocket.h"
#include "base/cur.h"

#include <openssl/evp.h>
#include <strings.h>

enum { KEY_SIZE = 24, DIGEST_SIZE = 20 };
enum { FINAL = 0x80, RESERVED = 0x70, MASKED = 0x80 };

/* A word in a list of words with commas. */
static bool has_token(const char *list, const char *token)
{
	size_t n = strlen(token);
	while (list && *list) {
		list += strspn(list, " \t,");
		size_t m = strcspn(list, ",");
		while (m > 0 && (list[m - 1] == ' ' || list[m - 1] == '\t'))
			m--;
		if (m == n && strncasecmp(list, token, n) == 0)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

enum websocket_asked websocket_asked(const struct http_message *request)
{
	const char *key = http_header_get(request, "Sec-WebSocket-Key");
	const char *version = http_header_get(request, "Sec-WebSocket-Version");
	if (!has_token(http_header_get(request, "Upgrade"), "websocket") ||
	    !has_token(http_header_get(request, "Connection"), "upgrade"))
		return WEBSOCKET_NOT;
	if (!version || strcmp(version, "13") != 0)
		return WEBSOCKET_VERSION;
	if (request->method != HTTP_METHOD_GET || request->minor < 1 || !key ||
	    strlen(key) != KEY_SIZE)
		return WEBSOCKET_BAD;
	return WEBSOCKET_GOOD;
}

void websocket_write_head(struct buf *b, const struct http_message *request, const char *extra)
{
	static const char constant[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_SIZE + sizeof(constant)];
	unsigned char digest[EVP_MAX_MD_SIZE] = {0}, accept[2 * DIGEST_SIZE] = {0};
	const char *key = http_header_get(request, "Sec-WebSocket-Key");
	memcpy(text, key, KEY_SIZE);
	memcpy(text + KEY_SIZE, constant, sizeof(constant));
	(void)EVP_Digest(text, sizeof(text) - 1, digest, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(accept, digest, DIGEST_SIZE);
	buf_printf(b,
		   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
		   (const char *)accept, extra);
}

size_t websocket_head(uint8_t out[static WEBSOCKET_HEAD_MAX], unsigned opcode, uint64_t n)
{
	size_t more = n <= WEBSOCKET_CONTROL_MAX ? 0 : n <= UINT16_MAX ? 2 : 8;
	out[0] = (uint8_t)(FINAL | opcode);
	out[1] = (uint8_t)(more == 0 ? n : more == 2 ? 126 : 127);
	for (size_t i = 0; i < more; i++)
		out[2 + i] = (uint8_t)(n >> (8 * (more - 1 - i)));
	return 2 + more;
}

static void write_control(struct buf *b, unsigned opcode, struct span payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	buf_put(b, head, websocket_head(head, opcode, payload.n));
	buf_put(b, payload.p, payload.n);
}

void websocket_write_close(struct buf *b, uint16_t why)
{
	uint8_t payload[2] = {(uint8_t)(why >> 8), (uint8_t)why};
	write_control(b, WEBSOCKET_CLOSE, span_of(payload, sizeof(payload)));
}

static unsigned opcode_of(const struct websocket_reader *r)
{
	return r->head[0] & 15;
}

static bool is_control(const struct websocket_reader *r)
{
	return opcode_of(r) >= WEBSOCKET_CLOSE;
}

/* The size of a frame's head, once its second byte is there. */
static unsigned head_size(const struct websocket_reader *r)
{
	unsigned length = r->head_n >= 2 ? r->head[1] & 127u : 0;
	return 2 + (length == 126 ? 2u : length == 127 ? 8u : 0) + 4;
}

/* The head is whole: how much follows. */
static err begin_frame(struct websocket_reader *r)
{
	unsigned length = r->head[1] & 127;
	r->left = length;
	r->control_n = 0;
	if (length >= 126) {
		r->left = 0;
		for (unsigned i = 2; i < head_size(r) - 4; i++)
			r->left = r->left << 8 | r->head[i];
	}
	bool is_known = opcode_of(r) <= WEBSOCKET_BINARY ||
			(is_control(r) && opcode_of(r) <= WEBSOCKET_PONG);
	if (!is_known || r->head[0] & RESERVED ||
	    (is_control(r) && (!(r->head[0] & FINAL) || length >= 126)))
		return err_fail(ERR_PROTOCOL, "a WebSocket frame that cannot be");
	if (r->left > WEBSOCKET_MESSAGE_MAX)
		return err_fail(ERR_LIMIT, "a WebSocket frame of %llu bytes",
				(unsigned long long)r->left);
	return OK;
}

static err end_frame(struct websocket_reader *r, struct buf *answers)
{
	const uint8_t *mask = r->head + head_size(r) - 4;
	for (unsigned i = 0; i < r->control_n; i++)
		r->control[i] ^= mask[i % 4];
	r->head_n = 0;
	if (opcode_of(r) == WEBSOCKET_PING)
		write_control(answers, WEBSOCKET_PONG, span_of(r->control, r->control_n));
	if (opcode_of(r) != WEBSOCKET_CLOSE)
		return OK;
	websocket_write_close(answers, WEBSOCKET_DONE);
	return err_fail(ERR_CLOSED, "the client closed the WebSocket");
}

static void take_payload(struct websocket_reader *r, struct cur *c)
{
	size_t n = r->left < cur_left(c) ? (size_t)r->left : cur_left(c);
	struct span piece = cur_bytes(c, n);
	r->left -= n;
	if (!is_control(r))
		return;
	memcpy(r->control + r->control_n, piece.p, n);
	r->control_n += (unsigned)n;
}

err websocket_read(struct websocket_reader *r, struct span bytes, struct buf *answers)
{
	struct cur c = cur_of(bytes.p, bytes.n);
	while (cur_left(&c) > 0) {
		bool is_in_payload = r->head_n >= 2 && r->head_n == head_size(r);
		if (!is_in_payload) {
			r->head[r->head_n++] = cur_u8(&c);
			if (r->head_n == 2 && !(r->head[1] & MASKED))
				return err_fail(ERR_PROTOCOL, "a WebSocket frame without a mask");
			if (r->head_n < 2 || r->head_n < head_size(r))
				continue;
			TRY(begin_frame(r));
		} else if (r->left > 0) {
			take_payload(r, &c);
		}
		if (r->left == 0)
			TRY(end_frame(r, answers));
	}
	return OK;
}
