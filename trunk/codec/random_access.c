#include "codec/random_access.h"
#include "codec/nal.h"
#include "codec/part.h"

enum { SEI_RECOVERY_POINT = 6, HEVC_SEI_PREFIX = 39, HEVC_IRAP_LAST = 23, HEVC_VCL_LAST = 31 };

/* A number of SEI is a row of bytes that are added up, of which all but the last are 255. */
static size_t sei_number(struct cur *c)
{
	size_t n = 0;
	uint8_t byte;
	do {
		byte = (uint8_t)cur_be(c, 1);
		n += byte;
	} while (byte == 255 && cur_ok(c));
	return n;
}

/* The messages of a SEI unit behind its header. Sizes count bytes without those that prevent start
 * codes; none stands before the recovery point in practice, and a wrong guess costs nothing but one
 * start that is missed. */
static bool has_recovery_point(struct span nal, size_t header)
{
	struct cur c = cur_of(nal.p, nal.n);
	cur_skip(&c, header);
	while (cur_ok(&c) && cur_left(&c) > 1) {
		size_t type = sei_number(&c), size = sei_number(&c);
		if (type == SEI_RECOVERY_POINT && cur_ok(&c))
			return true;
		cur_skip(&c, size);
	}
	return false;
}

enum verdict { GO_ON, IS_START, IS_NONE };

static enum verdict judge_avc(struct span nal)
{
	unsigned type = avc_nal_type(nal);
	if (type == AVC_SEI)
		return has_recovery_point(nal, 1) ? IS_START : GO_ON;
	if (type == AVC_IDR)
		return IS_START;
	return type >= AVC_SLICE && type < AVC_IDR ? IS_NONE : GO_ON;
}

static enum verdict judge_hevc(struct span nal)
{
	unsigned type = hevc_nal_type(nal);
	if (type == HEVC_SEI_PREFIX)
		return has_recovery_point(nal, 2) ? IS_START : GO_ON;
	if (type >= HEVC_BLA && type <= HEVC_IRAP_LAST)
		return IS_START;
	return type <= HEVC_VCL_LAST ? IS_NONE : GO_ON;
}

/* The forbidden bit is 0; in H.265 the temporal id is not. */
static bool is_unit(struct span nal, bool avc)
{
	return !(nal.p[0] & 0x80) && (avc || (nal.n >= 2 && nal.p[1] & 7));
}

bool random_access_of_video(struct span payload, unsigned form)
{
	struct part_walk w;
	struct part part;
	struct span nal;
	part_begin_video(&w, payload);
	if (!part_default(&w, &part) || part.kind != PART_CODED)
		return false;
	bool avc = part.codec == CODEC_AVC;
	if (!avc && part.codec != CODEC_HEVC)
		return false;
	struct cur c = cur_of(part.body.p, part.body.n);
	enum verdict found = GO_ON;
	form = nal_form(part.body, form);
	while (nal_next(&c, form, &nal)) {
		if (!is_unit(nal, avc))
			return false;
		if (found == GO_ON)
			found = avc ? judge_avc(nal) : judge_hevc(nal);
	}
	return found == IS_START && cur_ok(&c);
}
