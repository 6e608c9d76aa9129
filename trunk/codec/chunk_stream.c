#include "codec/chunk_stream.h"
#include "base/check.h"
#include "base/vec.h"

#include <stdlib.h>

enum { FIRST_RESERVE = 64 * 1024, SMALL_RESERVE = 256 };

/* The streams of a connection are few, and chunks of one tend to follow each other. */
struct chunk_stream *chunk_streams_find(struct chunk_streams *s, uint32_t csid)
{
	if (s->at < s->count && s->v[s->at].csid == csid)
		return &s->v[s->at];
	for (size_t i = 0; i < s->count; i++) {
		if (s->v[i].csid == csid) {
			s->at = i;
			return &s->v[i];
		}
	}
	return NULL;
}

/* The place of a stream that is idle. The search goes round, so that the same one is not chosen again at
 * once. */
static bool evict(struct chunk_streams *s)
{
	for (size_t n = 0; n < s->count; n++) {
		size_t i = (s->evict + n) % s->count;
		if (s->v[i].is_open)
			continue;
		s->at = i;
		s->evict = i + 1;
		return true;
	}
	return false;
}

struct chunk_stream *chunk_streams_add(struct chunk_streams *s, uint32_t csid)
{
	if (s->count < CHUNK_STREAMS_MAX) {
		vec_reserve(s->v, s->room, s->count + 1);
		s->at = s->count++;
	} else if (!evict(s)) {
		return NULL;
	}
	s->v[s->at] = (struct chunk_stream){.csid = csid};
	return &s->v[s->at];
}

void chunk_streams_fini(struct chunk_streams *s)
{
	for (size_t i = 0; i < s->count; i++)
		chunk_stream_reset(s, &s->v[i]);
	free(s->v);
	*s = (struct chunk_streams){0};
}

static bool is_media(uint8_t type)
{
	return type == RTMP_AUDIO || type == RTMP_VIDEO || type == RTMP_DATA;
}

/* The size to reserve so that `need` bytes fit. */
static size_t media_size(const struct chunk_streams *s, const struct chunk_stream *stream,
			 size_t need)
{
	size_t size = SMALL_RESERVE;
	if (stream->media)
		size = (size_t)stream->media->n * 2;
	else if (s->reserved + FIRST_RESERVE <= s->pending_max)
		size = FIRST_RESERVE;
	size = size < need ? need : size;
	return size > stream->length ? stream->length : size;
}

static uint8_t *media_grow(struct chunk_streams *s, struct chunk_stream *stream, size_t n)
{
	size_t need = stream->received + n;
	if (!stream->media || need > stream->media->n) {
		size_t size = media_size(s, stream, need);
		size_t before = stream->media ? stream->media->n : 0;
		struct msg *m = stream->media ? msg_resize(stream->media, size)
					      : msg_new((enum msg_type)stream->type, 0, size);
		if (!m)
			return NULL;
		s->reserved += size - before;
		stream->media = m;
	}
	return stream->media->payload + stream->received;
}

static uint8_t *body_grow(struct chunk_stream *stream, size_t n)
{
	stream->body.max = stream->length;
	return buf_grow(&stream->body, n);
}

err chunk_stream_append(struct chunk_streams *s, struct chunk_stream *stream, struct span bytes)
{
	if (stream->is_skipped) {
		stream->received += (uint32_t)bytes.n;
		return OK;
	}
	if (bytes.n > s->pending_max - s->pending)
		return err_fail(ERR_LIMIT, "more than %zu bytes of unfinished messages",
				s->pending_max);
	uint8_t *to = is_media(stream->type) ? media_grow(s, stream, bytes.n)
					     : body_grow(stream, bytes.n);
	if (!to)
		return err_fail(ERR_LIMIT, "there is no memory for a message of %u bytes",
				stream->length);
	memcpy(to, bytes.p, bytes.n);
	stream->received += (uint32_t)bytes.n;
	s->pending += bytes.n;
	return OK;
}

void chunk_stream_take(struct chunk_streams *s, struct chunk_stream *stream, struct rtmp_msg *out)
{
	if (is_media(stream->type) && !stream->media && !stream->is_skipped)
		media_grow(s, stream, 0);
	*out = (struct rtmp_msg){
		.type = stream->type,
		.ts = stream->ts,
		.stream_id = stream->stream_id,
		.csid = stream->csid,
		.skipped = stream->is_skipped ? stream->length : 0,
		.media = stream->media,
		.body = stream->body,
	};
	if (stream->media)
		s->reserved -= stream->media->n;
	stream->media = NULL;
	stream->body = (struct buf){0};
	chunk_stream_reset(s, stream);
}

void chunk_stream_reset(struct chunk_streams *s, struct chunk_stream *stream)
{
	s->pending -= stream->is_skipped ? 0 : stream->received;
	if (stream->media)
		s->reserved -= stream->media->n;
	msg_unref(&stream->media);
	buf_free(&stream->body);
	stream->received = 0;
	stream->is_open = false;
	stream->is_skipped = false;
}
