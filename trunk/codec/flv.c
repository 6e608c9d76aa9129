/* A file is its header and then, over and over, the size of the tag before (which nobody needs
 * and many writers get wrong), a tag header and its payload. So the reader gathers nine bytes
 * once and then fifteen for each tag; the payload is copied straight to its place.
 *
 * Memory: FIRST_RESERVE bytes at most on the word of the header, beyond that it at most doubles
 * with what was received. */
#include "codec/flv.h"
#include "base/mem.h"

#include <stdlib.h>

enum { FILE_HEADER = 9, PREFACE = 4 + FLV_TAG_HEADER_SIZE };
enum { OFFSET_MAX = 1024 };
enum { FIRST_RESERVE = 64 * 1024 };
enum { TAG_DATA_AMF3 = 15 };
enum { HAS_VIDEO = 1, HAS_AUDIO = 4 };

enum state { FILE_HEAD, SKIP, HEAD, PAYLOAD };

struct flv_reader {
	enum state state;
	err dead;
	size_t tag_max;
	size_t skip; /* bytes that are of no interest */
	size_t head_n;
	uint8_t head[PREFACE];
	uint8_t type;
	uint32_t ts;
	size_t length;
	size_t received;
	struct msg *msg; /* its n is what is reserved */
};

static err step(struct flv_reader *r, struct cur *c, struct msg **out);

err flv_read(struct flv_reader *r, struct cur *c, struct msg **out)
{
	*out = NULL;
	if (r->dead)
		return err_fail(r->dead, "FLV: read on after an error");
	while (!*out && cur_left(c)) {
		err e = step(r, c, out);
		if (e)
			return r->dead = e;
	}
	return OK;
}

/* True when the head holds n bytes. */
static bool gather(struct flv_reader *r, struct cur *c, size_t n)
{
	size_t take = n - r->head_n < c->n ? n - r->head_n : c->n;
	memcpy(r->head + r->head_n, cur_bytes(c, take).p, take);
	r->head_n += take;
	return r->head_n == n;
}

/* Type and version may be anything: what matters is where the first tag begins. */
static err file_header(struct flv_reader *r)
{
	struct cur c = cur_of(r->head, FILE_HEADER);
	r->head_n = 0;
	if (!span_is(cur_bytes(&c, 3), "FLV"))
		return err_fail(ERR_PROTOCOL, "this is not FLV");
	cur_skip(&c, 2);
	uint32_t offset = cur_u32(&c);
	if (offset < FILE_HEADER || offset > OFFSET_MAX)
		return err_fail(ERR_PROTOCOL, "FLV: the header names %u bytes as its size", offset);
	r->skip = offset - FILE_HEADER;
	r->state = r->skip ? SKIP : HEAD;
	return OK;
}

static bool is_media(uint8_t type)
{
	return type == MSG_AUDIO || type == MSG_VIDEO || type == MSG_DATA;
}

static err tag_header(struct flv_reader *r)
{
	struct cur c = cur_of(r->head, PREFACE);
	r->head_n = 0;
	cur_skip(&c, 4);
	r->type = cur_u8(&c);
	r->length = cur_u24(&c);
	r->ts = cur_u24(&c);
	r->ts |= (uint32_t)cur_u8(&c) << 24;
	if (r->type == TAG_DATA_AMF3) {
		r->skip = r->length;
		r->state = r->skip ? SKIP : HEAD;
		return OK;
	}
	if (!is_media(r->type))
		return err_fail(ERR_PROTOCOL, "FLV: there is no tag type %u", r->type);
	if (r->length > r->tag_max)
		return err_fail(ERR_LIMIT, "FLV: a tag of %zu bytes, allowed are %zu", r->length,
				r->tag_max);
	r->received = 0;
	r->state = r->length ? PAYLOAD : HEAD; /* an empty one says nothing */
	return OK;
}

/* Room for n more bytes of the payload. */
static uint8_t *grow(struct flv_reader *r, size_t n)
{
	size_t need = r->received + n;
	if (!r->msg || need > r->msg->n) {
		size_t size = r->msg ? (size_t)r->msg->n * 2 : FIRST_RESERVE;
		size = size < need ? need : size;
		size = size > r->length ? r->length : size;
		struct msg *m = r->msg ? msg_resize(r->msg, size)
				       : msg_new((enum msg_type)r->type, r->ts, size);
		if (!m)
			return NULL;
		r->msg = m;
	}
	return r->msg->payload + r->received;
}

static err read_payload(struct flv_reader *r, struct cur *c, struct msg **out)
{
	size_t left = r->length - r->received;
	size_t n = left < c->n ? left : c->n;
	uint8_t *to = grow(r, n);
	if (!to)
		return err_fail(ERR_LIMIT, "FLV: there is no memory for a tag of %zu bytes",
				r->length);
	if (n)
		memcpy(to, cur_bytes(c, n).p, n);
	r->received += n;
	if (r->received < r->length)
		return OK;
	*out = r->msg;
	r->msg = NULL;
	r->state = HEAD;
	return OK;
}

static err step(struct flv_reader *r, struct cur *c, struct msg **out)
{
	switch (r->state) {
	case FILE_HEAD:
		return gather(r, c, FILE_HEADER) ? file_header(r) : OK;
	case SKIP: {
		size_t n = r->skip < c->n ? r->skip : c->n;
		cur_skip(c, n);
		r->skip -= n;
		r->state = r->skip ? SKIP : HEAD;
		return OK;
	}
	case HEAD:
		if (!gather(r, c, PREFACE))
			return OK;
		return tag_header(r);
	case PAYLOAD:
		return read_payload(r, c, out);
	}
	return OK;
}

struct flv_reader *flv_reader_new(size_t tag_max)
{
	struct flv_reader *r = mem_new(struct flv_reader);
	r->tag_max = tag_max;
	return r;
}

void flv_reader_free(struct flv_reader **reader)
{
	struct flv_reader *r = *reader;
	*reader = NULL;
	if (!r)
		return;
	msg_unref(&r->msg);
	free(r);
}

void flv_write_header(struct buf *b, bool has_audio, bool has_video)
{
	buf_put(b, "FLV\x01", 4);
	buf_u8(b, (uint8_t)((has_audio ? HAS_AUDIO : 0) | (has_video ? HAS_VIDEO : 0)));
	buf_u32(b, FILE_HEADER);
	buf_u32(b, 0);
}

void flv_write_tag(struct buf *b, uint8_t type, uint32_t ts, struct span payload)
{
	buf_u8(b, type);
	buf_u24(b, (uint32_t)payload.n);
	buf_u24(b, ts & 0xFFFFFF);
	buf_u8(b, (uint8_t)(ts >> 24));
	buf_u24(b, 0);
	buf_put(b, payload.p, payload.n);
	buf_u32(b, (uint32_t)payload.n + FLV_TAG_HEADER_SIZE);
}
