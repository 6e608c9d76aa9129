#include "codec/ps_streams.h"
#include "base/cur.h"
#include "codec/nal.h"

#include <stdio.h>

enum {
	ID_PRIVATE_1 = 0xBD,
	ID_SOUND = 0xC0,
	ID_VIDEO = 0xE0,
	ID_VIDEO_END = 0xEF,
	MAP_ENTRY = 4,
	SECOND = 90000,
	STILL_MAX = 3,
};

void ps_streams_init(struct ps_streams *p)
{
	*p = (struct ps_streams){.carried = ES_NO_TIME,
				 .still = {.at = ES_NO_TIME, .carried = ES_NO_TIME}};
}

static void stream_end(struct ps_stream *s)
{
	elementary_end(&s->es);
	elementary_free(&s->es);
	*s = (struct ps_stream){0};
}

/* ---- what is told ---- */

enum note { NOTE_CODEC, NOTE_MORE, NOTE_UNKNOWN, NOTE_SCRAMBLED, NOTE_CLOCK };

static void note(struct ps_streams *p, enum note which, const char *what, const char *why)
{
	if (!(p->noted & 1u << which))
		snprintf(p->note, sizeof(p->note), "%s %s", what, why);
	p->noted |= 1u << which;
}

bool ps_streams_note(struct ps_streams *p, char out[static PS_NOTE])
{
	memcpy(out, p->note, sizeof(p->note));
	*p->note = '\0';
	return *out != '\0';
}

/* ---- which streams ---- */

bool ps_is_video(unsigned id)
{
	return id >= ID_VIDEO && id <= ID_VIDEO_END;
}

static bool is_sound_id(unsigned id)
{
	return (id >= ID_SOUND && id < ID_VIDEO) || id == ID_PRIVATE_1;
}

static const struct ps_mapped *find_mapped(const struct ps_streams *p, unsigned id)
{
	for (size_t i = 0; i < p->mapped_n; i++)
		if (p->mapped[i].id == id)
			return &p->mapped[i];
	return NULL;
}

/* Program stream map (2.5.4.1); its checksum is wrong in many cameras, so that nobody looks at it. */
bool ps_streams_map(struct ps_streams *p, struct span map)
{
	struct cur c = cur_of(map.p, map.n);
	bool applies = cur_u8(&c) & 0x80;
	cur_skip(&c, 1);
	cur_skip(&c, cur_u16(&c));
	struct span list = cur_bytes(&c, cur_u16(&c));
	if (!cur_ok(&c) || !applies)
		return cur_ok(&c);
	p->mapped_n = 0;
	c = cur_of(list.p, list.n);
	while (cur_left(&c) >= MAP_ENTRY && p->mapped_n < PS_MAPPED) {
		struct ps_mapped *m = &p->mapped[p->mapped_n++];
		m->type = cur_u8(&c);
		m->id = cur_u8(&c);
		cur_skip(&c, cur_u16(&c));
	}
	return true;
}

/* H.264 and H.265 differ in where the type of a unit stands: what both could be is not decided by it. */
static enum es_kind guess_video(struct span payload)
{
	struct cur c = cur_of(payload.p, payload.n);
	struct span nal;
	while (nal_next(&c, NAL_ANNEXB, &nal)) {
		if (nal.n < 2)
			continue;
		unsigned avc = avc_nal_type(nal), hevc = hevc_nal_type(nal);
		if (hevc >= HEVC_VPS && hevc <= HEVC_AUD && nal.p[1] == 1 && !(nal.p[0] & 0x81))
			return ES_HEVC;
		if (avc == AVC_SPS || avc == AVC_PPS)
			return ES_AVC;
	}
	return ES_NONE;
}

static enum es_kind guess_sound(struct span payload)
{
	enum { SYNC = 0xFFE0, SYNC_ADTS = 0xFFF0, LAYER = 0x0006 };
	if (payload.n < 2)
		return ES_NONE;
	unsigned head = (unsigned)(payload.p[0] << 8 | payload.p[1]);
	if ((head & SYNC_ADTS) == SYNC_ADTS && !(head & LAYER))
		return ES_ADTS;
	if ((head & SYNC) == SYNC && head & LAYER)
		return ES_MP3;
	return head == 0x0B77 ? ES_AC3 : ES_NONE;
}

/* What the map says of it counts; a stream that goes on without one is what it was. */
static enum es_kind kind_of(const struct ps_streams *p, const struct ps_stream *s, unsigned id,
			    struct span payload)
{
	const struct ps_mapped *m = find_mapped(p, id);
	if (m)
		return es_kind_of(m->type);
	if (s->id == id)
		return s->es.kind;
	return ps_is_video(id) ? guess_video(payload) : guess_sound(payload);
}

