/* What payloads are: the classic headers, Enhanced RTMP v2 vector by vector, and the records. */
#include "codec/frame.h"
#include "support/hex.h"
#include "support/unit.h"

struct vector {
	const char *name;
	const char *bytes;
	const char *flags; /* of "khmc": key, header, meta, coded */
	int track;
	const char *codec; /* "" for none */
};

static const struct vector videos[] = {
	{"nothing", "", "", 0, ""},
	{"AVC sequence header", "17 00 000000 01", "h", 0, "avc1"},
	{"AVC key frame", "17 01 000000 65", "kc", 0, "avc1"},
	{"AVC inter frame", "27 01 000000 41", "c", 0, "avc1"},
	{"AVC end of sequence", "17 02 000000", "", 0, "avc1"},
	{"AVC without a packet type", "17", "", 0, "avc1"},
	{"a command", "57 00", "", 0, ""},
	{"frame type 0", "07 01", "", 0, ""},
	{"frame type 6", "67 01", "", 0, ""},
	{"a generated key frame", "47 01 000000 65", "c", 0, "avc1"},
	{"HEVC by its number, header", "1C 00 000000 01", "h", 0, "hvc1"},
	{"HEVC by its number, key", "1C 01 000000 01", "kc", 0, "hvc1"},
	{"AV1 by its number", "2D 01 000000 01", "c", 0, "av01"},
	{"VP6 key", "14 00", "kc", 0, "vp6f"},
	{"H.263 disposable", "32 00", "c", 0, "h263"},
	{"VP9 by its number", "1F 00", "kc", 0, "vp09"},
	{"an unknown codec", "11 00", "kc", 0, ""},

	{"hvc1 start", "90 68766331 01", "h", 0, "hvc1"},
	{"hvc1 coded, key", "91 68766331 000000 26", "kc", 0, "hvc1"},
	{"hvc1 coded, inter", "A1 68766331 000000 02", "c", 0, "hvc1"},
	{"hvc1 coded X, key", "93 68766331 26", "kc", 0, "hvc1"},
	{"hvc1 coded X, inter", "A3 68766331 02", "c", 0, "hvc1"},
	{"hvc1 end", "92 68766331", "", 0, "hvc1"},
	{"av01 start", "90 61763031 81", "h", 0, "av01"},
	{"av01 key", "91 61763031 0A", "kc", 0, "av01"},
	{"av01 start for transport streams", "95 61763031 80", "h", 0, "av01"},
	{"vp09 start", "90 76703039 01", "h", 0, "vp09"},
	{"vp09 inter", "A1 76703039 01", "c", 0, "vp09"},
	{"vp08 key", "91 76703038 01", "kc", 0, "vp08"},
	{"vvc1 key", "93 76766331 01", "kc", 0, "vvc1"},
	{"avc1 as a FourCC, start", "90 61766331 01", "h", 0, "avc1"},
	{"avc1 as a FourCC, key", "91 61766331 000000 65", "kc", 0, "avc1"},
	{"a FourCC cut short", "91 617663", "", 0, ""},
	{"a reserved packet type", "98 61766331 00", "", 0, "avc1"},
	{"an enhanced command", "D1 00", "", 0, ""},
	{"an enhanced start by command type", "D0 01", "", 0, ""},
	{"colour info", "94 61766331 02 0009 636F6C6F72496E666F 03 000009", "m", 0, "avc1"},
	{"colour info, reset", "94 61766331 02 0009 636F6C6F72496E666F 06", "m", 0, "avc1"},
	{"colour info, frame type 5", "D4 61766331 02 0009 636F6C6F72496E666F 06", "m", 0, "avc1"},

	{"ModEx looks like AVC", "97 02 00000A 01 68766331 000000 26", "kc", 0, "hvc1"},
	{"ModEx, inter", "A7 02 00000A 03 61766331 41", "c", 0, "avc1"},
	{"ModEx before a start", "97 02 00000A 00 61766331 01", "h", 0, "avc1"},
	{"ModEx in a chain", "97 02 00000A 07 00 FF 17 00 00 01 61763031 0A", "kc", 0, "av01"},
	{"ModEx of 256 bytes at least by UI16", "97 FF 0002 AABBCC 01 61763031 0A", "kc", 0,
	 "av01"},
	{"ModEx cut in its UI16", "97 FF 00", "", 0, ""},
	{"ModEx longer than the message", "97 FF FFFF 00", "", 0, ""},
	{"ModEx to the end", "97 00 00", "", 0, ""},
	{"ModEx chain to the end", "97 00 00 07 00 00 07 00 00 07", "", 0, ""},
	{"ModEx before a command", "D7 02 00000A 01 00", "", 0, ""},
	{"ModEx before multitrack", "97 02 00000A 06 01 61766331 00 65", "kc", 0, "avc1"},

	{"one track, the default one", "96 01 61766331 00 65", "kc", 0, "avc1"},
	{"one track, another", "96 01 61766331 02 65", "c", 2, "avc1"},
	{"one track, header of another", "96 00 68766331 03 01", "h", 3, "hvc1"},
	{"one track, empty", "96 01 61766331 00", "kc", 0, "avc1"},
	{"many tracks, default first", "96 11 61766331 00 000002 AABB 01 000001 CC", "kc", 0,
	 "avc1"},
	{"many tracks, default last", "96 11 61766331 01 000002 AABB 00 000001 CC", "kc", 0,
	 "avc1"},
	{"many tracks, no default", "96 11 61766331 01 000002 AABB 02 000001 CC", "c", 1, "avc1"},
	{"many codecs, default last", "96 21 61766331 01 000002 AABB 68766331 00 000001 CC", "kc",
	 0, "hvc1"},
	{"many codecs, no default", "A6 21 61766331 01 000002 AABB 68766331 02 000000", "c", 1,
	 "avc1"},
	{"many codecs, starts", "96 20 61763031 00 000002 AABB 76703039 01 000001 CC", "h", 0,
	 "av01"},
	{"multitrack colour info", "96 14 61766331 00 000001 05", "m", 0, "avc1"},
	{"multitrack command", "D6 01 61766331 00 65", "", 0, ""},
	{"multitrack in multitrack", "96 06 61766331 00", "", 0, ""},
	{"ModEx in multitrack", "96 07 61766331 00", "", 0, ""},
	{"a reserved multitrack type", "96 31 61766331 00", "", 0, ""},
	{"multitrack without a track", "96 11 61766331", "", 0, ""},
	{"a track past the end", "96 11 61766331 00 0000FF CC", "", 0, ""},
	{"the second track past the end", "96 11 61766331 00 000001 CC 01 000002 DD", "", 0, ""},
	{"a track's size cut short", "96 11 61766331 00 0000", "", 0, ""},
	{"multitrack cut short", "96", "", 0, ""},
};

