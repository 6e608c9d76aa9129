#include "base/mem.h"
#include "base/vec.h"
#include "sound/convert.h"

#include <stdlib.h>
#include <string.h>

void converted_add(struct converted *out, const void *p, size_t n, int64_t ts)
{
	out->bytes.max = CONVERT_OUT_MAX;
	size_t off = out->bytes.n;
	buf_put(&out->bytes, p, n);
	if (!buf_ok(&out->bytes))
		return;
	vec_reserve(out->v, out->room, out->count + 1);
	out->v[out->count++] = (struct converted_frame){(uint32_t)off, (uint32_t)n, ts};
}

void converted_clear(struct converted *out)
{
	buf_clear(&out->bytes);
	out->bytes.bad = false;
	out->count = 0;
}

void converted_free(struct converted *out)
{
	buf_free(&out->bytes);
	buf_free(&out->config);
	free(out->v);
	*out = (struct converted){0};
}

float *fifo_room(struct fifo *f, int samples)
{
	if (!f->v)
		f->v = mem_alloc(sizeof(float) * FIFO_SAMPLES * FIFO_CHANNELS);
	return samples <= FIFO_SAMPLES - f->n ? f->v + (ptrdiff_t)f->n * f->channels : NULL;
}

void fifo_drop(struct fifo *f, int samples)
{
	f->n -= samples;
	f->ts += samples;
	memmove(f->v, f->v + (ptrdiff_t)samples * f->channels,
		(size_t)f->n * (size_t)f->channels * sizeof(float));
}

void fifo_free(struct fifo *f)
{
	free(f->v);
	*f = (struct fifo){0};
}

bool fifo_place(struct fifo *f, int64_t ts, int off_max, int fill_max)
{
	int64_t gap = ts - (f->ts + f->n);
	if (f->is_anchored && gap < -off_max)
		return false;
	if (!f->is_anchored || gap > fill_max) {
		f->is_anchored = true;
		f->n = 0;
		f->ts = ts;
	} else if (gap > off_max) {
		float *room = fifo_room(f, (int)gap);
		if (!room)
			return false;
		memset(room, 0, (size_t)gap * (size_t)f->channels * sizeof(float));
		f->n += (int)gap;
	}
	return true;
}
