/* The reader is a push parser of three states that may be left and entered at any byte:
 *
 *   HEAD     basic and message header, gathered in `head` (at most 18 bytes)
 *   AGAIN    the extended timestamp that may be repeated in a type 3 chunk
 *   PAYLOAD  one chunk's share of the message, copied straight to its place
 *
 * The repetition in AGAIN is required by the specification (5.3.1.3), but some peers leave it
 * out. So its bytes are compared as they come, and from the first difference on they are payload:
 * the few already taken (at most four) are put into `back`, which is read before new input.
 */
#include "codec/chunk.h"
#include "base/check.h"
#include "base/fetch.h"
#include "base/mem.h"
#include "codec/chunk_stream.h"

#include <stdlib.h>

enum { AGAIN_SIZE = 4 };
enum { DEFAULT_MESSAGE_MAX = 64 * 1024, DEFAULT_PENDING_MAX = 128 * 1024 };

enum state { HEAD, AGAIN, PAYLOAD };

struct chunk_reader {
	enum state state;
	err dead;
	uint32_t chunk_size;
	struct chunk_streams streams;
	uint32_t chunk_left;
	size_t head_n;
	uint8_t head[CHUNK_HEADER_MAX];
	size_t again_n;
	struct cur back; /* points into back_bytes */
	uint8_t back_bytes[AGAIN_SIZE];
};

static const size_t header_size[4] = {11, 7, 3, 0};

static err step_head(struct chunk_reader *r, struct cur *c);
static err step_again(struct chunk_reader *r, struct cur *c);
static err step_payload(struct chunk_reader *r, struct cur *c);
static err finish(struct chunk_reader *r, struct rtmp_msg *out, bool *got);

static bool is_complete(const struct chunk_reader *r)
{
	if (r->state != PAYLOAD)
		return false;
	const struct chunk_stream *s = chunk_streams_at(&r->streams);
	return s->received == s->length;
}

static err step(struct chunk_reader *r, struct cur *c)
{
	switch (r->state) {
	case HEAD:
		return step_head(r, c);
	case AGAIN:
		return step_again(r, c);
	case PAYLOAD:
		return step_payload(r, c);
	}
	return OK;
}

err chunk_read(struct chunk_reader *r, struct cur *c, struct rtmp_msg *out, bool *got)
{
	*got = false;
	if (r->dead)
		return err_fail(r->dead, "chunks: read on after an error");
	while (!*got && (r->back.n || cur_left(c))) {
		err e = step(r, r->back.n ? &r->back : c);
		if (!e && is_complete(r))
			e = finish(r, out, got);
		if (e)
			return r->dead = e;
	}
	return OK;
}

void chunk_reader_fetch(const struct chunk_reader *r)
{
	enum { STREAMS_NEXT = 4 }; /* a peer has one for pictures, one for sound, some for words */
	fetch(r, sizeof(*r));
	fetch(r->streams.v, STREAMS_NEXT * sizeof(*r->streams.v));
}

static size_t basic_size(uint8_t first)
{
	uint8_t id = first & 0x3F;
	return id == 0 ? 2 : id == 1 ? 3 : 1;
}

static uint32_t basic_csid(const uint8_t *p)
{
	uint8_t id = p[0] & 0x3F;
	if (id == 0)
		return 64u + p[1];
	return id == 1 ? 64u + p[1] + 256u * p[2] : id;
}

/* How long the header is, as far as the bytes that are there can tell. */
static size_t head_size(struct span head)
{
	if (head.n == 0)
		return 1;
	size_t basic = basic_size(head.p[0]);
	unsigned fmt = head.p[0] >> 6;
	size_t n = basic + header_size[fmt];
	if (fmt == 3 || head.n < n)
		return n;
	struct cur c = cur_of(head.p + basic, 3);
	return cur_u24(&c) == CHUNK_TIME_EXTENDED ? n + AGAIN_SIZE : n;
}

static err stream_add(struct chunk_stream **out, struct chunk_reader *r, uint32_t csid,
		      unsigned fmt)
{
	if (fmt >= 2)
		return err_fail(ERR_PROTOCOL, "chunk stream %u begins with a type %u header", csid,
				fmt);
	*out = chunk_streams_add(&r->streams, csid);
	return *out ? OK
		    : err_fail(ERR_LIMIT, "unfinished messages on more than %d chunk streams",
			       CHUNK_STREAMS_MAX);
}