static void note_unknown(struct ps_streams *p, unsigned id)
{
	const struct ps_mapped *m = find_mapped(p, id);
	const char *name = m ? es_type_name(m->type) : NULL;
	if (name)
		note(p, NOTE_CODEC, name, "is left out: it has no place in our streams");
	else if (!ps_is_video(id))
		note(p, NOTE_UNKNOWN, "sound", "is left out: nothing says what it is");
}

/* Where the body of the packet goes that begins with this payload; NULL: it is left out. */
static struct ps_stream *choose(struct ps_streams *p, unsigned id, struct span payload)
{
	struct ps_stream *s = ps_is_video(id) ? &p->video : &p->sound;
	if (s == &p->sound && (!is_sound_id(id) || p->is_beside))
		return NULL;
	if (s->id && s->id != id) {
		note(p, NOTE_MORE, "a further stream",
		     "is left out: one picture and one sound are taken");
		return NULL;
	}
	enum es_kind kind = kind_of(p, s, id, payload);
	if (kind == ES_NONE || es_is_video(kind) != ps_is_video(id)) {
		note_unknown(p, id);
		return NULL;
	}
	if (s->id && s->es.kind != kind)
		stream_end(s);
	if (!s->id) {
		s->id = (uint8_t)id;
		elementary_begin(&s->es, kind, &p->out);
	}
	return s;
}

/* ---- times ---- */

static bool differ(int64_t a, int64_t b)
{
	return a - b > SECOND || b - a > SECOND;
}

/* Some devices write the same time for ever, or none: then the carrier's is all there is. */
static void judge_clock(struct ps_streams *p, int64_t dts)
{
	if (p->by_carrier || p->carried == ES_NO_TIME)
		return;
	if (dts == ES_NO_TIME)
		p->by_carrier = !p->video.clock.begun;
	else if (dts != p->still.at)
		p->still.count = 0;
	else if (p->carried != p->still.carried)
		p->by_carrier = ++p->still.count >= STILL_MAX;
	if (dts != ES_NO_TIME)
		p->still.at = dts;
	p->still.carried = p->carried;
	if (p->by_carrier)
		note(p, NOTE_CLOCK, "the times of the pictures",
		     "stand still or are missing: those of RTP count");
}

static void time_picture(struct ps_streams *p, int64_t *dts, int64_t *pts)
{
	judge_clock(p, *dts);
	if (p->by_carrier) {
		*dts = *pts = p->carried;
		return;
	}
	*dts = pes_unwrap(&p->video.clock, *dts);
	if (*dts != ES_NO_TIME) {
		struct pes_clock shown = {.begun = true, .last = *dts};
		*pts = pes_unwrap(&shown, *pts);
	}
}

/* Sound is timed by its samples, and brought to the pictures where its own time leads away from them. */
static int64_t bind_sound(struct ps_streams *p, int64_t own)
{
	struct ps_stream *s = &p->sound;
	int64_t pictures = p->video.es.has_time ? p->video.es.dts : ES_NO_TIME;
	if (own != ES_NO_TIME) {
		own += s->shift;
		if (pictures != ES_NO_TIME && differ(own, pictures)) {
			s->shift += pictures - own;
			own = pictures;
		}
		return own;
	}
	if (pictures == ES_NO_TIME)
		pictures = p->carried;
	if (pictures != ES_NO_TIME && (!s->es.has_time || differ(s->es.pts, pictures)))
		return pictures;
	return ES_NO_TIME;
}

/* ---- media ---- */

struct elementary *ps_streams_begin(struct ps_streams *p, unsigned id, struct span payload,
				    int64_t *dts, int64_t *pts)
{
	struct ps_stream *s = choose(p, id, payload);
	if (!s)
		return NULL;
	if (s == &p->video)
		time_picture(p, dts, pts);
	else
		*dts = *pts = bind_sound(p, pes_unwrap(&s->clock, *pts));
	return &s->es;
}

void ps_streams_scrambled(struct ps_streams *p)
{
	note(p, NOTE_SCRAMBLED, "a stream", "is left out: it is scrambled");
}

void ps_streams_take_sound(struct ps_streams *p, enum es_kind kind, struct span frames)
{
	struct ps_stream *s = &p->sound;
	if (!p->is_beside || s->es.kind != kind) {
		stream_end(s);
		p->is_beside = true;
		elementary_begin(&s->es, kind, &p->out);
	}
	int64_t at = bind_sound(p, ES_NO_TIME);
	elementary_take(&s->es, frames, at, at);
}

void ps_streams_lost(struct ps_streams *p)
{
	if (p->video.id)
		elementary_lost(&p->video.es);
	if (p->sound.id)
		elementary_lost(&p->sound.es);
}

void ps_streams_end(struct ps_streams *p)
{
	elementary_end(&p->video.es);
	elementary_end(&p->sound.es);
}

void ps_streams_free(struct ps_streams *p)
{
	elementary_free(&p->video.es);
	elementary_free(&p->sound.es);
	es_out_free(&p->out);
}
