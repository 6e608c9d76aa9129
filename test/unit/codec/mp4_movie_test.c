/* A whole MP4 of fragments: where the index says that samples are, and how long they last. */
#include "codec/mp4_movie.h"
#include "support/hex.h"
#include "support/unit.h"

static void assert_bytes(struct span got, const char *hex)
{
	struct span want = hex_bytes(hex);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	hex_free(want);
}

struct film {
	struct track video, audio;
	struct buf init, moof;
	struct mp4_fragment fragment;
	struct mp4_movie movie;
};

static struct track track_of(enum msg_type type, uint32_t codec, const char *header)
{
	struct track t = {0};
	struct span sent = hex_bytes(header);
	struct au au = {.type = (uint8_t)type, .is_header = true, .codec = codec, .data = sent};
	assert_true(track_take(&t, &au));
	hex_free(sent);
	return t;
}

static void film_begin(struct film *f)
{
	*f = (struct film){.init.max = 1 << 16, .moof.max = 1 << 16};
	f->video = track_of(MSG_VIDEO, CODEC_AVC, "01 42C01E FF E1 0004 6742C01E 01 0001 68");
	f->audio = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	const struct track *tracks[] = {&f->video, &f->audio};
	mp4_write_init(&f->init, tracks, 2);
	mp4_fragment_init(&f->fragment, tracks, 2, 1 << 16);
	assert_true(mp4_movie_begin(&f->movie, buf_span(&f->init)));
}

static void picture(struct film *f, bool is_key, int64_t dts, int32_t cts, uint32_t duration)
{
	struct span data = hex_bytes("00000003 658800");
	struct au au = {.type = MSG_VIDEO, .is_key = is_key, .codec = f->video.codec, .data = data};
	assert_true(mp4_fragment_add(&f->fragment, 0, &au, dts, cts, duration));
	hex_free(data);
}

static void sound(struct film *f, int64_t dts)
{
	struct au au = {.type = MSG_AUDIO,
			.is_key = true,
			.codec = f->audio.codec,
			.data = span_str("abc")};
	assert_true(mp4_fragment_add(&f->fragment, 1, &au, dts, 0, 1024));
}

static bool add(struct film *f, uint64_t more)
{
	buf_clear(&f->moof);
	mp4_fragment_write(&f->fragment, &f->moof, 1);
	struct span mdat = mp4_find(buf_span(&f->moof), "mdat");
	return mp4_movie_add(&f->movie, mp4_find(buf_span(&f->moof), "moof"), mdat.n + more);
}

static void film_end(struct film *f)
{
	mp4_movie_fini(&f->movie);
	mp4_fragment_fini(&f->fragment);
	buf_free(&f->init);
	buf_free(&f->moof);
	track_free(&f->video);
	track_free(&f->audio);
}

static struct span table(const struct buf *head, size_t track, const char *name)
{
	char path[40] = "mdia/minf/stbl/";
	struct span moov = mp4_find(buf_span(head), "moov");
	struct mp4_box box;
	memcpy(path + strlen(path), name, 5);
	for (struct cur c = cur_of(moov.p, moov.n); mp4_next_box(&c, &box);)
		if (strcmp(box.type, "trak") == 0 && track-- == 0)
			return mp4_find(box.body, path);
	return span_of(NULL, 0);
}

/* Two fragments; between them half a second is missing, and the sound begins later. */
static void samples_are_where_the_index_says(void **state)
{
	struct film f;
	struct buf head = {.max = 1 << 16};
	(void)state;
	film_begin(&f);
	picture(&f, true, 0, 3600, 3600);
	picture(&f, false, 3600, 3600, 3600);
	sound(&f, 22050);
	assert_true(add(&f, 0));
	picture(&f, true, 52200, 0, 3600);
	sound(&f, 23074);
	assert_true(add(&f, 0));
	assert_true(mp4_movie_write(&f.movie, &head));
	assert_bytes(table(&head, 0, "stts"),
		     "00000000 00000003 00000001 00000E10 00000001 0000BDD8 "
		     "00000001 00000E10");
	assert_bytes(table(&head, 0, "ctts"),
		     "01000000 00000002 00000002 00000E10 00000001 00000000");
	assert_bytes(table(&head, 0, "stss"), "00000000 00000002 00000001 00000003");
	assert_bytes(table(&head, 0, "stsc"), "00000000 00000002 00000001 00000002 00000001 "
					      "00000002 00000001 00000001");
	assert_bytes(table(&head, 0, "stsz"),
		     "00000000 00000000 00000003 00000007 00000007 00000007");
	assert_bytes(table(&head, 1, "stts"), "00000000 00000001 00000002 00000400");
	assert_int_equal(table(&head, 1, "stss").n, 0);
	struct span first = table(&head, 0, "stco"), second = table(&head, 1, "stco");
	struct cur a = cur_of(first.p, first.n), b = cur_of(second.p, second.n);
	cur_skip(&a, 8);
	cur_skip(&b, 8);
	assert_int_equal(cur_u32(&a), head.n);
	assert_int_equal(cur_u32(&b), head.n + 14);
	assert_int_equal(cur_u32(&a), head.n + 17);
	assert_int_equal(cur_u32(&b), head.n + 24);
	/* All of the mdat is still to come. */
	assert_memory_equal(head.p + head.n - 8, "\0\0\0\x23mdat", 8);
	assert_int_equal(mp4_find(buf_span(&head), "moov/mvex").n, 0);
	buf_free(&head);
	film_end(&f);
}

static void a_track_that_begins_later_is_shown_later(void **state)
{
	struct film f;
	struct buf head = {.max = 1 << 16};
	(void)state;
	film_begin(&f);
	picture(&f, true, 45000, 0, 90000);
	assert_true(add(&f, 0));
	assert_true(mp4_movie_write(&f.movie, &head));
	assert_bytes(mp4_find(buf_span(&head), "moov/trak/edts/elst"),
		     "00000000 00000002 000001F4 FFFFFFFF 00010000 000003E8 00000000 00010000");
	struct span mvhd = mp4_find(buf_span(&head), "moov/mvhd");
	assert_bytes(span_of(mvhd.p + 16, 4), "000005DC");
	assert_bytes(
		mp4_find(buf_span(&head), "moov/trak/mdia/mdhd"),
		"01000000 0000000000000000 0000000000000000 00015F90 0000000000015F90 55C40000");
	buf_free(&head);
	film_end(&f);
}

static void times_that_go_back_cost_no_sample(void **state)
{
	struct film f;
	struct buf head = {.max = 1 << 16};
	(void)state;
	film_begin(&f);
	sound(&f, 0);
	sound(&f, 0);
	assert_true(add(&f, 0));
	sound(&f, 1000);
	sound(&f, 0);
	assert_true(add(&f, 0));
	assert_true(mp4_movie_write(&f.movie, &head));
	assert_bytes(table(&head, 1, "stts"),
		     "00000000 00000004 00000001 00000400 00000001 00000000 "
		     "00000001 000003E8 00000001 00000400");
	buf_free(&head);
	film_end(&f);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct film f;
	struct buf small = {.max = 100};
	struct mp4_movie none = {0};
	(void)state;
	film_begin(&f);
	picture(&f, true, 0, 0, 3600);
	assert_false(add(&f, 1)); /* bytes that no sample has */
	assert_false(mp4_movie_write(&f.movie, &small));
	assert_false(mp4_movie_begin(&none, span_str("not an init")));
	buf_free(&small);
	film_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_where_the_index_says),
		cmocka_unit_test(a_track_that_begins_later_is_shown_later),
		cmocka_unit_test(times_that_go_back_cost_no_sample),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
