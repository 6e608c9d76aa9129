#include "service/live_output.h"
#include "output/live_format.h"

/* An ID3v2.3 tag without anything in it but ten bytes of padding, as SRS sends it. */
static const uint8_t id3[20] = {'I', 'D', '3', 3, 0, 0, 0, 0, 0, 10};

static const struct live_output outputs[] = {
	{.ending = ".flv", .type = "video/x-flv", .format = &wire_flv, .is_flv = true},
	{.ending = ".ts", .type = "video/MP2T", .format = &wire_ts},
	{.ending = ".mp4", .type = "video/mp4", .format = &wire_mp4},
	{.ending = ".aac", .type = "audio/aac", .format = &wire_aac},
	{.ending = ".mp3", .type = "audio/mpeg", .format = &wire_mp3, .head = {id3, sizeof(id3)}},
};

const struct live_output *live_output_of(const char *path)
{
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < sizeof(outputs) / sizeof(outputs[0]); i++)
		if (strcmp(dot, outputs[i].ending) == 0)
			return &outputs[i];
	return &outputs[0];
}
