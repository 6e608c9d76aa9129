/* The sound between browsers and everybody else: AAC of a publisher's Opus, its twin, Opus of a stream's AAC. */
#include "base/mem.h"
#include "codec/au.h"
#include "codec/rtp.h"
#include "live/source.h"
#include "service/rtc_sender.h"
#include "service/rtc_sound.h"
#include "sound/sound.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdlib.h>

enum { FRAMES = 100, WAIT_MS = 20000 };
#define AAC CODEC_AAC
#define OPUS CODEC_OPUS

static struct server *server;
static struct source *source;
static struct feeder feeder;
static struct consumer consumer;
static struct rtc_media media;
static struct rtc_sender *sender;
static int packets, steps_off;
static uint32_t last_ts;

static bool on_rtp(void *ctx, const struct srtp_packet *p)
{
	struct rtp rtp;
	(void)ctx;
	(void)rtp_read(&rtp, p->header);
	steps_off += packets && rtp.ts - last_ts != 960;
	last_ts = rtp.ts;
	packets++;
	return true;
}

static bool on_rtcp(void *ctx, struct span compound)
{
	(void)ctx;
	(void)compound;
	return true;
}

static int setup(void **state)
{
	static const struct source_opts opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 10000};
	assert_int_equal(co_setup(state), 0);
	server = mem_new(struct server);
	feeder = (struct feeder){.kind = FEEDER_PUBLISHER};
	consumer = (struct consumer){0};
	media = (struct rtc_media){.audio = {.codec = RTC_CODEC_OPUS, .pt = 111, .ssrc = 1}};
	packets = steps_off = 0;
	source = source_new("v/a/s", "v", "a", "s", &opts);
	source_begin(source, &feeder);
	return 0;
}

static int teardown(void **state)
{
	rtc_sender_free(&sender);
	consumer_close(&consumer);
	source_leave(source, &feeder, 0);
	source_unref(&source);
	co_group_stop(&server->services);
	free(server);
	co_teardown(state);
	return msg_live() ? -1 : 0;
}

static void join(void)
{
	struct rtc_sender_opts opts = {
		.media = &media, .out = {.send = on_rtp}, .send_rtcp = on_rtcp};
	rtc_sound_options(&opts.packets, server, 48000);
	sender = rtc_sender_new(&opts);
	consumer_open(&consumer, source,
		      &(struct consumer_opts){.kind = CONSUMER_PLAYER, .co = co_self()});
	rtc_sender_join(sender, source);
	rtc_sender_open(sender);
}

static void publish(struct msg *m, uint32_t raw)
{
	source_publish(source, &feeder, &m, raw);
	if (sender)
		rtc_sender_turn(sender);
}

/* 20 ms of silence. */
static struct msg *opus(void)
{
	static const uint8_t body[] = "\x91Opus\xFC\xFF\xFE";
	struct msg *m = msg_new(MSG_AUDIO, 0, sizeof(body) - 1);
	memcpy(m->payload, body, sizeof(body) - 1);
	return m;
}

static struct aac_maker *open_aac(void)
{
	return rtc_aac_new(server, "v/a/s", 64000, co_self());
}

static bool can(void)
{
	const char *reason;
	return sound_can(SOUND_AAC, OPUS, &reason);
}

/* Publishes the AAC that has come out; returns how many frames. */
static int publish_made(struct aac_maker *aac)
{
	struct msg *m;
	uint32_t raw;
	int frames = 0;
	while (aac_maker_next(aac, &m, &raw)) {
		struct frame f = frame_of_audio(msg_span(m));
		assert_int_equal(f.codec, AAC);
		frames += f.is_coded;
		publish(m, raw);
	}
	return frames;
}

/* Feeds it until there are so many packets of Opus, then waits for the frames of AAC that are left. A converter that
 * begins late, on a busy machine, is fed for longer: when sound is known to come alone depends on the time that
 * passes. */
static void run(struct aac_maker *aac, bool with_twin, int want_packets)
{
	int fed = 0, frames = 0;
	int64_t deadline = clock_after(WAIT_MS);
	while (fed < FRAMES || packets < want_packets || frames < fed * 90 / 100) {
		assert_true(clock_ms() < deadline);
		if (fed < FRAMES || packets < want_packets) {
			struct msg *m = opus();
			uint32_t raw = 1000 + (uint32_t)fed++ * 20;
			rtc_aac_take(aac, &m, raw);
			if (with_twin && m)
				publish(m, raw);
			else
				msg_unref(&m);
		}
		frames += publish_made(aac);
		(void)co_sleep(with_twin ? 2 : 20);
		rtc_sender_turn(sender);
	}
	assert_true(!with_twin || packets >= fed * 85 / 100);
}

