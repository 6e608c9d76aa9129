/* Sound in another codec: Opus becomes AAC and Opus again, gaps are filled, times go by samples. */
#include "base/mem.h"
#include "codec/au.h"
#include "codec/sound.h"
#include "sound/convert.h"
#include "sound/sound.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdlib.h>

#define AAC CODEC_AAC
#define OPUS CODEC_OPUS

enum { FRAMES_MAX = 1000, WAIT_MS = 5000, START = 1000 * SOUND_CLOCK };

/* What comes out; the frames of AAC go into the second converter. */
struct heard {
	int64_t ts[FRAMES_MAX];
	int count, configs, bad; /* asserted by the root coroutine */
	bool is_opus;
	struct sound_converter *next;
};

static struct co_group group;

static struct msg *message(uint32_t codec, bool is_header, struct span data)
{
	struct buf body = {.max = 8192};
	struct au au = {.type = MSG_AUDIO,
			.codec = codec,
			.is_header = is_header,
			.is_key = true,
			.data = data};
	au_write(&body, &au);
	struct msg *m = msg_new(MSG_AUDIO, 0, body.n);
	memcpy(m->payload, body.p, body.n);
	buf_free(&body);
	return m;
}

static void give(struct sound_converter *s, uint32_t codec, bool is_header, struct span data,
		 int64_t ts)
{
	struct msg *m = message(codec, is_header, data);
	sound_take(s, m, ts);
	msg_unref(&m);
}

static void on_frame(void *ctx, struct span frame, int64_t ts)
{
	struct heard *h = ctx;
	h->bad += !frame.n || h->count == FRAMES_MAX;
	h->ts[h->count % FRAMES_MAX] = ts;
	h->count++;
	if (h->next)
		give(h->next, AAC, false, frame, ts);
	else if (h->is_opus)
		h->bad += opus_samples(frame) != 960;
}

static void on_config(void *ctx, struct span config)
{
	struct heard *h = ctx;
	struct aac aac;
	h->bad += !aac_read(&aac, config) || aac.sound.rate != 48000 || aac.sound.channels != 2;
	h->configs++;
	if (h->next)
		give(h->next, AAC, true, config, 0);
}

static struct sound_converter *open_sound(enum sound_form to, struct heard *h)
{
	return sound_new(&(struct sound_opts){.to = to,
					      .bitrate = 64000,
					      .group = &group,
					      .name = "v/a/s",
					      .on_frame = on_frame,
					      .on_config = on_config,
					      .ctx = h});
}

static void wait_for(const struct heard *h, int count)
{
	int64_t deadline = clock_after(WAIT_MS);
	while (h->count < count && clock_ms() < deadline)
		(void)co_sleep(5);
	assert_true(h->count >= count);
}

static bool is_absent(void)
{
	const char *reason;
	bool can = sound_can(SOUND_AAC, OPUS, &reason);
	if (!can)
		print_message("%s\n", reason);
	return !can;
}

/* A frame of 20 ms of silence. */
static const struct span silence = {(const uint8_t *)"\xFC\xFF\xFE", 3};

static void opus_becomes_aac_and_opus_again(void **state)
{
	struct heard *aac = mem_new(struct heard), *opus = mem_new(struct heard);
	(void)state;
	if (!is_absent()) {
		struct sound_converter *to_aac = open_sound(SOUND_AAC, aac);
		aac->next = open_sound(SOUND_OPUS, opus);
		opus->is_opus = true;
		for (int i = 0; i < 100; i++)
			give(to_aac, OPUS, false, silence, START + i * 960);
		wait_for(aac, 92); /* 96,000 samples by 1,024, and the encoder's delay */
		wait_for(opus, 95);
		assert_int_equal(aac->configs, 1);
		assert_int_equal(aac->bad + opus->bad, 0);
		for (int i = 1; i < aac->count; i++)
			assert_int_equal(aac->ts[i] - aac->ts[i - 1], 1024);
		for (int i = 1; i < opus->count; i++)
			assert_int_equal(opus->ts[i] - opus->ts[i - 1], 960);
		assert_true(llabs(aac->ts[0] - START) <= 2048);
		assert_true(llabs(opus->ts[0] - START) <= 4096);
		sound_free(&to_aac);
		sound_free(&aac->next);
		co_group_stop(&group);
	}
	free(aac);
	free(opus);
}

