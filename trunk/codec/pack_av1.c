/* AV1: OBUs without their size, in packets that say how many they carry (AOM, RTP payload format for
 * AV1, 4.4). */
#include "base/cur.h"
#include "base/mem.h"
#include "codec/pack.h"
#include "codec/picture.h"

#include <stdlib.h>

enum { OBUS_MAX = 64, SEQUENCE = 1, DELIMITER = 2, TILE_LIST = 8, PADDING = 15, HAS_SIZE = 2 };
enum { CONTINUES = 0x80, GOES_ON = 0x40, NEW_SEQUENCE = 0x08, COUNTED = 3, RECORD_HEAD = 4 };
enum { LENGTH = 2 }; /* bytes at most of a length below 16384 */

struct obus {
	struct buf bytes; /* without sizes */
	size_t ends[OBUS_MAX];
	int count;
	bool has_sequence;
};

static void take_obus(struct obus *o, struct span data, bool sequence_only)
{
	struct cur c = cur_of(data.p, data.n);
	struct span obu, body;
	unsigned type;
	while (o->count < OBUS_MAX && av1_next(&c, &type, &obu, &body)) {
		if (type == DELIMITER || type == TILE_LIST || type == PADDING ||
		    (sequence_only && type != SEQUENCE))
			continue;
		o->has_sequence |= type == SEQUENCE;
		buf_u8(&o->bytes, obu.p[0] & (uint8_t)~HAS_SIZE);
		if (obu.p[0] & 4)
			buf_u8(&o->bytes, obu.p[1]);
		buf_put(&o->bytes, body.p, body.n);
		o->ends[o->count++] = o->bytes.n;
	}
}

/* The pieces of one packet from *at on: how many, and where each ends. */
static int choose(const struct obus *o, size_t *at, int *obu, size_t max, size_t ends[COUNTED])
{
	int n = 0;
	size_t room = max - 1;
	while (n < COUNTED && *obu < o->count && room > LENGTH) {
		size_t left = o->ends[*obu] - *at, most = room - LENGTH;
		size_t take = left < most ? left : most;
		*at += take;
		room -= take + LENGTH;
		ends[n++] = *at;
		if (take < left)
			break;
		++*obu;
	}
	return n;
}

static size_t length_size(size_t n)
{
	return n < 128 ? 1 : 2;
}

static size_t put_length(uint8_t *out, size_t n)
{
	out[0] = (uint8_t)(n < 128 ? n : (n | 128));
	if (n >= 128)
		out[1] = (uint8_t)(n >> 7);
	return length_size(n);
}

static bool put_packet(struct payloads *out, const struct obus *o, size_t from, const size_t *ends,
		       int count, uint8_t flags)
{
	size_t n = 1 + ends[count - 1] - from;
	for (int i = 0; i < count - 1; i++)
		n += length_size(ends[i] - (i ? ends[i - 1] : from));
	uint8_t *at = payloads_add(out, n);
	if (!at)
		return false;
	*at++ = (uint8_t)(flags | count << 4);
	for (int i = 0; i < count; i++) {
		size_t size = ends[i] - from;
		if (i < count - 1)
			at += put_length(at, size);
		memcpy(at, o->bytes.p + from, size);
		at += size;
		from = ends[i];
	}
	return true;
}

static bool put_packets(struct payloads *out, const struct obus *o, bool is_new, size_t max)
{
	size_t at = 0, ends[COUNTED];
	uint8_t flags = is_new ? NEW_SEQUENCE : 0;
	for (int obu = 0; obu < o->count;) {
		size_t from = at;
		int n = choose(o, &at, &obu, max, ends);
		bool goes_on = obu < o->count && (obu ? at > o->ends[obu - 1] : at > 0);
		if (n == 0 || !put_packet(out, o, from, ends, n, flags | (goes_on ? GOES_ON : 0)))
			return false;
		flags = goes_on ? CONTINUES : 0;
	}
	return o->count > 0;
}

bool pack_av1(struct payloads *out, const struct au *au, const struct pack_opts *opts)
{
	struct obus *o = mem_new(struct obus);
	o->bytes.max = PACK_UNIT_MAX;
	take_obus(o, au->data, false);
	if (au->is_key && !o->has_sequence && opts->record.n > RECORD_HEAD) {
		buf_clear(&o->bytes);
		o->count = 0;
		take_obus(o, span_rest(opts->record, RECORD_HEAD), true);
		take_obus(o, au->data, false);
	}
	bool ok =
		buf_ok(&o->bytes) && put_packets(out, o, au->is_key && o->has_sequence, opts->max);
	buf_free(&o->bytes);
	free(o);
	return ok;
}
