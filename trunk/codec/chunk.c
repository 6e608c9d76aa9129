/* The reader is a push parser of three states that may be left and entered at any byte:
 *
 *   HEAD     basic and message header, gathered in `head` (at most 18 bytes)
 *   AGAIN    the extended timestamp that may be repeated in a type 3 chunk
 *   PAYLOAD  one chunk's share of the message, copied straight to its place
 *
 * The repetition in AGAIN is required by the specification (5.3.1.3), but some peers leave it
 * out. So its bytes are compared as they come, and from the first difference on they are payload:
 * the few already taken (at most four) are put into `back`, which is read before new input.
 *
 * Memory: a media message is assembled in the struct msg that is handed out, everything else in a
 * buf. Nothing is allocated before the first payload byte. FIRST_RESERVE bytes are reserved at
 * once, as long as all such reservations stay below the limit of unfinished bytes; beyond that
 * memory at most doubles with what was received. */
#include "codec/chunk.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>

enum { FIRST_RESERVE = 64 * 1024, SMALL_RESERVE = 256 };
enum { AGAIN_SIZE = 4 };
enum { CONTROL_CSID = 2 };
enum { DEFAULT_MESSAGE_MAX = 64 * 1024, DEFAULT_PENDING_MAX = 128 * 1024 };

struct stream {
	uint32_t csid;
	uint32_t ts;
	uint32_t delta;
	uint32_t field; /* the timestamp field of the last header, as extended */
	bool is_extended;
	bool is_open; /* a message has begun and is not complete */
	uint8_t type;
	uint32_t stream_id;
	uint32_t length;
	uint32_t received;
	struct msg *media; /* its n is what is reserved */
	struct buf body;
};

enum state { HEAD, AGAIN, PAYLOAD };

struct chunk_reader {
	enum state state;
	err dead;
	uint32_t chunk_size;
	size_t message_max;
	size_t pending_max;
	size_t pending;  /* received bytes of unfinished messages */
	size_t reserved; /* memory of unfinished media messages */
	struct stream *streams;
	size_t stream_n;
	size_t at; /* the stream of this chunk */
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
	const struct stream *s = &r->streams[r->at];
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
static size_t head_size(const struct chunk_reader *r)
{
	if (r->head_n == 0)
		return 1;
	size_t basic = basic_size(r->head[0]);
	unsigned fmt = r->head[0] >> 6;
	size_t n = basic + header_size[fmt];
	if (fmt == 3 || r->head_n < n)
		return n;
	struct cur c = cur_of(r->head + basic, 3);
	return cur_u24(&c) == CHUNK_TIME_EXTENDED ? n + AGAIN_SIZE : n;
}

/* The streams of a connection are few, and chunks of one tend to follow each other. */
static struct stream *stream_find(struct chunk_reader *r, uint32_t csid)
{
	if (r->at < r->stream_n && r->streams[r->at].csid == csid)
		return &r->streams[r->at];
	for (size_t i = 0; i < r->stream_n; i++) {
		if (r->streams[i].csid == csid) {
			r->at = i;
			return &r->streams[i];
		}
	}
	return NULL;
}

static err stream_add(struct stream **out, struct chunk_reader *r, uint32_t csid, unsigned fmt)
{
	if (fmt >= 2)
		return err_fail(ERR_PROTOCOL, "chunk stream %u begins with a type %u header", csid,
				fmt);
	if (r->stream_n == CHUNK_STREAMS_MAX)
		return err_fail(ERR_LIMIT, "more than %d chunk streams", CHUNK_STREAMS_MAX);
	/* Four suffice for most peers; a power of two is full. */
	if (r->stream_n == 0 || (r->stream_n >= 4 && (r->stream_n & (r->stream_n - 1)) == 0)) {
		size_t cap = r->stream_n ? r->stream_n * 2 : 4;
		r->streams = mem_realloc(r->streams, cap * sizeof(*r->streams));
	}
	r->at = r->stream_n++;
	*out = &r->streams[r->at];
	**out = (struct stream){.csid = csid};
	return OK;
}

/* A header in the middle of a message may repeat what is known, but not change it. */
static err check_open(const struct stream *s, unsigned fmt, uint32_t length, uint8_t type)
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
static err read_header(struct chunk_reader *r, struct stream *s, unsigned fmt, struct cur c)
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
	if (length > r->message_max)
		return err_fail(ERR_LIMIT,
				"chunk stream %u: a message of %u bytes, allowed are %zu", s->csid,
				length, r->message_max);
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
	struct stream *s = &r->streams[r->at];
	uint32_t left = s->length - s->received;
	s->is_open = true;
	r->chunk_left = left < r->chunk_size ? left : r->chunk_size;
	r->state = PAYLOAD;
}

