/* What sending to WebRTC players costs, beside a program that does nothing but encrypt and send the same packets. */
#include "base/mem.h"
#include "codec/rtp.h"
#include "live/source.h"
#include "net/udp.h"
#include "service/rtc_sender.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

/* A second of 1 Mb/s in 25 pictures, and of Opus. */
enum {
	PLAYERS = 300,
	PICTURES = 25,
	PICTURE = 4600,
	SOUNDS = 2,
	SOUND = 120,
	ROUNDS = 5,
	MOMENT_MS = 2000,
	ROOM = 1300
};

struct player {
	struct srtp *send, *recv;
	struct addr to;
	struct rtc_media media;
	struct rtc_sender *sender;
	struct consumer consumer;
};

static struct player players[PLAYERS];
static struct udp *udp, *sink;
static struct {
	uint8_t bytes[UDP_BATCH][ROOM];
	struct udp_out out[UDP_BATCH];
	int count;
	int64_t packets;
} batch;

static void flush(void)
{
	int sent;
	(void)udp_send(udp, batch.out, batch.count, &sent);
	batch.packets += batch.count;
	batch.count = 0;
}

static bool put(void *ctx, const struct srtp_packet *packet)
{
	struct player *p = ctx;
	size_t n = srtp_protect(p->send, packet, batch.bytes[batch.count]);
	batch.out[batch.count] =
		(struct udp_out){.data = span_of(batch.bytes[batch.count], n), .to = &p->to};
	if (++batch.count == UDP_BATCH)
		flush();
	return n > 0;
}

static bool put_rtcp(void *ctx, struct span compound)
{
	(void)ctx;
	(void)compound;
	return true;
}

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- the floor ---- */

static void floor_send(struct player *p, uint32_t index, size_t n, bool marker)
{
	static const uint8_t payload[ROOM];
	uint8_t header[RTP_HEADER_MAX];
	struct rtp rtp = {.pt = 102, .marker = marker, .seq = (uint16_t)index, .ssrc = 1};
	size_t size = rtp_write(&rtp, NULL, 0, header);
	put(p, &(struct srtp_packet){.header = span_of(header, size),
				     .payload = span_of(payload, n),
				     .index = index});
}

static double floor_second(void)
{
	double begin = cpu_ms();
	uint32_t index = 0;
	for (int i = 0; i < PICTURES; i++, index += 8) {
		for (int k = 0; k < PLAYERS; k++) {
			for (uint32_t n = 0; n < SOUNDS; n++)
				floor_send(&players[k], index + n, SOUND, false);
			for (uint32_t n = 0; n < 4; n++)
				floor_send(&players[k], index + SOUNDS + n, PICTURE / 4, n == 3);
		}
	}
	flush();
	return cpu_ms() - begin;
}

/* ---- the same, of a source ---- */

static struct source *source;
static struct feeder feeder;
static uint32_t raw;

static void publish(enum msg_type type, const char *head, size_t head_n, size_t n)
{
	struct msg *m = msg_new(type, 0, head_n + n);
	memcpy(m->payload, head, head_n);
	memset(m->payload + head_n, 0x5A, n);
	source_publish(source, &feeder, &m, raw);
}

static void publish_picture(bool is_key)
{
	char head[] = "\x27\x01\0\0\0\0\0\0\0\x41";
	head[0] = is_key ? 0x17 : 0x27;
	head[7] = (char)((PICTURE + 1) >> 8);
	head[8] = (char)(PICTURE + 1);
	head[9] = is_key ? 0x65 : 0x41;
	for (int i = 0; i < SOUNDS; i++)
		publish(MSG_AUDIO, "\x91Opus\xFC", 6, SOUND - 1);
	publish(MSG_VIDEO, head, 10, PICTURE);
	source_caught_up(source, &feeder, true);
	raw += 1000 / PICTURES;
	(void)co_sleep(1); /* large rounds go on by a timer */
}

