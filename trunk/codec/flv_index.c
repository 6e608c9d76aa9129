#include "codec/flv_index.h"
#include "base/check.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum { BODY = FLV_INDEX_TAG - FLV_TAG_EXTRA, OWN_MAX = 2048 };

void flv_index_add(struct flv_index *index, uint32_t ms, int64_t position)
{
	index->stride = index->stride ? index->stride : 1;
	if (index->skipped++ % index->stride != 0)
		return;
	if (index->count == FLV_INDEX_MAX) {
		for (size_t i = 0; i < FLV_INDEX_MAX / 2; i++)
			index->keys[i] = index->keys[2 * i];
		index->count = FLV_INDEX_MAX / 2;
		index->stride *= 2;
	}
	vec_reserve(index->keys, index->room, index->count + 1);
	index->keys[index->count++] = (struct flv_key){ms, position};
}

void flv_index_fini(struct flv_index *index)
{
	free(index->keys);
	*index = (struct flv_index){0};
}

static void put_key(struct buf *b, const char *name)
{
	buf_u16(b, (uint16_t)strlen(name));
	buf_put(b, name, strlen(name));
}

static void put_number(struct buf *b, const char *name, double v)
{
	put_key(b, name);
	buf_u8(b, 0);
	buf_f64(b, v);
}

static void put_bool(struct buf *b, const char *name, bool v)
{
	put_key(b, name);
	buf_u8(b, 1);
	buf_u8(b, v);
}

/* Members that the file itself says. */
static bool is_own(const char *key)
{
	static const char *const names[] = {"duration",
					    "filesize",
					    "keyframes",
					    "hasKeyframes",
					    "hasVideo",
					    "hasAudio",
					    "hasMetadata",
					    "canSeekToEnd",
					    "lasttimestamp",
					    "lastkeyframetimestamp",
					    "lastkeyframelocation",
					    "padding"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

static void put_members(struct buf *b, const struct amf *metadata)
{
	for (const struct amf *m = metadata ? metadata->child : NULL; m; m = m->next) {
		struct buf one = {.max = OWN_MAX};
		if (!m->key || is_own(m->key) || strlen(m->key) > 255)
			continue;
		put_key(&one, m->key);
		amf_write(&one, m);
		if (buf_ok(&one) && b->n + one.n < OWN_MAX)
			buf_put(b, one.p, one.n);
		buf_free(&one);
	}
}

static void put_facts(struct buf *b, const struct flv_index *index, const struct flv_facts *f)
{
	put_number(b, "duration", f->last_ms / 1000.0);
	put_number(b, "filesize", (double)f->bytes);
	put_number(b, "lasttimestamp", f->last_ms / 1000.0);
	put_bool(b, "hasAudio", f->has_audio);
	put_bool(b, "hasVideo", f->has_video);
	put_bool(b, "hasMetadata", true);
	put_bool(b, "hasKeyframes", index->count > 0);
	put_bool(b, "canSeekToEnd", false);
	if (index->count == 0)
		return;
	put_number(b, "lastkeyframetimestamp", index->keys[index->count - 1].ms / 1000.0);
	put_number(b, "lastkeyframelocation", (double)index->keys[index->count - 1].position);
}

static void put_array(struct buf *b, const char *name, const struct flv_index *index, bool of_times)
{
	put_key(b, name);
	buf_u8(b, 10);
	buf_u32(b, (uint32_t)index->count);
	for (size_t i = 0; i < index->count; i++) {
		buf_u8(b, 0);
		buf_f64(b, of_times ? index->keys[i].ms / 1000.0 : (double)index->keys[i].position);
	}
}

static void put_end(struct buf *b)
{
	buf_u24(b, 9);
}

/* What is left are texts of blanks: the tag keeps its size. Each is short, since some players read texts
 * into a buffer of 1,024 bytes. */
static void put_padding(struct buf *b, size_t rest)
{
	enum { HEAD = 2 + 7 + 1 + 2, TEXT = 1000 };
	while (rest > 0) {
		size_t n = rest - HEAD;
		if (n > TEXT)
			n = rest >= 2 * HEAD + TEXT ? TEXT : TEXT / 2;
		put_key(b, "padding");
		buf_u8(b, 2);
		buf_u16(b, (uint16_t)n);
		uint8_t *p = buf_grow(b, n);
		if (p)
			memset(p, ' ', n);
		rest -= HEAD + n;
	}
}

void flv_index_write(struct buf *out, const struct flv_index *index, const struct amf *metadata,
		     const struct flv_facts *facts)
{
	struct buf body = {.max = BODY};
	buf_u8(&body, 2); /* a string, as the names of members are */
	put_key(&body, "onMetaData");
	buf_u8(&body, 3); /* an object */
	put_members(&body, metadata);
	put_facts(&body, index, facts);
	put_key(&body, "keyframes");
	buf_u8(&body, 3);
	put_array(&body, "filepositions", index, false);
	put_array(&body, "times", index, true);
	put_end(&body);
	put_padding(&body, BODY - body.n - 3);
	put_end(&body);
	check(buf_ok(&body) && body.n == BODY);
	flv_write_tag(out, MSG_DATA, 0, buf_span(&body));
	buf_free(&body);
}