static err head_done(struct chunk_reader *r)
{
	unsigned fmt = r->head[0] >> 6;
	size_t basic = basic_size(r->head[0]);
	uint32_t csid = basic_csid(r->head);
	struct stream *s = stream_find(r, csid);
	if (!s)
		TRY(stream_add(&s, r, csid, fmt));
	struct cur c = cur_of(r->head + basic, r->head_n - basic);
	r->head_n = 0;
	if (fmt != 3) {
		TRY(read_header(r, s, fmt, c));
	} else if (!s->is_open) {
		/* Also after a type 0, whose timestamp then serves as the delta (5.3.1.2.4). */
		s->ts += s->delta;
		if (s->length > r->message_max)
			return err_fail(ERR_LIMIT, "chunk stream %u: a message of %u bytes", csid,
					s->length);
	}
	if (fmt == 3 && s->is_extended) {
		r->again_n = 0;
		r->state = AGAIN;
		return OK;
	}
	begin_payload(r);
	return OK;
}

static err step_head(struct chunk_reader *r, struct cur *c)
{
	size_t size;
	while (r->head_n < (size = head_size(r))) {
		size_t n = size - r->head_n < c->n ? size - r->head_n : c->n;
		if (n == 0)
			return OK;
		memcpy(r->head + r->head_n, cur_bytes(c, n).p, n);
		r->head_n += n;
	}
	return head_done(r);
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
	uint32_t field = r->streams[r->at].field;
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

static bool is_media(uint8_t type)
{
	return type == RTMP_AUDIO || type == RTMP_VIDEO || type == RTMP_DATA;
}

/* The size to reserve so that `need` bytes fit. */
static size_t media_size(const struct chunk_reader *r, const struct stream *s, size_t need)
{
	size_t size = SMALL_RESERVE;
	if (s->media)
		size = (size_t)s->media->n * 2;
	else if (r->reserved + FIRST_RESERVE <= r->pending_max)
		size = FIRST_RESERVE;
	size = size < need ? need : size;
	return size > s->length ? s->length : size;
}

static uint8_t *media_grow(struct chunk_reader *r, struct stream *s, size_t n)
{
	size_t need = s->received + n;
	if (!s->media || need > s->media->n) {
		size_t size = media_size(r, s, need);
		r->reserved += size - (s->media ? s->media->n : 0);
		s->media = s->media ? msg_resize(s->media, size)
				    : msg_new((enum msg_type)s->type, 0, size);
	}
	return s->media->payload + s->received;
}

static uint8_t *body_grow(struct stream *s, size_t n)
{
	s->body.max = s->length;
	return buf_grow(&s->body, n);
}

static err step_payload(struct chunk_reader *r, struct cur *c)
{
	struct stream *s = &r->streams[r->at];
	size_t n = r->chunk_left < c->n ? r->chunk_left : c->n;
	if (n > r->pending_max - r->pending)
		return err_fail(ERR_LIMIT, "more than %zu bytes of unfinished messages",
				r->pending_max);
	if (n) {
		uint8_t *to = is_media(s->type) ? media_grow(r, s, n) : body_grow(s, n);
		check(to);
		memcpy(to, cur_bytes(c, n).p, n);
		s->received += (uint32_t)n;
		r->pending += n;
		r->chunk_left -= (uint32_t)n;
	}
	if (r->chunk_left == 0 && s->received < s->length)
		r->state = HEAD;
	return OK;
}

/* Forgets the unfinished message of a stream; what the payload was in is the caller's by then,
 * or freed here. */
static void stream_reset(struct chunk_reader *r, struct stream *s)
{
	r->pending -= s->received;
	if (s->media)
		r->reserved -= s->media->n;
	msg_unref(&s->media);
	buf_free(&s->body);
	s->received = 0;
	s->is_open = false;
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
	for (size_t i = 0; i < r->stream_n; i++)
		if (r->streams[i].csid == csid)
			stream_reset(r, &r->streams[i]);
	return OK;
}

/* Hands a whole message out, or acts upon it when it is the reader's own business. */
static err finish(struct chunk_reader *r, struct rtmp_msg *out, bool *got)
{
	struct stream *s = &r->streams[r->at];
	err e = OK;
	r->state = HEAD;
	if (s->type == RTMP_SET_CHUNK_SIZE) {
		e = set_chunk_size(r, &s->body);
	} else if (s->type == RTMP_ABORT) {
		e = abort_message(r, &s->body);
	} else {
		if (is_media(s->type) && !s->media)
			media_grow(r, s, 0);
		*out = (struct rtmp_msg){
			.type = s->type,
			.ts = s->ts,
			.stream_id = s->stream_id,
			.csid = s->csid,
			.media = s->media,
			.body = s->body,
		};
		if (s->media)
			r->reserved -= s->media->n;
		s->media = NULL;
		s->body = (struct buf){0};
		*got = true;
	}
	stream_reset(r, s);
	return e;
}

struct chunk_reader *chunk_reader_new(void)
{
	struct chunk_reader *r = mem_new(struct chunk_reader);
	r->chunk_size = CHUNK_SIZE_DEFAULT;
	chunk_reader_limit(r, DEFAULT_MESSAGE_MAX, DEFAULT_PENDING_MAX);
	return r;
}

/* What is pending already may exceed a limit that was lowered; it is then full. */
void chunk_reader_limit(struct chunk_reader *r, size_t message_max, size_t pending_max)
{
	r->message_max = message_max;
	r->pending_max = pending_max < r->pending ? r->pending : pending_max;
}

void chunk_reader_free(struct chunk_reader **reader)
{
	struct chunk_reader *r = *reader;
	*reader = NULL;
	if (!r)
		return;
	for (size_t i = 0; i < r->stream_n; i++)
		stream_reset(r, &r->streams[i]);
	free(r->streams);
	free(r);
}

void rtmp_msg_fini(struct rtmp_msg *m)
{
	msg_unref(&m->media);
	buf_free(&m->body);
}

static void write_basic(struct buf *b, unsigned fmt, uint32_t csid)
{
	check(csid >= CONTROL_CSID && csid <= 65599);
	uint8_t high = (uint8_t)(fmt << 6);
	if (csid < 64) {
		buf_u8(b, high | (uint8_t)csid);
	} else if (csid < 64 + 256) {
		buf_u8(b, high);
		buf_u8(b, (uint8_t)(csid - 64));
	} else {
		buf_u8(b, high | 1);
		buf_u8(b, (uint8_t)(csid - 64));
		buf_u8(b, (uint8_t)((csid - 64) >> 8));
	}
}

void chunk_write_header0(struct buf *b, uint32_t csid, uint8_t type, uint32_t stream_id,
			 uint32_t ts, uint32_t length)
{
	check(length <= CHUNK_SIZE_MAX);
	write_basic(b, 0, csid);
	buf_u24(b, ts < CHUNK_TIME_EXTENDED ? ts : CHUNK_TIME_EXTENDED);
	buf_u24(b, length);
	buf_u8(b, type);
	buf_u32le(b, stream_id);
	if (ts >= CHUNK_TIME_EXTENDED)
		buf_u32(b, ts);
}

/* The payload of a message whose first header was written with this timestamp field. */
static void write_payload(struct buf *b, uint32_t chunk_size, uint32_t csid, uint32_t field,
			  struct span payload)
{
	check(chunk_size > 0);
	for (size_t at = 0; at < payload.n;) {
		if (at > 0) {
			write_basic(b, 3, csid);
			if (field >= CHUNK_TIME_EXTENDED)
				buf_u32(b, field);
		}
		size_t n = payload.n - at < chunk_size ? payload.n - at : chunk_size;
		buf_put(b, payload.p + at, n);
		at += n;
	}
}

void chunk_write(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		 uint32_t stream_id, uint32_t ts, struct span payload)
{
	chunk_write_header0(b, csid, type, stream_id, ts, (uint32_t)payload.n);
	write_payload(b, chunk_size, csid, ts, payload);
}

void chunk_write_delta(struct buf *b, uint32_t chunk_size, uint32_t csid, uint8_t type,
		       uint32_t delta, struct span payload)
{
	check(delta < CHUNK_TIME_EXTENDED && payload.n <= CHUNK_SIZE_MAX && csid < 64);
	write_basic(b, 1, csid);
	buf_u24(b, delta);
	buf_u24(b, (uint32_t)payload.n);
	buf_u8(b, type);
	write_payload(b, chunk_size, csid, delta, payload);
}

size_t chunk_delta_size(uint32_t chunk_size, size_t payload)
{
	check(chunk_size > 0);
	size_t continuations = payload ? (payload - 1) / chunk_size : 0;
	return CHUNK_HEADER1_SIZE + payload + continuations;
}
