/* Streams as HLS and as recordings, from the messages of a source to bytes and files; without a network. */
#include "unit/output/outputs_rig.h"

#include <semaphore.h>

static void a_stream_is_cut_and_found(void **state)
{
	struct encoder e;
	(void)state;
	begin("hls { enabled on; hls_fragment 1; hls_storage ram; }");
	struct hls *hls = hls_new(&server);
	encoder_begin(&e, "a");
	encoder_run(&e, 0, 5000);
	char *text = list_text(hls, "/live/a.m3u8");
	assert_int_equal(count(text, "#EXTINF:1.000"), 4);
	char *name = strstr(text, "a-");
	assert_non_null(name);
	*strchr(name, '\n') = '\0';
	char *path = mem_printf("/live/%s", name);
	const struct hls_item *item = hls_find(hls, "__defaultVhost__", path);
	assert_non_null(item);
	assert_ptr_equal(item->type, hls_type_ts);
	assert_int_equal(item->blob->n % TS_PACKET, 0);
	assert_null(hls_find(hls, "other", path));
	free(path);
	free(text);
	encoder_end(&e);
	text = list_text(hls, "/live/a.m3u8");
	assert_non_null(strstr(text, "#EXT-X-ENDLIST"));
	assert_int_equal(count(text, "#EXTINF:"), 5);
	free(text);
	end();
	hls_free(&hls);
	end_registry();
	assert_int_equal(msg_live(), 0);
}

static void a_stream_that_comes_back_goes_on(void **state)
{
	struct encoder e;
	(void)state;
	begin("hls { enabled on; hls_fragment 1; hls_storage ram; hls_use_fmp4 on; hls_keys on; }");
	struct hls *hls = hls_new(&server);
	for (int round = 0; round < 2; round++) {
		encoder_begin(&e, "a");
		encoder_run(&e, 0, 2000);
		encoder_end(&e);
	}
	char *text = list_text(hls, "/live/a.m3u8");
	assert_int_equal(count(text, "#EXTINF:"), 4);
	assert_int_equal(count(text, "#EXT-X-DISCONTINUITY\n"), 1);
	assert_non_null(strstr(text, "#EXT-X-MAP:URI="));
	assert_non_null(strstr(text, "#EXT-X-KEY:METHOD=AES-128"));
	free(text);
	end();
	hls_free(&hls);
	end_registry();
}

/* Each part is a fragment of its own, also once it is a range of its segment. */
static int check_parts(const struct hls *hls)
{
	char *text = list_text(hls, "/live/a.m3u8");
	int parts = 0;
	for (char *at = text; (at = strstr(at, "#EXT-X-PART:")); parts++) {
		char name[64] = "";
		at = strstr(at, "URI=\"") + 5;
		snprintf(name, sizeof(name), "/live/%.*s", (int)strcspn(at, "\""), at);
		const struct hls_item *item = hls_find(hls, "__defaultVhost__", name);
		assert_non_null(item);
		assert_true(item->from + item->n <= item->blob->n);
		const uint8_t *box = item->blob->p + item->from + 4;
		assert_true(memcmp(box, "styp", 4) == 0 || memcmp(box, "moof", 4) == 0);
	}
	free(text);
	return parts;
}

/* There is no memory for some parts of the second segment. */
static void a_part_that_is_lost_leaves_no_bytes(void **state)
{
	struct encoder e;
	(void)state;
	begin("hls { enabled on; hls_fragment 1; hls_storage ram; hls_low_latency on; hls_part "
	      "0.2; }");
	struct hls *hls = hls_new(&server);
	encoder_begin(&e, "a");
	encoder_run(&e, 0, 1320);
	int before = check_parts(hls);
	for (uint32_t t = 1320; t < 1560; t += 40)
		publish(&e, MSG_VIDEO, "27 01 000000 00000065 41", 100, t);
	media_memory_limit(1);
	source_caught_up(e.source, &e.feeder, true);
	turn();
	media_memory_limit(0);
	assert_int_equal(check_parts(hls), before);
	encoder_run(&e, 1560, 3000);
	assert_true(check_parts(hls) > before + 5);
	encoder_end(&e);
	end();
	hls_free(&hls);
	end_registry();
}

