/* Recordings in FLV: tags as they were sent, their times from 0 on, and metadata in front that say at
 * the end how long the file is and where its key frames are. Room for them is kept from the beginning,
 * so nothing has to be moved. */
#include "codec/amf0.h"
#include "codec/flv.h"
#include "codec/flv_index.h"
#include "output/recording.h"

enum { FLUSH_MS = 1000, FRAME_MS = 40 };

struct recording_flv_state {
	struct flv_index index;
	struct amf *metadata; /* the stream's own; NULL */
	int64_t flushed_ms;
	struct flv_facts facts;
};

static int64_t position(const struct recording *r)
{
	return r->written + (int64_t)r->pending.n;
}

static uint32_t time_of(const struct recording *r, const struct msg *msg)
{
	int64_t since = r->has_media && msg->ts > r->base ? msg->ts - r->base : 0;
	return (uint32_t)(r->offset_ms + since);
}

static void put(struct recording *r, const struct msg *msg)
{
	flv_write_tag(&r->pending, msg->type, time_of(r, msg), msg_span(msg));
}

/* The members of onMetaData. */
static struct amf *read_metadata(const struct msg *msg)
{
	struct cur c = cur_of(msg->payload, msg->n);
	struct amf *name = NULL, *value = NULL;
	if (amf_read(&name, &c) == OK && strcmp(amf_text(name, ""), "onMetaData") == 0)
		(void)!amf_read(&value, &c);
	amf_free(&name);
	return value;
}

/* The index is at hand, the last picture's time is not passed again, and the headers stand once more in front of
 * what they are for. */
static void go_on(struct recording *r, struct stored *before)
{
	struct recording_flv_state *s = r->state;
	s->index = before->index;
	before->index = (struct flv_index){0};
	s->facts = before->facts;
	if (!s->metadata) {
		s->metadata = before->metadata;
		before->metadata = NULL;
	}
	r->offset_ms += FRAME_MS;
}

static void begin(struct recording *r, const struct headers *headers, struct stored *before)
{
	struct recording_flv_state *s = r->state;
	for (int i = 0; headers && i < headers->count; i++)
		if (headers->v[i]->type == MSG_DATA && !headers->v[i]->frame.is_encoder_time &&
		    !s->metadata)
			s->metadata = read_metadata(headers->v[i]);
	if (before) {
		go_on(r, before);
	} else {
		flv_write_header(&r->pending, true, true);
		flv_index_write(&r->pending, &s->index, s->metadata, &s->facts);
	}
	for (int i = 0; headers && i < headers->count; i++)
		if (headers->v[i]->type != MSG_DATA)
			put(r, headers->v[i]);
}

static bool take(struct recording *r, struct msg *msg)
{
	struct recording_flv_state *s = r->state;
	bool is_coded = msg->frame.is_coded;
	if (msg->type == MSG_DATA && msg->frame.is_meta) /* those in front are the file's */
		return true;
	if (is_coded && !r->has_media) {
		r->base = msg->ts;
		r->has_media = true;
	}
	if (msg->type == MSG_VIDEO && msg->frame.is_key)
		flv_index_add(&s->index, time_of(r, msg), position(r));
	s->facts.has_audio |= msg->type == MSG_AUDIO && is_coded;
	s->facts.has_video |= msg->type == MSG_VIDEO && is_coded;
	s->facts.last_ms = is_coded ? time_of(r, msg) : s->facts.last_ms;
	put(r, msg);
	bool is_due = msg->ts - s->flushed_ms >= FLUSH_MS;
	s->flushed_ms = is_due ? msg->ts : s->flushed_ms;
	recording_flush(r, is_due);
	return true;
}

static void finish(struct recording *r)
{
	struct recording_flv_state *s = r->state;
	struct buf head = {.max = 2 * FLV_INDEX_TAG};
	recording_flush(r, true);
	s->facts.bytes = r->written;
	flv_write_header(&head, s->facts.has_audio, s->facts.has_video);
	flv_index_write(&head, &s->index, s->metadata, &s->facts);
	recording_patch(r, 0, &head);
	buf_free(&head);
	flv_index_fini(&s->index);
	amf_free(&s->metadata);
}

const struct recording_format recording_flv = {
	.ending = ".flv",
	.state_size = sizeof(struct recording_flv_state),
	.begin = begin,
	.take = take,
	.finish = finish,
};