/* A header in the middle of a message may repeat what is known, but not change it. */
static err check_open(const struct chunk_stream *s, unsigned fmt, uint32_t length, uint8_t type)
{
	if (fmt == 0)
		return err_fail(ERR_PROTOCOL,
				"chunk stream %u: a new message in the middle of another", s->csid);
	if (length != s->length)
		return err_fail(ERR_PROTOCOL,
				"chunk stream %u: the length changes from %u to %u in the middle",
				s->csid, s->length, length);
	if (type != s->type)
		return err_fail(ERR_PROTOCOL,
				"chunk stream %u: the type changes from %u to %u in the middle",
				s->csid, s->type, type);
	return OK;
}

/* The message header of types 0 to 2 (5.3.1.2). */
static err read_header(struct chunk_stream *s, unsigned fmt, struct cur c)
{
	uint32_t field = cur_u24(&c);
	uint32_t length = fmt <= 1 ? cur_u24(&c) : s->length;
	uint8_t type = fmt <= 1 ? cur_u8(&c) : s->type;
	uint32_t stream_id = fmt == 0 ? cur_u32le(&c) : s->stream_id;
	bool is_extended = field == CHUNK_TIME_EXTENDED;
	if (is_extended)
		field = cur_u32(&c);
	if (s->is_open)
		TRY(check_open(s, fmt, length, type));
	s->length = length;
	s->type = type;
	s->stream_id = stream_id;
	s->field = field;
	s->is_extended = is_extended;
	if (!s->is_open) {
		s->delta = field;
		s->ts = fmt == 0 ? field : s->ts + field;
	}
	return OK;
}

static void begin_payload(struct chunk_reader *r)
{
	struct chunk_stream *s = chunk_streams_at(&r->streams);
	uint32_t left = s->length - s->received;
	if (!s->is_open)
		s->is_skipped = s->length > r->streams.message_max;
	s->is_open = true;
	r->chunk_left = left < r->chunk_size ? left : r->chunk_size;
	r->state = PAYLOAD;
}

static err head_done(struct chunk_reader *r, struct span head)
{
	unsigned fmt = head.p[0] >> 6;
	size_t basic = basic_size(head.p[0]);
	uint32_t csid = basic_csid(head.p);
	struct chunk_stream *s = chunk_streams_find(&r->streams, csid);
	if (!s)
		TRY(stream_add(&s, r, csid, fmt));
	struct cur c = cur_of(head.p + basic, head.n - basic);
	r->head_n = 0;
	if (fmt != 3) {
		TRY(read_header(s, fmt, c));
	} else if (!s->is_open) {
		/* Also after a type 0, whose timestamp then serves as the delta (5.3.1.2.4). */
		s->ts += s->delta;
	}
	if (fmt == 3 && s->is_extended) {
		r->again_n = 0;
		r->state = AGAIN;
		return OK;
	}
	begin_payload(r);
	return OK;
}

/* A header that has come as a whole is read where it lies. */
static err step_head(struct chunk_reader *r, struct cur *c)
{
	if (r->head_n == 0 && c->n >= CHUNK_HEADER_MAX)
		return head_done(r, cur_bytes(c, head_size(span_of(c->p, CHUNK_HEADER_MAX))));
	size_t size;
	while (r->head_n < (size = head_size(span_of(r->head, r->head_n)))) {
		size_t n = size - r->head_n < c->n ? size - r->head_n : c->n;
		if (n == 0)
			return OK;
		memcpy(r->head + r->head_n, cur_bytes(c, n).p, n);
		r->head_n += n;
	}
	return head_done(r, span_of(r->head, size));
}

/* The bytes taken in AGAIN were payload: they come back, before what is left of an earlier such
 * return. Both together are at most four, since bytes that were returned are read first. */