static void what_is_not_wanted_is_not_cut(void **state)
{
	struct encoder e;
	(void)state;
	begin("");
	struct hls *hls = hls_new(&server);
	encoder_begin(&e, "a");
	encoder_run(&e, 0, 2000);
	assert_null(hls_find(hls, "__defaultVhost__", "/live/a.m3u8"));
	encoder_end(&e);
	end();
	hls_free(&hls);
	end_registry();
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	struct encoder e;
	(void)state;
	begin("hls { enabled on; hls_storage ram; }");
	struct hls *hls = hls_new(&server);
	encoder_begin(&e, "..");
	encoder_run(&e, 0, 1000);
	encoder_end(&e);
	end();
	hls_free(&hls);
	end_registry();
}

static long size_of(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	long n = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	if (file)
		fclose(file);
	return n;
}

/* Until it is so: helpers and the disk may take their time. */
enum { DISK_MS = 20000 };
#define await(what)                                                                                \
	for (int64_t end_ = clock_after(DISK_MS); !(what); (void)co_sleep(1))                      \
	assert_true(clock_ms() < end_)

static void a_stream_is_recorded(void **state)
{
	static const char *const names[] = {"a.flv", "a.mp4"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct encoder e;
		char *vhost = mem_printf("dvr { enabled on; dvr_path %s/[stream].%s; }", folder,
					 names[i] + 2);
		begin(vhost);
		struct dvr *dvr = dvr_new(&server);
		encoder_begin(&e, "a");
		encoder_run(&e, 0, 3000);
		encoder_end(&e);
		await(size_of(names[i]) >= 0);
		assert_true(size_of(names[i]) > 3000);
		end();
		dvr_free(&dvr);
		end_registry();
		free(vhost);
	}
	assert_int_equal(msg_live(), 0);
}

static void segments_of_a_recording_have_names_of_their_own(void **state)
{
	struct encoder e;
	(void)state;
	char *vhost = mem_printf(
		"dvr { enabled on; dvr_plan segment; dvr_duration 1; dvr_path %s/s.flv; }", folder);
	begin(vhost);
	struct dvr *dvr = dvr_new(&server);
	encoder_begin(&e, "s");
	encoder_run(&e, 0, 3000);
	encoder_end(&e);
	await(size_of("s-2.flv") >= 0);
	assert_true(size_of("s.flv") > 0 && size_of("s-1.flv") > 0 && size_of("s-2.flv") > 0);
	end();
	dvr_free(&dvr);
	end_registry();
	free(vhost);
}

/* ---- what goes on with files that are there ---- */

static char *file_text(const char *name, size_t *n)
{
	char path[128];
	long size = size_of(name);
	char *text = mem_zalloc(size > 0 ? (size_t)size + 1 : 1);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	*n = file ? fread(text, 1, size > 0 ? (size_t)size : 0, file) : 0;
	if (file)
		fclose(file);
	return text;
}

/* Where a box of that kind is; -1: nowhere. */
static long box_at(const char *name, const char *kind)
{
	size_t n;
	char *bytes = file_text(name, &n);
	const char *at = memmem(bytes, n, kind, 4);
	long where = at ? at - bytes : -1;
	free(bytes);
	return where;
}

static void a_recording_is_made_progressive(void **state)
{
	struct encoder e;
	(void)state;
	char *vhost = mem_printf("dvr { enabled on; dvr_mp4_progressive on; dvr_path %s/p.mp4; }",
				 folder);
	begin(vhost);
	struct dvr *dvr = dvr_new(&server);
	encoder_begin(&e, "p");
	encoder_run(&e, 0, 3000);
	encoder_end(&e);
	await(size_of("p.mp4") >= 0);
	/* The index stands in front, and there are no fragments. */
	assert_true(box_at("p.mp4", "moov") > 0);
	assert_true(box_at("p.mp4", "mdat") > box_at("p.mp4", "moov"));
	assert_int_equal(box_at("p.mp4", "moof"), -1);
	end();
	dvr_free(&dvr);
	end_registry();
	free(vhost);
}

static void a_recording_is_gone_on_with(void **state)
{
	static const char *const names[] = {"g.flv", "g.mp4"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *vhost = mem_printf("dvr { enabled on; dvr_plan append; dvr_path %s/%s; }",
					 folder, names[i]);
		long first = 0;
		begin(vhost);
		struct dvr *dvr = dvr_new(&server);
		for (int round = 0; round < 2; round++) {
			struct encoder e;
			encoder_begin(&e, "g");
			encoder_run(&e, 0, 2000);
			encoder_end(&e);
			await(size_of(names[i]) > first);
			first = size_of(names[i]) + 3000;
		}
		end();
		dvr_free(&dvr);
		end_registry();
		free(vhost);
	}
}