static void g711_becomes_opus(void **state)
{
	static const uint32_t codecs[] = {CODEC_ALAW, CODEC_ULAW};
	uint8_t frame[320];
	(void)state;
	for (size_t c = 0; c < 2 && !is_absent(); c++) {
		struct heard *opus = mem_new(struct heard);
		struct sound_converter *to_opus = open_sound(SOUND_OPUS, opus);
		opus->is_opus = true;
		for (int i = 0; i < 50; i++) {
			for (size_t j = 0; j < sizeof(frame); j++)
				frame[j] = (uint8_t)(i * 7 + (int)j);
			give(to_opus, codecs[c], false, span_of(frame, sizeof(frame)),
			     START + i * 40 * SOUND_CLOCK);
		}
		wait_for(opus, 95); /* two of 20 ms from each of 40 ms */
		assert_int_equal(opus->bad, 0);
		assert_true(llabs(opus->ts[0] - START) <= 2048);
		assert_int_equal(opus->ts[90] - opus->ts[0], 90 * 960);
		sound_free(&to_opus);
		co_group_stop(&group);
		free(opus);
	}
}

static void g711_becomes_aac(void **state)
{
	uint8_t frame[320];
	struct heard *aac = mem_new(struct heard);
	(void)state;
	if (!is_absent()) {
		struct sound_converter *to_aac = open_sound(SOUND_AAC, aac);
		for (int i = 0; i < 50; i++) {
			memset(frame, i % 2 ? 0x2A : 0xAA, sizeof(frame));
			give(to_aac, CODEC_ALAW, false, span_of(frame, sizeof(frame)),
			     START + i * 40 * SOUND_CLOCK);
		}
		wait_for(aac, 90); /* 96,000 samples by 1,024, and the delays */
		assert_int_equal(aac->configs, 1);
		assert_int_equal(aac->bad, 0);
		assert_true(llabs(aac->ts[0] - START) <= 2048);
		for (int i = 1; i < 90; i++)
			assert_int_equal(aac->ts[i] - aac->ts[i - 1], 1024);
		sound_free(&to_aac);
		co_group_stop(&group);
	}
	free(aac);
}

static void gaps_are_filled_or_begin_anew(void **state)
{
	struct heard *aac = mem_new(struct heard);
	(void)state;
	if (!is_absent()) {
		struct sound_converter *to_aac = open_sound(SOUND_AAC, aac);
		for (int i = 0; i < 150; i++) {
			int64_t ts = START + i * 960;
			ts += i >= 50 ? 400 * SOUND_CLOCK : 0;   /* silence that was not sent */
			ts += i >= 100 ? 9000 * SOUND_CLOCK : 0; /* and a long one */
			if (i != 20)                             /* a lost one */
				give(to_aac, OPUS, false, silence, ts);
		}
		give(to_aac, OPUS, false, silence, START); /* of the past */
		wait_for(aac, (150 * 960 + 400 * SOUND_CLOCK) / 1024 - 4);
		int jumps = 0;
		for (int i = 1; i < aac->count; i++)
			jumps += aac->ts[i] - aac->ts[i - 1] != 1024;
		assert_int_equal(jumps, 1);
		assert_int_equal(aac->bad, 0);
		sound_free(&to_aac);
		co_group_stop(&group);
	}
	free(aac);
}

static void what_cannot_be_converted_is_said(void **state)
{
	struct heard *h = mem_new(struct heard);
	const char *reason = NULL;
	(void)state;
	assert_false(sound_can(SOUND_OPUS, FOURCC('n', 'o', 'n', 'e'), &reason));
	assert_non_null(reason);
	if (!is_absent()) {
		struct sound_converter *s = open_sound(SOUND_OPUS, h);
		give(s, AAC, false, span_str("nonsense"), 0);
		give(s, AAC, true, span_str("\xFF\xFF\xFF"), 0);
		give(s, AAC, false, span_str("nonsense"), 0);
		for (int i = 0; i < 2 * SOUND_QUEUE; i++) /* more than it takes */
			give(s, OPUS, false, silence, 0);
		(void)co_sleep(50);
		assert_int_equal(h->count, 0);
		sound_free(&s);
		co_group_stop(&group);
	}
	free(h);
}

static void an_owner_may_leave_before_its_converter_and_after(void **state)
{
	struct heard *h = mem_new(struct heard);
	(void)state;
	if (!is_absent()) {
		struct sound_converter *first = open_sound(SOUND_AAC, h),
				       *second = open_sound(SOUND_AAC, h);
		give(first, OPUS, false, silence, 0);
		sound_free(&first);
		(void)co_sleep(20);
		co_group_stop(&group);
		give(second, OPUS, false, silence, 0);
		sound_free(&second);
		sound_free(&second);
		assert_int_equal(h->count, 0);
	}
	free(h);
}

static int leaks(void **state)
{
	co_teardown(state);
	return msg_live() ? -1 : 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, co_setup, leaks)
	const struct CMUnitTest tests[] = {
		CASE(opus_becomes_aac_and_opus_again),
		CASE(g711_becomes_opus),
		CASE(g711_becomes_aac),
		CASE(gaps_are_filled_or_begin_anew),
		CASE(what_cannot_be_converted_is_said),
		CASE(an_owner_may_leave_before_its_converter_and_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