static const struct vector audios[] = {
	{"silence", "", "", 0, ""},
	{"AAC header", "AF 00 12 10", "h", 0, "mp4a"},
	{"AAC", "AF 01 21", "c", 0, "mp4a"},
	{"AAC without a packet type", "AF", "", 0, "mp4a"},
	{"AAC of an unknown packet type", "AF 07", "", 0, "mp4a"},
	{"MP3", "2F FF", "c", 0, ".mp3"},
	{"MP3 of 8 kHz", "EE FF", "c", 0, ".mp3"},
	{"Speex", "B6 00", "c", 0, "spx "},
	{"A-law", "72 00", "c", 0, "alaw"},
	{"Opus by its number", "DF 00", "c", 0, "Opus"},
	{"PCM", "3F 00", "c", 0, ""},

	{"Opus header", "90 4F707573 4F707573486561640102", "h", 0, "Opus"},
	{"Opus header, empty", "90 4F707573", "h", 0, "Opus"},
	{"Opus", "91 4F707573 FC", "c", 0, "Opus"},
	{"Opus end", "92 4F707573", "", 0, "Opus"},
	{"AAC as a FourCC, header", "90 6D703461 1210", "h", 0, "mp4a"},
	{"AC-3", "91 61632D33 0B77", "c", 0, "ac-3"},
	{"E-AC-3", "91 65632D33 0B77", "c", 0, "ec-3"},
	{"FLAC header", "90 664C6143 664C6143", "h", 0, "fLaC"},
	{"MP3 as a FourCC", "91 2E6D7033 FF", "c", 0, ".mp3"},
	{"channel layout", "94 4F707573 01 06 0000003F", "m", 0, "Opus"},
	{"a reserved packet type", "93 4F707573 00", "", 0, "Opus"},
	{"a FourCC cut short", "91 4F70", "", 0, ""},

	{"ModEx", "97 02 00000A 01 4F707573 FC", "c", 0, "Opus"},
	{"ModEx before a header", "97 02 0F423F 00 4F707573", "h", 0, "Opus"},
	{"ModEx to the end", "97 FF 00", "", 0, ""},
	{"one track", "95 01 6D703461 00 21", "c", 0, "mp4a"},
	{"one track, another, header", "95 00 6D703461 01 1210", "h", 1, "mp4a"},
	{"many tracks", "95 11 6D703461 01 000002 AABB 00 000001 CC", "c", 0, "mp4a"},
	{"many codecs", "95 21 6D703461 01 000002 AABB 4F707573 02 000001 CC", "c", 1, "mp4a"},
	{"multitrack channel layout", "95 14 4F707573 00 000002 0002", "m", 0, "Opus"},
	{"multitrack in multitrack", "95 05 6D703461 00", "", 0, ""},
	{"a track past the end", "95 11 6D703461 00 000009 CC", "", 0, ""},
};

