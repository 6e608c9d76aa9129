#include "rtmp/enhanced.h"

enum {
	CAN_FORWARD = 4, /* of a codec: it is passed on; neither decoded nor encoded */
	CAPS_RECONNECT = 1,
	CAPS_MULTITRACK = 2,
	CAPS_MODEX = 4,
};

static struct amf *any_codec(void)
{
	struct amf *map = amf_object();
	amf_set(map, "*", amf_number(CAN_FORWARD));
	return map;
}

void enhanced_put(struct amf *object)
{
	struct amf *list = amf_strict();
	amf_append(list, amf_string("*"));
	amf_set(object, "fourCcList", list);
	amf_set(object, "videoFourCcInfoMap", any_codec());
	amf_set(object, "audioFourCcInfoMap", any_codec());
	amf_set(object, "capsEx", amf_number(CAPS_RECONNECT | CAPS_MULTITRACK | CAPS_MODEX));
}

bool enhanced_is_said(const struct amf *object)
{
	static const char *const members[] = {"fourCcList", "videoFourCcInfoMap",
					      "audioFourCcInfoMap", "capsEx"};
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (amf_get(object, members[i]))
			return true;
	return false;
}

bool enhanced_reconnects(const struct amf *object)
{
	double caps = amf_get_number(object, "capsEx", 0);
	return caps >= 1 && caps <= UINT32_MAX && (uint32_t)caps & CAPS_RECONNECT;
}
