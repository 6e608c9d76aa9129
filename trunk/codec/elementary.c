#include "codec/elementary.h"
#include "base/mem.h"
#include "codec/elementary_parts.h"

#include <stdlib.h>

enum { HEAD_MAX = 16, TICKS = 90 };

/* ---- messages ---- */

static bool has_room(struct es_out *out)
{
	if (out->tail < out->cap)
		return true;
	if (out->head > 0) {
		memmove(out->v, out->v + out->head, (out->tail - out->head) * sizeof(*out->v));
		out->tail -= out->head;
		out->head = 0;
		return true;
	}
	if (out->cap >= ES_QUEUE_MAX)
		return false;
	out->cap = out->cap ? 2 * out->cap : 16;
	out->v = mem_realloc(out->v, out->cap * sizeof(*out->v));
	return true;
}

void es_put_msg(struct es_out *out, struct msg *msg, int64_t time)
{
	if (!msg || !has_room(out)) {
		msg_unref(&msg);
		out->counts.overrun++;
		return;
	}
	out->v[out->tail++] = (struct es_message){msg, (uint32_t)(time / TICKS)};
}

void es_put(struct es_out *out, struct au *au, int64_t time)
{
	struct buf body = {.max = au->data.n + HEAD_MAX};
	au_write(&body, au);
	struct msg *m = buf_ok(&body) ? msg_new((enum msg_type)au->type, 0, body.n) : NULL;
	if (m)
		memcpy(m->payload, body.p, body.n);
	buf_free(&body);
	es_put_msg(out, m, time);
}

void es_put_record(struct elementary *e, struct au *au, struct buf *record, int64_t time)
{
	if (record->n == e->record.n && memcmp(record->p, e->record.p, record->n) == 0)
		return;
	buf_free(&e->record);
	e->record = *record;
	*record = (struct buf){0};
	au->is_header = au->is_key = true;
	au->data = buf_span(&e->record);
	es_put(e->out, au, time);
}

bool es_out_next(struct es_out *out, struct msg **msg, uint32_t *raw)
{
	if (out->head == out->tail)
		return false;
	*msg = out->v[out->head].msg;
	*raw = out->v[out->head++].raw;
	if (out->head == out->tail)
		out->head = out->tail = 0;
	return true;
}

void es_out_free(struct es_out *out)
{
	struct msg *m;
	uint32_t raw;
	while (es_out_next(out, &m, &raw))
		msg_unref(&m);
	free(out->v);
	*out = (struct es_out){0};
}

/* ---- streams ---- */

bool es_is_video(enum es_kind kind)
{
	return kind == ES_AVC || kind == ES_HEVC;
}

void elementary_begin(struct elementary *e, enum es_kind kind, struct es_out *out)
{
	*e = (struct elementary){.kind = kind, .out = out, .bytes.max = ES_UNIT_MAX};
	e->mark_pts = ES_NO_TIME;
}

void elementary_take(struct elementary *e, struct span bytes, int64_t dts, int64_t pts)
{
	if (es_is_video(e->kind))
		es_video_take(e, bytes, dts, pts);
	else if (e->kind != ES_NONE)
		es_sound_take(e, bytes, pts);
}

void elementary_lost(struct elementary *e)
{
	e->out->counts.broken += e->bytes.n > 0;
	e->is_broken = es_is_video(e->kind);
	e->in_sync = false;
	e->mark_pts = ES_NO_TIME;
	buf_clear(&e->bytes);
}

void elementary_end(struct elementary *e)
{
	if (es_is_video(e->kind))
		es_video_end(e);
}

void elementary_free(struct elementary *e)
{
	buf_free(&e->bytes);
	buf_free(&e->record);
	*e = (struct elementary){0};
}

static const struct {
	uint8_t type, kind;
	const char *name;
} types[] = {
	{0x01, ES_NONE, "MPEG-1 video"}, {0x02, ES_NONE, "MPEG-2 video"},
	{0x03, ES_MP3, "MPEG audio"},    {0x04, ES_MP3, "MPEG audio"},
	{0x0F, ES_ADTS, "AAC"},          {0x10, ES_NONE, "MPEG-4 video"},
	{0x11, ES_LATM, "AAC"},          {0x1B, ES_AVC, "H.264"},
	{0x24, ES_HEVC, "H.265"},        {0x33, ES_NONE, "H.266"},
	{0x80, ES_NONE, "SVAC video"},   {0x81, ES_AC3, "AC-3"},
	{0x87, ES_EAC3, "E-AC-3"},       {0x8A, ES_NONE, "DTS"},
	{0x90, ES_ALAW, "G.711 A-law"},  {0x91, ES_ULAW, "G.711 u-law"},
	{0x92, ES_NONE, "G.722.1"},      {0x93, ES_NONE, "G.723.1"},
	{0x99, ES_NONE, "G.729"},        {0x9B, ES_NONE, "SVAC audio"},
};

enum es_kind es_kind_of(unsigned stream_type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == stream_type)
			return (enum es_kind)types[i].kind;
	return ES_NONE;
}

const char *es_type_name(unsigned stream_type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == stream_type)
			return types[i].name;
	return NULL;
}