static void assert_frame(const struct vector *v, struct frame (*frame_of)(struct span))
{
	struct span s = hex_bytes(v->bytes);
	struct frame f = frame_of(s);
	hex_free(s);
	char flags[8], codec[8] = "";
	snprintf(flags, sizeof(flags), "%s%s%s%s", f.is_key ? "k" : "", f.is_header ? "h" : "",
		 f.is_meta ? "m" : "", f.is_coded ? "c" : "");
	if (f.codec)
		snprintf(codec, sizeof(codec), "%c%c%c%c", (char)(f.codec >> 24),
			 (char)(f.codec >> 16), (char)(f.codec >> 8), (char)f.codec);
	if (strcmp(flags, v->flags) != 0 || f.track != v->track || strcmp(codec, v->codec) != 0)
		print_error("%s: \"%s\", track %d, \"%s\"\n", v->name, flags, f.track, codec);
	assert_string_equal(flags, v->flags);
	assert_int_equal(f.track, v->track);
	assert_string_equal(codec, v->codec);
}

static void video_messages_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(videos) / sizeof(*videos); i++)
		assert_frame(&videos[i], frame_of_video);
}

static void audio_messages_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(audios) / sizeof(*audios); i++)
		assert_frame(&audios[i], frame_of_audio);
}

/* Sequence parameter sets as x264 and x265 write them. */
#define AVC_1080                                                                                   \
	"01640028FFE1001B67640028ACD940780227E5C044000003000400000300283C60C65801000668EBE3CB22C0" \
	"FDF8F800"
#define AVC_720 "0142C01FFFE100196742C01FD9005005BB0110000003001000000300A0F183248001000568CB83CB20"
#define AVC_INTERLACED                                                                             \
	"014D4016FFE10019674D4016ECA05A126C044000000300400000030287C50A658001000568FBA3CB20"
#define AVC_444                                                                                    \
	"01F40016FFE1001A67F40016919B281405FCB17808800000030080000005078B16CB01000668EBE3C44844FF" \
	"F8F800"
#define AVC_422                                                                                    \
	"017A0016FFE1001B677A0016BCD940A02FEE2F0110000003001000000300A0F162D96001000668EBE3CB22C0" \
	"FEF8F800"
#define HEVC_HEAD_8 "0101600000009000000000003FF000FCFDF8F800000F02"
#define HEVC_VPS_8                                                                                 \
	"20000100"                                                                                 \
	"1840010C01FFFF01600000030090000003000003003F959809"
#define HEVC_SPS_8                                                                                 \
	"2100010"                                                                                  \
	"02B42010101600000030090000003000003003FA005020169D565959A4932BC05A020000003002000000300A" \
	"1"
#define HEVC_10                                                                                    \
	"01022000000090000000000078F000FCFDFAFA00000F02"                                           \
	"200001001840010C01FFFF022000000300900000030000030078959809"                               \
	"21000100"                                                                                 \
	"2C420101022000000300900000030000030078A003C08010E4D96566924CAF01680800000300080000030028" \
	"4022"