static unsigned segments_listed(const struct hls *hls)
{
	char *text = list_text(hls, "/live/r.m3u8");
	unsigned n = count(text, "#EXTINF:");
	free(text);
	return n;
}

static unsigned segments_in_file(void)
{
	size_t size;
	char *text = file_text("live/r.m3u8", &size);
	unsigned n = count(text, "#EXTINF:");
	free(text);
	return n;
}

/* The server ends in the midst of a stream, and another one begins where its files are. */
static void a_list_goes_on_after_a_restart(const char *more)
{
	char *vhost = mem_printf(
		"hls { enabled on; hls_fragment 1; hls_window 60; hls_path %s; %s }", folder, more);
	for (int life = 0; life < 2; life++) {
		struct encoder e;
		begin(vhost);
		struct hls *hls = hls_new(&server);
		encoder_begin(&e, "r");
		await(!life || segments_listed(hls) >= 2);
		encoder_run(&e, 0, 4000);
		await(segments_listed(hls) >= (life ? 5 : 3));
		char *text = list_text(hls, "/live/r.m3u8");
		assert_int_equal(count(text, "#EXT-X-DISCONTINUITY\n"), life);
		free(text);
		await(segments_in_file() >= (life ? 5 : 3));
		end();
		source_leave(e.source, &e.feeder, 0);
		source_unref(&e.source);
		hls_free(&hls);
		end_registry();
	}
	free(vhost);
}

static void lists_go_on_after_a_restart(void **state)
{
	(void)state;
	a_list_goes_on_after_a_restart("");
}

static void lists_of_fmp4_with_keys_go_on_too(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/live/r.m3u8", folder);
	(void)unlink(path);
	a_list_goes_on_after_a_restart("hls_use_fmp4 on; hls_keys on;");
}

/* ---- work on files takes long ---- */

static sem_t may_go;

static void stall(void *arg)
{
	(void)arg;
	while (sem_wait(&may_go) != 0)
		;
}

static void occupy(void *arg)
{
	co_offload(stall, arg);
}

static bool is_listed(const struct hls *hls)
{
	char *text = list_text(hls, "/live/d.m3u8");
	bool is = *text != '\0';
	free(text);
	return is;
}

/* Until it is cut: helpers have to end what they do first. */
static void run_until_listed(struct encoder *e, const struct hls *hls, uint32_t from)
{
	int64_t deadline = clock_after(DISK_MS);
	for (; !is_listed(hls); from += 1000) {
		assert_true(clock_ms() < deadline);
		encoder_run(e, from, from + 1000);
	}
}

static void a_stream_that_begins_while_the_former_is_removed_is_cut(void **state)
{
	enum { HELPERS = 8 }; /* more than there are */
	struct encoder e;
	char *vhost = mem_printf("hls { enabled on; hls_fragment 1; hls_window 60; hls_dispose 1; "
				 "hls_path %s; }",
				 folder);
	(void)state;
	assert_int_equal(sem_init(&may_go, 0, 0), 0);
	begin(vhost);
	struct hls *hls = hls_new(&server);
	encoder_begin(&e, "d");
	encoder_run(&e, 0, 3000);
	encoder_end(&e);
	for (int i = 0; i < HELPERS; i++)
		assert_non_null(co_start_in(&server.services, "helper", occupy, NULL));
	await(!is_listed(hls));
	encoder_begin(&e, "d");
	encoder_run(&e, 0, 2000);
	for (int i = 0; i < HELPERS; i++)
		sem_post(&may_go);
	run_until_listed(&e, hls, 2000);
	encoder_end(&e);
	end();
	hls_free(&hls);
	end_registry();
	free(vhost);
	sem_destroy(&may_go);
}

static void clean_up(void)
{
	char *command = mem_printf("rm -rf %s", folder);
	(void)!system(command);
	free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stream_is_cut_and_found, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_stream_that_comes_back_goes_on, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_part_that_is_lost_leaves_no_bytes, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(what_is_not_wanted_is_not_cut, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_refused, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_stream_is_recorded, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(segments_of_a_recording_have_names_of_their_own,
						co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_recording_is_made_progressive, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_recording_is_gone_on_with, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(lists_go_on_after_a_restart, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(lists_of_fmp4_with_keys_go_on_too, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(
			a_stream_that_begins_while_the_former_is_removed_is_cut, co_setup,
			co_teardown),
	};
	snprintf(folder, sizeof(folder), "/tmp/output_test.%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	clean_up();
	return failed;
}
