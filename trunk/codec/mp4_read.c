#include "codec/mp4_read.h"

enum { TRUN_ENTRY = 16, TRUN_FLAGS = 0xF01, TFHD_FLAGS = 0x20000, DEPENDS = 0x10000 };

bool mp4_next_box(struct cur *c, struct mp4_box *out)
{
	struct cur head = *c;
	uint32_t n = cur_u32(&head);
	struct span type = cur_bytes(&head, 4);
	if (!cur_ok(&head) || n < 8 || n > cur_left(c))
		return false;
	out->whole = cur_bytes(c, n);
	out->body = span_of(out->whole.p + 8, n - 8);
	memcpy(out->type, type.p, 4);
	out->type[4] = '\0';
	return true;
}

struct span mp4_find(struct span boxes, const char *path)
{
	struct mp4_box box;
	for (struct cur c = cur_of(boxes.p, boxes.n); mp4_next_box(&c, &box);) {
		if (strncmp(box.type, path, 4) != 0)
			continue;
		return path[4] ? mp4_find(box.body, path + 5) : box.body;
	}
	return span_of(NULL, 0);
}

bool mp4_read_init(struct mp4_init_facts *out, struct span init)
{
	struct span moov = mp4_find(init, "moov");
	struct mp4_box box;
	*out = (struct mp4_init_facts){0};
	for (struct cur c = cur_of(moov.p, moov.n); mp4_next_box(&c, &box);) {
		if (strcmp(box.type, "trak") != 0)
			continue;
		struct span tkhd = mp4_find(box.body, "tkhd");
		struct span mdhd = mp4_find(box.body, "mdia/mdhd");
		struct cur id = cur_of(tkhd.p, tkhd.n), scale = cur_of(mdhd.p, mdhd.n);
		uint8_t versions = cur_u8(&id) | cur_u8(&scale);
		cur_skip(&id, 11);
		cur_skip(&scale, 11);
		if (out->tracks == MP4_TRACKS || versions || cur_u32(&id) != out->tracks + 1)
			return false;
		uint32_t ticks = cur_u32(&scale);
		if (ticks == 0)
			return false;
		out->timescales[out->tracks++] = ticks;
	}
	return out->tracks > 0;
}

bool mp4_next_entry(struct cur *entries, struct mp4_sample *out)
{
	if (cur_left(entries) < TRUN_ENTRY)
		return false;
	out->duration = cur_u32(entries);
	out->size = cur_u32(entries);
	out->is_key = !(cur_u32(entries) & DEPENDS);
	out->cts = (int32_t)cur_u32(entries);
	return true;
}

static bool read_trun(struct mp4_run_facts *run, struct span body)
{
	struct cur c = cur_of(body.p, body.n);
	struct mp4_sample sample;
	uint32_t flags = cur_u32(&c);
	run->count = cur_u32(&c);
	cur_skip(&c, 4);
	if (!cur_ok(&c) || flags != (1u << 24 | TRUN_FLAGS) ||
	    cur_left(&c) != (uint64_t)run->count * TRUN_ENTRY)
		return false;
	run->entries = span_of(c.p, c.n);
	while (mp4_next_entry(&c, &sample))
		run->duration += sample.duration;
	return true;
}

static bool read_traf(struct mp4_moof_facts *out, struct span body)
{
	struct span tfhd = mp4_find(body, "tfhd"), tfdt = mp4_find(body, "tfdt");
	struct cur head = cur_of(tfhd.p, tfhd.n), time = cur_of(tfdt.p, tfdt.n);
	uint32_t flags = cur_u32(&head), id = cur_u32(&head);
	bool is_long = cur_u32(&time) == 1u << 24;
	uint64_t dts = cur_be(&time, 8);
	if (!cur_ok(&head) || !cur_ok(&time) || flags != TFHD_FLAGS || !is_long || id == 0 ||
	    id > MP4_TRACKS || out->runs[id - 1].count > 0 || dts > INT64_MAX / 2)
		return false;
	out->runs[id - 1].dts = dts;
	return read_trun(&out->runs[id - 1], mp4_find(body, "trun"));
}

bool mp4_read_moof(struct mp4_moof_facts *out, struct span moof)
{
	struct span mfhd = mp4_find(moof, "mfhd");
	struct cur head = cur_of(mfhd.p, mfhd.n);
	struct mp4_box box;
	*out = (struct mp4_moof_facts){0};
	cur_skip(&head, 4);
	out->sequence = cur_u32(&head);
	for (struct cur c = cur_of(moof.p, moof.n); mp4_next_box(&c, &box);)
		if (strcmp(box.type, "traf") == 0 && !read_traf(out, box.body))
			return false;
	return cur_ok(&head);
}