static const struct {
	const char *name, *bytes, *codec, *profile;
	int level, width, height;
} sizes[] = {
	{"AVC", "17 00 000000" AVC_1080, "H264", "High", 40, 1920, 1080},
	{"AVC by FourCC", "90 61766331" AVC_1080, "H264", "High", 40, 1920, 1080},
	{"AVC in a track", "96 00 61766331 00" AVC_1080, "H264", "High", 40, 1920, 1080},
	{"AVC baseline", "17 00 000000" AVC_720, "H264", "Baseline", 31, 1280, 720},
	{"AVC interlaced", "17 00 000000" AVC_INTERLACED, "H264", "Main", 22, 720, 576},
	{"AVC 4:4:4", "17 00 000000" AVC_444, "H264", "High(444)", 22, 636, 358},
	{"AVC 4:2:2", "17 00 000000" AVC_422, "H264", "High(422)", 22, 636, 358},
	{"HEVC", "90 68766331" HEVC_HEAD_8 HEVC_VPS_8 HEVC_SPS_8, "HEVC", "Main", 63, 638, 358},
	{"HEVC by its number", "1C 00 000000" HEVC_10, "HEVC", "Main10", 120, 1920, 1080},
	{"an AVC record without an SPS", "17 00 000000 01640028FFE0", "H264", "High", 40, 0, 0},
	{"an AVC record cut short", "17 00 000000 016400", "H264", "Other", 0, 0, 0},
	{"an SPS of nothing but ones", "17 00 000000 01640028FFE1000A FFFFFFFFFFFFFFFFFFFF", "H264",
	 "High", 40, 16, 16},
	{"an SPS of nothing but zeros", "17 00 000000 01640028FFE1000A 00000000000000000000",
	 "H264", "High", 40, 0, 0},
	{"a coded frame", "17 01 000000 65", "H264", "Other", 0, 0, 0},
	{"AV1 without a sequence header", "90 61763031 81080C00", "AV1", "Main", 8, 0, 0},
	{"AV1", "90 61763031 81210000 0A0D2000000CC4FF6736BE480868010000000A66", "AV1", "High", 1,
	 640, 360},
	{"an AV1 record cut short", "90 61763031 81", "AV1", "Other", 0, 0, 0},
	{"VP9", "90 76703039 01000000 021F82020202 0000", "VP9", "Profile2", 31, 0, 0},
	{"VP9 without the head of its box", "90 76703039 001F80020202 0000", "VP9", "Profile0", 31,
	 0, 0},
	{"a VP9 key frame", "91 76703039 824983420027F0167000", "VP9", "Other", 0, 640, 360},
	{"a VP8 key frame", "91 76703038 10909C 9D012A 800268010047", "VP8", "Other", 0, 640, 360},
	{"a VP8 picture that is none", "A1 76703038 110200 9D012A 80026801", "VP8", "Other", 0, 0,
	 0},
	{"VP6", "14 00", "VP6", "Other", 0, 0, 0},
	{"nonsense", "FF", "Other", "Other", 0, 0, 0},
};

static void pictures_have_profile_level_and_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct span s = hex_bytes(sizes[i].bytes);
		struct video_info info = {.width = 1, .profile = 1};
		video_info_read(&info, s);
		if (info.width != sizes[i].width || info.height != sizes[i].height)
			print_error("%s: %dx%d\n", sizes[i].name, info.width, info.height);
		assert_string_equal(codec_name(info.codec), sizes[i].codec);
		assert_string_equal(video_profile_name(&info), sizes[i].profile);
		assert_int_equal(info.level, sizes[i].level);
		assert_int_equal(info.width, sizes[i].width);
		assert_int_equal(info.height, sizes[i].height);
		hex_free(s);
	}
}

/* VP9 has the profile in its header and the size in its pictures. */
static void a_key_frame_adds_its_size_to_what_the_header_said(void **state)
{
	(void)state;
	struct video_info info = {0};
	struct span header = hex_bytes("90 76703039 01000000 021F82020202 0000");
	struct span key = hex_bytes("91 76703039 824983420027F0167000");
	struct span other = hex_bytes("17 01 000000 65");
	video_info_read(&info, header);
	video_info_read(&info, key);
	assert_string_equal(video_profile_name(&info), "Profile2");
	assert_int_equal(info.level, 31);
	assert_int_equal(info.width, 640);
	assert_int_equal(info.height, 360);
	video_info_read(&info, other);
	assert_int_equal(info.width, 0);
	assert_int_equal(info.level, 0);
	hex_free(header);
	hex_free(key);
	hex_free(other);
}