static void give_back(struct chunk_reader *r, uint32_t field, size_t n)
{
	uint8_t bytes[AGAIN_SIZE];
	size_t left = r->back.n;
	check(n + left <= AGAIN_SIZE);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(field >> (24 - 8 * i));
	if (left)
		memcpy(bytes + n, r->back.p, left);
	memcpy(r->back_bytes, bytes, n + left);
	r->back = cur_of(r->back_bytes, n + left);
}

static err step_again(struct chunk_reader *r, struct cur *c)
{
	uint32_t field = chunk_streams_at(&r->streams)->field;
	for (; r->again_n < AGAIN_SIZE; r->again_n++) {
		if (c->n == 0)
			return OK;
		if (*c->p != (uint8_t)(field >> (24 - 8 * r->again_n))) {
			/* Those before this one were equal, so the field says what they were. */
			if (r->again_n)
				give_back(r, field, r->again_n);
			break;
		}
		cur_skip(c, 1);
	}
	begin_payload(r);
	return OK;
}

static err step_payload(struct chunk_reader *r, struct cur *c)
{
	struct chunk_stream *s = chunk_streams_at(&r->streams);
	size_t n = r->chunk_left < c->n ? r->chunk_left : c->n;
	if (n) {
		TRY(chunk_stream_append(&r->streams, s, cur_bytes(c, n)));
		r->chunk_left -= (uint32_t)n;
	}
	if (r->chunk_left == 0 && s->received < s->length)
		r->state = HEAD;
	return OK;
}

static err read_control(uint32_t *value, const struct buf *body, const char *what)
{
	struct cur c = cur_of(body->p, body->n);
	*value = cur_u32(&c);
	return cur_ok(&c) ? OK : err_fail(ERR_PROTOCOL, "%s of %zu bytes", what, body->n);
}

static err set_chunk_size(struct chunk_reader *r, const struct buf *body)
{
	uint32_t size = 0;
	TRY(read_control(&size, body, "Set Chunk Size"));
	if (size == 0 || size > 0x7FFFFFFF)
		return err_fail(ERR_PROTOCOL, "Set Chunk Size to %u", size);
	/* No message is longer than that, so larger sizes mean the same (5.4.1). */
	r->chunk_size = size < CHUNK_SIZE_MAX ? size : CHUNK_SIZE_MAX;
	return OK;
}

static err abort_message(struct chunk_reader *r, const struct buf *body)
{
	uint32_t csid = 0;
	TRY(read_control(&csid, body, "Abort"));
	struct chunk_stream *s = chunk_streams_find(&r->streams, csid);
	if (s)
		chunk_stream_reset(&r->streams, s);
	return OK;
}

/* Hands a whole message out, or acts upon it when it is the reader's own business. */
static err finish(struct chunk_reader *r, struct rtmp_msg *out, bool *got)
{
	struct rtmp_msg m;
	r->state = HEAD;
	chunk_stream_take(&r->streams, chunk_streams_at(&r->streams), &m);
	*got = m.type != RTMP_SET_CHUNK_SIZE && m.type != RTMP_ABORT;
	if (*got) {
		*out = m;
		return OK;
	}
	err e = m.type == RTMP_ABORT ? abort_message(r, &m.body) : set_chunk_size(r, &m.body);
	rtmp_msg_fini(&m);
	return e;
}

struct chunk_reader *chunk_reader_new(void)
{
	struct chunk_reader *r = mem_new(struct chunk_reader);
	r->chunk_size = CHUNK_SIZE_DEFAULT;
	chunk_reader_limit(r, DEFAULT_MESSAGE_MAX, DEFAULT_PENDING_MAX);
	return r;
}

/* Pending bytes may exceed a limit that is lowered; no more are taken then. */
void chunk_reader_limit(struct chunk_reader *r, size_t message_max, size_t pending_max)
{
	struct chunk_streams *s = &r->streams;
	s->message_max = message_max;
	s->pending_max = pending_max < s->pending ? s->pending : pending_max;
}

void chunk_reader_free(struct chunk_reader **reader)
{
	struct chunk_reader *r = *reader;
	*reader = NULL;
	if (!r)
		return;
	chunk_streams_fini(&r->streams);
	free(r);
}

void rtmp_msg_fini(struct rtmp_msg *m)
{
	msg_unref(&m->media);
	buf_free(&m->body);
}