/* Pictures go out in slices: until so many packets have been sent, within a moment. */
static double source_second(int64_t packets)
{
	double begin = cpu_ms();
	for (int i = 0; i < PICTURES; i++)
		publish_picture(false);
	for (int i = 0; i < MOMENT_MS && batch.packets + batch.count < packets; i++)
		(void)co_sleep(1);
	flush();
	return cpu_ms() - begin;
}

static void on_send_slot(struct consumer *c)
{
	rtc_sender_turn(container_of(c, struct player, consumer)->sender);
}

static void join(struct player *p)
{
	p->media = (struct rtc_media){.audio = {.codec = RTC_CODEC_OPUS, .pt = 111, .ssrc = 1},
				      .video = {.codec = RTC_CODEC_H264, .pt = 102, .ssrc = 2}};
	p->sender = rtc_sender_new(&(struct rtc_sender_opts){
		.media = &p->media, .out = {put, p}, .send_rtcp = put_rtcp, .from_start = true});
	consumer_open(&p->consumer, source,
		      &(struct consumer_opts){.kind = CONSUMER_PLAYER,
					      .instant = true,
					      .co = co_self(),
					      .on_send_slot = on_send_slot,
					      .needs = {p->sender}});
	rtc_sender_join(p->sender, source);
	rtc_sender_open(p->sender);
}

static int setup(void **state)
{
	static const struct source_opts opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 10000};
	uint8_t keys[SRTP_KEYS_MAX] = {0};
	assert_int_equal(co_setup(state), 0);
	assert_int_equal(
		udp_open(&udp, &(struct udp_opts){.at = {.host = "127.0.0.1"}, .what = "test"}),
		OK);
	assert_int_equal(
		udp_open(&sink, &(struct udp_opts){.at = {.host = "127.0.0.1"}, .what = "test"}),
		OK);
	for (int i = 0; i < PLAYERS; i++) {
		assert_true(addr_literal(&players[i].to, "127.0.0.1", udp_port(sink)));
		struct span all = span_of(keys, srtp_keys_size(SRTP_AEAD_AES_128_GCM));
		assert_int_equal(srtp_new(&players[i].send, &players[i].recv, SRTP_AEAD_AES_128_GCM,
					  all, true),
				 OK);
	}
	source = source_new("v/a/s", "v", "a", "s", &opts);
	source_begin(source, &feeder);
	publish(MSG_VIDEO,
		"\x17\0\0\0\0\x01\x42\xE0\x1F\xFF\xE1\0\x04\x67\x42\xE0\x1F\x01\0\x02\x68\xCE", 22,
		0);
	publish_picture(true);
	for (int i = 0; i < PLAYERS; i++)
		join(&players[i]);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < PLAYERS; i++) {
		rtc_sender_free(&players[i].sender);
		consumer_close(&players[i].consumer);
		srtp_free(&players[i].send);
		srtp_free(&players[i].recv);
	}
	source_leave(source, &feeder, 0);
	source_unref(&source);
	udp_close(&udp);
	udp_close(&sink);
	return co_teardown(state);
}

/* The best of some rounds: a machine that is busy with other things disturbs both. A round in which packets were left
 * out says nothing of what they cost. */
static void players_cost_little_more_than_their_packets(void **state)
{
	double floor = 1e9, ours = 1e9;
	int64_t packets[2] = {0, 0};
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		batch.packets = 0;
		double one = floor_second();
		packets[0] = batch.packets;
		floor = one < floor ? one : floor;
		batch.packets = 0;
		one = source_second(packets[0]);
		packets[1] = batch.packets > packets[1] ? batch.packets : packets[1];
		if (batch.packets >= packets[0] * 95 / 100)
			ours = one < ours ? one : ours;
	}
	print_message("%d players, a second of 1 Mb/s: %lld packets, %.1f ms for the floor, %.1f "
		      "ms for ours: %.2f\n",
		      PLAYERS, (long long)packets[1], floor, ours, ours / floor);
	assert_true(packets[1] >= packets[0] * 95 / 100);
	/* Of an optimised build it is below 1.3; instrumented ones cost more on our side alone. */
	assert_true(ours < 4 * floor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(players_cost_little_more_than_their_packets, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