static void records_may_end_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct span s = hex_bytes(sizes[i].bytes);
		for (size_t n = 0; n < s.n; n++) {
			uint8_t *part = mem_alloc(n);
			if (n)
				memcpy(part, s.p, n);
			struct video_info info;
			video_info_read(&info, span_of(part, n));
			free(part);
		}
		hex_free(s);
	}
}

static const struct {
	const char *name, *bytes, *codec, *profile;
	int rate, channels;
} sounds[] = {
	{"AAC of 44.1 kHz", "AF 00 1210", "AAC", "LC", 44100, 2},
	{"AAC of 48 kHz, 5.1", "AF 00 11B0", "AAC", "LC", 48000, 6},
	{"AAC, mono, 16 kHz", "AF 00 1408", "AAC", "LC", 16000, 1},
	{"AAC main", "AF 00 0A10", "AAC", "Main", 44100, 2},
	{"HE-AAC", "AF 00 2B920800", "AAC", "HE", 44100, 2},
	{"HE-AAC v2", "AF 00 EB8A0800", "AAC", "HEv2", 44100, 1},
	{"AAC of an explicit rate", "AF 00 17805DC010", "AAC", "LC", 48000, 2},
	{"an AAC frame", "AF 01 21", "AAC", "Other", 44100, 2},
	{"an AAC header cut short", "AF 00 12", "AAC", "Other", 44100, 2},
	{"AAC by FourCC", "90 6D703461 1210", "AAC", "LC", 44100, 2},
	{"AAC in a track", "95 00 6D703461 00 1210", "AAC", "LC", 44100, 2},
	{"MP3, 22 kHz, mono", "2A FF", "MP3", "Other", 22050, 1},
	{"MP3, 8 kHz", "EE FF", "MP3", "Other", 8000, 1},
	{"MP3 by its frame", "2F FFF340C4", "MP3", "Other", 22050, 1},
	{"MP3 by FourCC", "91 2E6D7033 FFF38000", "MP3", "Other", 22050, 2},
	{"AC-3", "91 61632D33 0B77B50B1E40EBF8", "AC3", "Other", 48000, 6},
	{"E-AC-3", "91 65632D33 0B77037F3F87C000", "EAC3", "Other", 48000, 6},
	{"E-AC-3, half the rate", "91 65632D33 0B7702FF C4 86", "EAC3", "Other", 24000, 2},
	{"FLAC",
	 "90 664C6143 664C614300000022120012000004D20004D20AC442F00000113A"
	 "A7E129326B5BC5AC89A7BEE277E87424",
	 "FLAC", "Other", 44100, 2},
	{"FLAC, cut short", "90 664C6143 664C6143 80000022 1000", "FLAC", "Other", 0, 0},
	{"Opus header", "90 4F707573 4F707573486561640102380180BB0000000000", "Opus", "Other",
	 48000, 2},
	{"Opus header, empty", "90 4F707573", "Opus", "Other", 48000, 0},
	{"Speex", "B6 00", "Other", "Other", 16000, 1},
	{"silence", "", "Other", "Other", 0, 0},
};

static void sounds_have_profile_rate_and_channels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sounds) / sizeof(*sounds); i++) {
		struct span s = hex_bytes(sounds[i].bytes);
		struct audio_info info = {.profile = 9};
		audio_info_read(&info, s);
		if (info.sample_rate != sounds[i].rate || info.channels != sounds[i].channels)
			print_error("%s: %d, %d\n", sounds[i].name, info.sample_rate,
				    info.channels);
		assert_string_equal(codec_name(info.codec), sounds[i].codec);
		assert_string_equal(audio_profile_name(&info), sounds[i].profile);
		assert_int_equal(info.sample_rate, sounds[i].rate);
		assert_int_equal(info.channels, sounds[i].channels);
		hex_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(video_messages_are_told_apart),
		cmocka_unit_test(audio_messages_are_told_apart),
		cmocka_unit_test(pictures_have_profile_level_and_size),
		cmocka_unit_test(a_key_frame_adds_its_size_to_what_the_header_said),
		cmocka_unit_test(records_may_end_anywhere),
		cmocka_unit_test(sounds_have_profile_rate_and_channels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
