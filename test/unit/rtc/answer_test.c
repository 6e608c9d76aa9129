/* What is answered to the offers of real clients, line by line, and to offers that cannot be taken. The offers
 * are the corpus of the fuzz target; UPDATE_ANSWERS=1 in the environment writes the answers again. */
#include "base/mem.h"
#include "rtc/answer.h"
#include "rtc/formats.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define OFFERS "test/fuzz/corpus/offer/"
#define ANSWERS "test/unit/rtc/answers/"

static const struct rtc_candidates candidates = {
	3, {{"192.0.2.1", 8000, false}, {"2001:db8::1", 8000, false}, {"192.0.2.1", 8000, true}}};

static const struct rtc_answer_opts preset = {
	.nack = true,
	.twcc = true,
	.ufrag = "ourufrag",
	.pwd = "ourpassword0123456789ABC",
	.fingerprint =
		"sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:"
		"77:88:99:AA:BB:CC:DD:EE:FF",
	.candidates = &candidates,
	.session = 42,
	.ssrc = {11, 12, 13, 14},
	.cname = "ourcname",
};

static const struct {
	const char *offer;
	bool publish;
	uint32_t profile;
	const char *answer;
	int audio_pt, video_pt, rtx_pt;
	bool active;
} cases[] = {
	{"chromium156-offer-publish", true, 0, "chromium-publish", 111, 108, 109, false},
	{"chromium156-offer-play", false, 0x42e01f, "chromium-play", 111, 108, 109, false},
	{"chromium156-offer-play", false, 0x4d401f, "chromium-play-main", 111, 116, 117, false},
	{"chromium156-offer-play", false, 0x64001f, "chromium-play-high", 111, 108, 109, false},
	{"aiortc140-offer-publish", true, 0, "aiortc-publish", 96, 101, 102, false},
	{"gst122-webrtcbin-offer-publish", true, 0, "gst-publish", 111, 96, 0, false},
	{"gst122-webrtcbin-offer-publish", false, 0, "gst-play", 111, 96, 0, false},
	{"handmade-ffmpeg-like-offer", true, 0, "ffmpeg-publish", 111, 106, 0, true},
	{"handmade-obs-like-offer", true, 0, "obs-publish", 111, 96, 0, false},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static struct buf read_file(const char *folder, const char *name)
{
	struct buf b = {.max = SDP_BYTES_MAX};
	char *path = mem_printf("%s%s.sdp", folder, name);
	FILE *f = fopen(path, "rb");
	free(path);
	for (int c; f && (c = getc(f)) != EOF;)
		buf_u8(&b, (uint8_t)c);
	if (f)
		fclose(f);
	return b;
}

static void write_file(const char *name, const struct buf *b)
{
	char *path = mem_printf(ANSWERS "%s.sdp", name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fwrite(b->p, 1, b->n, f);
	fclose(f);
	free(path);
}

struct made {
	struct buf text, answer;
	struct rtc_offer offer;
	struct rtc_media media;
	err e;
};

static void answer_text(struct made *m, struct buf text, struct rtc_answer_opts opts)
{
	*m = (struct made){.text = text, .answer = {.max = SDP_BYTES_MAX}};
	m->e = rtc_offer_read(&m->offer, buf_span(&m->text), opts.publish);
	if (!m->e)
		m->e = rtc_answer_write(&m->answer, &m->media, &m->offer, &opts);
}

static void free_made(struct made *m)
{
	rtc_offer_fini(&m->offer);
	buf_free(&m->text);
	buf_free(&m->answer);
}

static void make_case(struct made *m, size_t i)
{
	struct rtc_answer_opts opts = preset;
	opts.publish = cases[i].publish;
	opts.profile = cases[i].profile;
	opts.video = cases[i].publish ? RTC_CODEC_NONE : RTC_CODEC_H264;
	answer_text(m, read_file(OFFERS, cases[i].offer), opts);
	if (m->e)
		fail_msg("%s: %s", cases[i].answer, err_trail(m->e));
}

static void answers_to_real_clients_are_these_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct made m;
		make_case(&m, i);
		if (getenv("UPDATE_ANSWERS"))
			write_file(cases[i].answer, &m.answer);
		struct buf want = read_file(ANSWERS, cases[i].answer);
		struct span a = buf_span(&want), b = buf_span(&m.answer);
		for (int line = 1; a.n || b.n; line++) {
			struct span x = sdp_until(&a, '\n'), y = sdp_until(&b, '\n');
			if (x.n != y.n || memcmp(x.p, y.p, x.n) != 0)
				fail_msg("%s, line %d: %.*s", cases[i].answer, line, (int)y.n, y.p);
		}
		buf_free(&want);
		free_made(&m);
	}
}

