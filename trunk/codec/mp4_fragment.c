#include "base/check.h"
#include "base/vec.h"
#include "codec/mp4.h"
#include "codec/mp4_box.h"

#include <stdlib.h>

void mp4_fragment_init(struct mp4_fragment *f, const struct track *const tracks[], size_t n,
		       size_t data_max)
{
	check(n <= MP4_TRACKS);
	f->tracks = n;
	for (size_t i = 0; i < n; i++) {
		f->runs[i].track = tracks[i];
		f->runs[i].data.max = data_max;
	}
}

void mp4_fragment_fini(struct mp4_fragment *f)
{
	for (size_t i = 0; i < f->tracks; i++) {
		free(f->runs[i].samples);
		buf_free(&f->runs[i].data);
	}
	*f = (struct mp4_fragment){0};
}

bool mp4_fragment_add(struct mp4_fragment *f, size_t i, const struct au *au, int64_t dts,
		      int32_t cts, uint32_t duration)
{
	struct mp4_run *run = &f->runs[i];
	size_t before = run->data.n;
	if (!sample_write_mp4(&run->data, run->track, au))
		return false;
	if (!buf_ok(&run->data)) {
		run->data.bad = false;
		run->data.n = before;
		return false;
	}
	vec_reserve(run->samples, run->room, run->count + 1);
	if (run->count == 0)
		run->first_dts = dts;
	run->samples[run->count++] = (struct mp4_sample){
		.size = (uint32_t)(run->data.n - before),
		.duration = duration,
		.cts = cts,
		.is_key = au->is_key,
	};
	return true;
}

bool mp4_fragment_is_empty(const struct mp4_fragment *f)
{
	for (size_t i = 0; i < f->tracks; i++)
		if (f->runs[i].count > 0)
			return false;
	return true;
}

/* Returns where the offset of the run's data is to be filled in. */
static size_t write_trun(struct buf *b, const struct mp4_run *run)
{
	enum { OFFSET = 1, DURATIONS = 0x100, SIZES = 0x200, FLAGS = 0x400, CTS = 0x800 };
	enum { SYNC = 0x02000000, DEPENDS = 0x01010000 };
	size_t box = box_begin_full(b, "trun", 1, OFFSET | DURATIONS | SIZES | FLAGS | CTS);
	buf_u32(b, (uint32_t)run->count);
	size_t offset_at = b->n;
	buf_u32(b, 0);
	for (size_t i = 0; i < run->count; i++) {
		const struct mp4_sample *s = &run->samples[i];
		buf_u32(b, s->duration);
		buf_u32(b, s->size);
		buf_u32(b, s->is_key ? SYNC : DEPENDS);
		buf_u32(b, (uint32_t)s->cts);
	}
	box_end(b, box);
	return offset_at;
}

static size_t write_traf(struct buf *b, const struct mp4_run *run, uint32_t id)
{
	enum { BASE_IS_MOOF = 0x20000 };
	size_t box = box_begin(b, "traf");
	size_t tfhd = box_begin_full(b, "tfhd", 0, BASE_IS_MOOF);
	buf_u32(b, id);
	box_end(b, tfhd);
	size_t tfdt = box_begin_full(b, "tfdt", 1, 0);
	buf_be(b, (uint64_t)run->first_dts, 8);
	box_end(b, tfdt);
	size_t offset_at = write_trun(b, run);
	box_end(b, box);
	return offset_at;
}

static size_t data_bytes(const struct mp4_fragment *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->tracks; i++)
		n += f->runs[i].data.n;
	return n;
}

void mp4_fragment_begin(struct mp4_fragment *f, struct buf *b, uint32_t sequence)
{
	enum { HEAD = 8 };
	size_t offsets[MP4_TRACKS] = {0}, moof = box_begin(b, "moof");
	size_t mfhd = box_begin_full(b, "mfhd", 0, 0), bytes = data_bytes(f);
	buf_u32(b, sequence);
	box_end(b, mfhd);
	for (size_t i = 0; i < f->tracks; i++)
		if (f->runs[i].count > 0)
			offsets[i] = write_traf(b, &f->runs[i], (uint32_t)i + 1);
	box_end(b, moof);
	size_t offset = b->n - moof + HEAD;
	for (size_t i = 0; i < f->tracks; i++) {
		if (f->runs[i].count > 0)
			box_set_u32(b, offsets[i], (uint32_t)offset);
		offset += f->runs[i].data.n;
	}
	buf_u32(b, (uint32_t)(bytes + HEAD));
	buf_put(b, "mdat", 4);
	f->written = 0;
}

bool mp4_fragment_next(struct mp4_fragment *f, struct buf *b, size_t n)
{
	size_t at = f->written, left = data_bytes(f) - at;
	n = n < left ? n : left;
	f->written += n;
	for (size_t i = 0; i < f->tracks && n > 0; i++) {
		const struct buf *data = &f->runs[i].data;
		size_t from = at < data->n ? at : data->n;
		size_t part = data->n - from < n ? data->n - from : n;
		if (part > 0)
			buf_put(b, data->p + from, part);
		at -= from;
		n -= part;
	}
	if (f->written < data_bytes(f))
		return true;
	for (size_t i = 0; i < f->tracks; i++) {
		f->runs[i].count = 0;
		buf_clear(&f->runs[i].data);
	}
	return false;
}

void mp4_fragment_write(struct mp4_fragment *f, struct buf *b, uint32_t sequence)
{
	mp4_fragment_begin(f, b, sequence);
	while (mp4_fragment_next(f, b, SIZE_MAX))
		;
}