static void a_stream_of_aac_is_heard_as_opus(void **state)
{
	(void)state;
	if (!can())
		return;
	struct aac_maker *aac = open_aac();
	assert_non_null(aac);
	join();
	run(aac, false, 70);
	assert_int_equal(steps_off, 0);
	assert_non_null(source->packets->sound);
	assert_int_equal(source->audio.sample_rate, 48000);
	aac_maker_free(&aac);
}

static void the_twin_is_heard_as_it_is(void **state)
{
	struct reader reader = {0};
	struct reading got;
	int twins = 0, others = 0;
	(void)state;
	if (!can())
		return;
	struct aac_maker *aac = open_aac();
	join();
	reader_open(&reader, source, &(struct reader_opts){0});
	run(aac, true, 85);
	while (reader_next(&reader, &got)) {
		twins += got.msg->frame.is_twin;
		others += !got.msg->frame.is_twin;
	}
	assert_int_equal(twins, 0);
	assert_true(others >= 85);
	assert_true(source->has_twin);
	assert_null(source->packets->sound);
	assert_int_equal(steps_off, 0);
	assert_int_equal(source->audio.codec, AAC);
	reader_close(&reader);
	aac_maker_free(&aac);
}

static void publish_aac(uint8_t kind, uint32_t raw)
{
	const uint8_t body[] = {0xAF, kind, 0x12, 0x10};
	struct msg *m = msg_new(MSG_AUDIO, 0, sizeof(body));
	memcpy(m->payload, body, sizeof(body));
	publish(m, raw);
}

/* At an edge, and behind a gap, AAC may be the first of the two. */
static void sound_that_comes_before_its_twin_is_not_converted(void **state)
{
	(void)state;
	if (!can())
		return;
	struct aac_maker *aac = open_aac();
	struct msg *twin = opus();
	join();
	publish_aac(0, 1000);
	publish_aac(1, 1000);
	publish_aac(1, 1021);
	rtc_aac_take(aac, &twin, 1000);
	publish(twin, 1030);
	publish_aac(1, 1042);
	publish_aac(1, 1300);
	assert_int_equal(packets, 1);
	assert_int_equal(source->packets->sound_codec, 0);
	for (uint32_t raw = 1400; raw < 2500; raw += 100)
		publish_aac(1, raw);
	assert_int_equal(source->packets->sound_codec, AAC);
	assert_non_null(source->packets->sound);
	aac_maker_free(&aac);
}

/* All of it is handed out at once, and nobody takes anything in between. */
static void a_converter_that_was_held_up_loses_nothing(void **state)
{
	enum { HELD = SOUND_QUEUE, MADE = HELD * 960 / 1024 - 2, STEP_MS = 22 };
	uint32_t raw, last = 0;
	int frames = 0;
	(void)state;
	if (!can())
		return;
	struct aac_maker *aac = open_aac();
	for (uint32_t i = 0; i < HELD; i++) {
		struct msg *m = opus();
		rtc_aac_take(aac, &m, 1000 + i * 20);
		msg_unref(&m);
	}
	for (int64_t deadline = clock_after(WAIT_MS); frames < MADE; (void)co_sleep(5)) {
		assert_true(clock_ms() < deadline);
		for (struct msg *m; aac_maker_next(aac, &m, &raw); last = raw) {
			bool is_coded = frame_of_audio(msg_span(m)).is_coded;
			assert_true(!frames || raw - last <= STEP_MS);
			frames += is_coded;
			msg_unref(&m);
		}
	}
	aac_maker_free(&aac);
}

static void other_messages_stay_as_they_are(void **state)
{
	(void)state;
	if (!can())
		return;
	struct aac_maker *aac = open_aac();
	struct msg *m = msg_new(MSG_VIDEO, 0, 1), *same = m;
	m->payload[0] = 0;
	rtc_aac_take(aac, &m, 0);
	assert_ptr_equal(m, same);
	msg_unref(&m);
	aac_maker_free(&aac);
	aac_maker_free(&aac);
}

static void sound_that_nobody_converts_is_silence(void **state)
{
	static const uint8_t speex[] = "\xB6\0\0";
	(void)state;
	join();
	for (int i = 0; i < 3; i++) {
		struct msg *m = msg_new(MSG_AUDIO, 0, 3);
		memcpy(m->payload, speex, 3);
		publish(m, (uint32_t)i * 20);
	}
	assert_int_equal(packets, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_stream_of_aac_is_heard_as_opus),
		CASE(the_twin_is_heard_as_it_is),
		CASE(sound_that_comes_before_its_twin_is_not_converted),
		CASE(a_converter_that_was_held_up_loses_nothing),
		CASE(other_messages_stay_as_they_are),
		CASE(sound_that_nobody_converts_is_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