static void what_was_agreed_on_is_what_was_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct made m;
		make_case(&m, i);
		const struct rtc_track *a = &m.media.audio, *v = &m.media.video;
		assert_int_equal(a->codec, RTC_CODEC_OPUS);
		assert_int_equal(v->codec, RTC_CODEC_H264);
		assert_int_equal(a->channels, 2);
		assert_int_equal(a->pt, cases[i].audio_pt);
		assert_int_equal(v->pt, cases[i].video_pt);
		assert_int_equal(v->rtx_pt, cases[i].rtx_pt);
		assert_int_equal(v->has_rtx, cases[i].rtx_pt != 0);
		assert_int_equal(rtc_answer_is_active(&m.offer, false), cases[i].active);
		free_made(&m);
	}
}

static bool offers_attribute(const struct sdp_section *s, const struct sdp_attr *want)
{
	char name[32];
	const struct sdp_attr *a = NULL;
	snprintf(name, sizeof(name), "%.*s", (int)want->name.n, want->name.p);
	while ((a = sdp_attr_next(&s->attrs, a, name)))
		if (a->value.n == want->value.n && !memcmp(a->value.p, want->value.p, a->value.n))
			return true;
	return false;
}

static void check_section(const struct sdp_section *offer, const struct sdp_section *answer)
{
	static const char *const echoed[] = {"mid", "extmap", "rtcp-fb"};
	assert_int_equal(answer->kind.n, offer->kind.n);
	for (int i = 0; i < 3; i++) {
		const struct sdp_attr *a = NULL;
		while ((a = sdp_attr_next(&answer->attrs, a, echoed[i])))
			if (!offers_attribute(offer, a))
				fail_msg("not offered: %s %.*s", echoed[i], (int)a->value.n,
					 a->value.p);
	}
	struct span formats = answer->formats;
	for (struct span word; (word = sdp_word(&formats)).n;) {
		struct rtc_format f;
		assert_true(rtc_format_find(&f, offer, (int)span_number(word, 127)));
	}
	const struct sdp_attr *setup = sdp_attr_next(&answer->attrs, NULL, "setup");
	assert_true(span_is(setup->value, "passive") || span_is(setup->value, "active"));
}

static void an_answer_has_nothing_that_was_not_offered(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct made m;
		struct sdp sdp;
		make_case(&m, i);
		assert_int_equal(sdp_parse(&sdp, buf_span(&m.answer)), OK);
		assert_true(sdp_has(&sdp.attrs, "ice-lite"));
		assert_int_equal(sdp.count, m.offer.sdp.count);
		for (int s = 0; s < sdp.count; s++)
			check_section(&m.offer.sdp.sections[s], &sdp.sections[s]);
		sdp_fini(&sdp);
		free_made(&m);
	}
}

