/* Finds messages in a byte stream without keeping them: of each only the first bytes are looked
 * at, of those that are not media all. */
#include "bench.h"

#include <string.h>

enum { TYPE_AUDIO = 8, TYPE_VIDEO = 9 };

static bool is_media(uint8_t type)
{
	return type == TYPE_AUDIO || type == TYPE_VIDEO;
}

static uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Takes payload of the message on the lane, and ends the message when it is whole. */
static void take_payload(struct peer *peer, struct lane *lane, const uint8_t *p, uint32_t n)
{
	struct scan *scan = peer->scan;
	if (!is_media(lane->type)) {
		buf_put(&scan->command, p, n);
	} else if (lane->head_n < MEDIA_HEAD) {
		uint32_t more = MEDIA_HEAD - lane->head_n;
		more = more < n ? more : n;
		memcpy(lane->head + lane->head_n, p, more);
		lane->head_n = (uint8_t)(lane->head_n + more);
	}
	lane->got += n;
	if (lane->got < lane->length)
		return;
	lane->got = 0;
	if (is_media(lane->type)) {
		peer_media(peer, lane->type, lane->length, lane->head, lane->head_n);
		return;
	}
	struct buf body = scan->command;
	scan->command = (struct buf){.max = COMMAND_MAX};
	rtmp_message(peer, lane->type, buf_span(&body));
	buf_free(&body);
}

static struct lane *find_lane(struct scan *scan, uint32_t csid)
{
	for (int i = 0; i < LANES; i++) {
		if (scan->lanes[i].csid == csid)
			return &scan->lanes[i];
		if (!scan->lanes[i].csid) {
			scan->lanes[i].csid = csid;
			return &scan->lanes[i];
		}
	}
	return NULL;
}

/* The size of the header, as far as the bytes so far tell. */
static uint32_t header_size(struct scan *scan)
{
	static const uint8_t sizes[] = {11, 7, 3, 0};
	const uint8_t *h = scan->header;
	uint32_t low = h[0] & 63, basic = low == 0 ? 2 : low == 1 ? 3 : 1, fmt = h[0] >> 6;
	uint32_t size = basic + sizes[fmt];
	if (scan->header_n < size)
		return size;
	uint32_t csid = low == 0 ? 64u + h[1] : low == 1 ? 64u + h[1] + 256u * h[2] : low;
	scan->lane = find_lane(scan, csid);
	if (!scan->lane)
		return size;
	if (fmt < 3)
		scan->lane->is_extended = be24(h + basic) == 0xFFFFFF;
	return size + (scan->lane->is_extended ? 4 : 0);
}

static bool begin_chunk(struct peer *peer)
{
	struct scan *scan = peer->scan;
	const uint8_t *h = scan->header;
	uint32_t low = h[0] & 63, basic = low == 0 ? 2 : low == 1 ? 3 : 1, fmt = h[0] >> 6;
	struct lane *lane = scan->lane;
	scan->header_n = 0;
	if (!lane || (fmt < 3 && lane->got))
		return false;
	if (fmt < 2) {
		lane->length = be24(h + basic + 3);
		lane->type = h[basic + 6];
	}
	if (!lane->got) {
		lane->head_n = 0;
		if (is_media(lane->type))
			peer_first_byte(peer);
	}
	uint32_t rest = lane->length - lane->got;
	scan->left = rest < scan->chunk_size ? rest : scan->chunk_size;
	return true;
}

bool scan_chunks(struct peer *peer, const uint8_t *p, size_t n)
{
	while (n > 0 && peer->scan) {
		struct scan *scan = peer->scan;
		if (scan->left) {
			uint32_t some = scan->left < n ? scan->left : (uint32_t)n;
			scan->left -= some;
			take_payload(peer, scan->lane, p, some);
			p += some;
			n -= some;
			continue;
		}
		scan->header[scan->header_n++] = *p++;
		n--;
		if (scan->header_n == header_size(scan) && !begin_chunk(peer))
			return false;
	}
	return true;
}

/* ---- FLV ---- */

enum { FLV_HEAD = 13, FLV_TAG = 11 };

static bool scan_tags(struct peer *peer, const uint8_t *p, size_t n)
{
	struct scan *scan = peer->scan;
	struct lane *lane = &scan->lanes[0];
	while (n > 0 && peer->scan) {
		if (scan->left) {
			/* The back pointer, four bytes, goes with the payload. */
			uint32_t some = scan->left < n ? scan->left : (uint32_t)n;
			uint32_t more = MEDIA_HEAD - lane->head_n;
			more = more < some ? more : some;
			memcpy(lane->head + lane->head_n, p, more);
			lane->head_n = (uint8_t)(lane->head_n + more);
			scan->left -= some;
			p += some;
			n -= some;
			if (!scan->left && is_media(lane->type))
				peer_media(peer, lane->type, lane->length, lane->head,
					   lane->head_n);
			continue;
		}
		scan->header[scan->header_n++] = *p++;
		n--;
		if (!lane->csid && scan->header_n == FLV_HEAD) {
			if (memcmp(scan->header, "FLV", 3) != 0)
				return false;
			lane->csid = 1;
			scan->header_n = 0;
		} else if (lane->csid && scan->header_n == FLV_TAG) {
			lane->type = scan->header[0];
			lane->length = be24(scan->header + 1);
			lane->head_n = 0;
			scan->left = lane->length + 4;
			scan->header_n = 0;
		}
	}
	return true;
}

enum { PIECE_SIZE, PIECE_SIZE_LINE, PIECE_DATA, PIECE_END };

/* One byte of a line of HTTP's chunk framing. */
static bool scan_piece_byte(struct scan *scan, uint8_t c)
{
	if (scan->piece_state == PIECE_END) {
		if (c == '\n')
			scan->piece_state = PIECE_SIZE;
		return c == '\r' || c == '\n';
	}
	if (c == '\n') {
		scan->piece_state = PIECE_DATA;
		return true;
	}
	int digit = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : -1;
	if (digit < 0)
		scan->piece_state = PIECE_SIZE_LINE;
	else if (scan->piece_state == PIECE_SIZE)
		scan->piece = scan->piece << 4 | (uint32_t)digit;
	return true;
}

bool scan_flv(struct peer *peer, const uint8_t *p, size_t n)
{
	peer_first_byte(peer);
	while (n > 0 && peer->scan) {
		struct scan *scan = peer->scan;
		if (scan->piece == UINT32_MAX)
			return scan_tags(peer, p, n);
		if (scan->piece_state != PIECE_DATA) {
			if (!scan_piece_byte(scan, *p++))
				return false;
			n--;
			continue;
		}
		uint32_t some = scan->piece < n ? scan->piece : (uint32_t)n;
		scan->piece -= some;
		if (!scan->piece)
			scan->piece_state = PIECE_END;
		if (!scan_tags(peer, p, some))
			return false;
		p += some;
		n -= some;
	}
	return true;
}