static int count_in(struct buf *b, const char *what)
{
	int n = 0;
	for (const char *p = buf_text(b); (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void repetitions_are_agreed_on_only_where_they_are_wanted(void **state)
{
	(void)state;
	for (int on = 0; on < 2; on++) {
		struct made m;
		struct rtc_answer_opts opts = preset;
		opts.publish = true;
		opts.nack = on;
		opts.twcc = on;
		answer_text(&m, read_file(OFFERS, "chromium156-offer-publish"), opts);
		assert_int_equal(m.e, OK);
		assert_int_equal(count_in(&m.answer, "nack"), on ? 2 : 0);
		assert_int_equal(count_in(&m.answer, "transport-cc"), on ? 2 : 0);
		assert_int_equal(m.media.video.has_rtx, on);
		assert_int_equal(m.media.video.feedback.twcc, on);
		assert_int_equal(m.media.video.ssrc, 3589199921u);
		assert_int_equal(m.media.video.rtx_ssrc, on ? 4227789914u : 0);
		free_made(&m);
	}
}

static void other_codecs_are_taken_when_asked_for(void **state)
{
	(void)state;
	struct made m;
	struct rtc_answer_opts opts = preset;
	opts.publish = true;
	opts.video = RTC_CODEC_AV1;
	answer_text(&m, read_file(OFFERS, "chromium156-offer-publish"), opts);
	assert_int_equal(m.e, OK);
	assert_int_equal(m.media.video.pt, 45);
	assert_int_equal(count_in(&m.answer, "a=fmtp:45 level-idx=5;profile=0;tier=0\r\n"), 1);
	free_made(&m);
	opts.video = RTC_CODEC_VP9;
	answer_text(&m, read_file(OFFERS, "chromium156-offer-publish"), opts);
	assert_int_equal(m.e, OK);
	assert_int_equal(count_in(&m.answer, "VP9/90000\r\n"), 1);
	assert_int_equal(count_in(&m.answer, " profile-id=0\r\n"), 1);
	free_made(&m);
	opts.video = RTC_CODEC_H265;
	answer_text(&m, read_file(OFFERS, "chromium156-offer-publish"), opts);
	assert_int_equal(m.e, ERR_NOTFOUND);
	free_made(&m);
}

/* ---- offers that were made up ---- */

#define HEAD "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define TRANSPORT                                                                                  \
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:actpass\r\n"              \
	"a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n"
#define MUX "a=rtcp-mux\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtcp-mux\r\n"

static const struct {
	const char *what, *text;
	bool publish;
	err code;
} made_up[] = {
	{"sound alone", HEAD TRANSPORT "a=group:BUNDLE 0\r\n" AUDIO MUX, true, OK},
	{"mode 0", HEAD TRANSPORT "a=group:BUNDLE 1\r\n" VIDEO "a=rtpmap:96 H264/90000\r\n", true,
	 OK},
	{"no bundle", HEAD TRANSPORT AUDIO MUX, true, ERR_NOTFOUND},
	{"no rtcp-mux", HEAD TRANSPORT "a=group:BUNDLE 0\r\n" AUDIO, true, ERR_NOTFOUND},
	{"no sections", HEAD TRANSPORT "a=group:BUNDLE 0\r\n", true, ERR_NOTFOUND},
	{"VP8 alone", HEAD TRANSPORT "a=group:BUNDLE 1\r\n" VIDEO "a=rtpmap:96 VP8/90000\r\n", true,
	 ERR_NOTFOUND},
	{"receiving, to publish", HEAD TRANSPORT "a=group:BUNDLE 0\r\n" AUDIO MUX "a=recvonly\r\n",
	 true, ERR_NOTFOUND},
	{"sending, to play", HEAD TRANSPORT "a=group:BUNDLE 0\r\n" AUDIO MUX "a=sendonly\r\n",
	 false, ERR_NOTFOUND},
	{"plain RTP", HEAD TRANSPORT "a=group:BUNDLE 0\r\nm=audio 9 RTP/AVP 8\r\na=mid:0\r\n" MUX,
	 true, ERR_NOTFOUND},
	{"no mid", HEAD TRANSPORT "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\n" MUX, true,
	 ERR_PROTOCOL},
	{"no transport", HEAD "a=group:BUNDLE 0\r\n" AUDIO MUX, true, ERR_PROTOCOL},
	{"a short password",
	 HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\na=group:BUNDLE 0\r\n" AUDIO MUX, true,
	 ERR_PROTOCOL},
	{"a fingerprint that is cut off",
	 HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=fingerprint:sha-256 "
	      "00:11\r\na=group:BUNDLE 0\r\n" AUDIO MUX,
	 true, ERR_PROTOCOL},
	{"a role of its own",
	 HEAD TRANSPORT "a=group:BUNDLE 0\r\n" AUDIO MUX "a=setup:holdconn\r\n", true,
	 ERR_PROTOCOL},
	{"a long mid",
	 HEAD TRANSPORT "a=group:BUNDLE 0123456789012345678901234567890123456789\r\n"
			"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
			"a=mid:0123456789012345678901234567890123456789\r\n" MUX,
	 true, ERR_LIMIT},
};

static void offers_that_cannot_be_taken_say_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++) {
		struct made m;
		struct buf text = {.max = SDP_BYTES_MAX};
		struct rtc_answer_opts opts = preset;
		opts.publish = made_up[i].publish;
		buf_printf(&text, "%s", made_up[i].text);
		answer_text(&m, text, opts);
		if (m.e != made_up[i].code)
			fail_msg("%s: %s", made_up[i].what, err_trail(m.e));
		free_made(&m);
	}
}

static void sections_that_are_not_taken_keep_their_places(void **state)
{
	(void)state;
	struct made m;
	struct buf text = {.max = SDP_BYTES_MAX};
	struct rtc_answer_opts opts = preset;
	opts.publish = opts.trickle = true;
	buf_printf(&text, "%s",
		   HEAD TRANSPORT
		   "a=group:BUNDLE 2 0 1\r\n"
		   "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n" AUDIO MUX VIDEO
		   "a=rtpmap:96 H264/90000\r\n");
	answer_text(&m, text, opts);
	assert_int_equal(m.e, OK);
	assert_int_equal(
		count_in(&m.answer, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"), 1);
	assert_int_equal(count_in(&m.answer, "a=group:BUNDLE 0 1\r\n"), 1);
	assert_int_equal(count_in(&m.answer, "a=ice-options:trickle\r\n"), 2);
	assert_int_equal(count_in(&m.answer, "a=fmtp:96 packetization-mode=0\r\n"), 1);
	free_made(&m);
}

/* Of several encodings of one picture the peer sends the first one then. */
static void simulcast_is_declined(void **state)
{
	(void)state;
	struct made m;
	struct buf text = {.max = SDP_BYTES_MAX};
	struct rtc_answer_opts opts = preset;
	opts.publish = true;
	buf_printf(&text, "%s",
		   HEAD TRANSPORT "a=group:BUNDLE 1\r\n" VIDEO
				  "a=rtpmap:96 H264/90000\r\na=sendonly\r\n"
				  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
				  "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
				  "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n");
	answer_text(&m, text, opts);
	assert_int_equal(m.e, OK);
	assert_int_equal(m.media.video.codec, RTC_CODEC_H264);
	assert_int_equal(count_in(&m.answer, "rid"), 0);
	assert_int_equal(count_in(&m.answer, "simulcast"), 0);
	assert_int_equal(count_in(&m.answer, "rtp-stream-id"), 0);
	free_made(&m);
}

static void candidates_are_listed_once(void **state)
{
	(void)state;
	struct rtc_candidates list = {0};
	rtc_candidates_add(&list, "192.0.2.1", 8000, false);
	rtc_candidates_add(&list, "192.0.2.1", 8000, false);
	rtc_candidates_add(&list, "192.0.2.1", 8000, true);
	assert_int_equal(list.count, 2);
	for (int i = 0; i < 40; i++)
		rtc_candidates_add(&list, "192.0.2.2", 9000 + i, false);
	assert_int_equal(list.count, RTC_CANDIDATES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_to_real_clients_are_these_lines),
		cmocka_unit_test(what_was_agreed_on_is_what_was_answered),
		cmocka_unit_test(an_answer_has_nothing_that_was_not_offered),
		cmocka_unit_test(repetitions_are_agreed_on_only_where_they_are_wanted),
		cmocka_unit_test(other_codecs_are_taken_when_asked_for),
		cmocka_unit_test(offers_that_cannot_be_taken_say_why),
		cmocka_unit_test(sections_that_are_not_taken_keep_their_places),
		cmocka_unit_test(simulcast_is_declined),
		cmocka_unit_test(candidates_are_listed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
