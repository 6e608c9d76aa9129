/* Files that are written behind a stream. */
#include "base/log.h"
#include "co/co.h"
#include "output/files.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static struct blob *blob_of(const char *text)
{
	struct buf b = {.max = 100};
	buf_put(&b, text, strlen(text));
	return blob_new(&b);
}

static void write_text(struct files *f, const char *path, const char *text)
{
	struct blob *blob = blob_of(text);
	files_write(f, path, blob, (struct files_done){0});
	blob_unref(&blob);
}

/* What a file of the folder has; "" when there is none. */
static const char *content(const char *path)
{
	static char text[100];
	char whole[200];
	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	FILE *file = fopen(whole, "r");
	text[file ? fread(text, 1, sizeof(text) - 1, file) : 0] = '\0';
	if (file)
		fclose(file);
	return text;
}

/* What is this process's own of a path, until it is written or renewed. */
static const char *kept_as(const char *path, const char *ending)
{
	static char name[200];
	snprintf(name, sizeof(name), "%s.%d.%s", path, (int)getpid(), ending);
	return name;
}

static void files_are_replaced_as_a_whole_and_removed(void **state)
{
	(void)state;
	struct files *f = files_new(folder);
	write_text(f, "a/b/one", "first");
	write_text(f, "a/b/one", "second");
	write_text(f, "two", "x");
	files_remove(f, "two");
	files_remove(f, "never/was");
	files_free(&f);
	assert_string_equal(content("a/b/one"), "second");
	assert_string_equal(content(kept_as("a/b/one", "tmp")), "");
	assert_string_equal(content("two"), "");
}

static void what_cannot_be_written_is_counted(void **state)
{
	(void)state;
	struct files *f = files_new(folder);
	write_text(f, "file", "x");
	write_text(f, "file/below", "y"); /* a file is no folder */
	write_text(f, "other", "z");
	files_drain(f);
	assert_int_equal(files_lost(f), 1);
	files_free(&f);
	assert_string_equal(content("file"), "x");
	assert_string_equal(content("other"), "z");
}

static void the_queue_has_a_bound(void **state)
{
	(void)state;
	struct files *f = files_new(folder);
	for (int i = 0; i < 8200; i++)
		write_text(f, "many", "x");
	assert_int_equal(files_lost(f), 8200 - 8192);
	files_free(&f);
	assert_string_equal(content("many"), "x");
}

static ino_t inode_of(const char *path)
{
	char whole[200];
	struct stat st = {0};
	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	return stat(whole, &st) == 0 ? st.st_ino : 0;
}

static void renew_text(struct files *f, const char *path, const char *text)
{
	struct blob *blob = blob_of(text);
	files_renew(f, path, blob);
	blob_unref(&blob);
	files_drain(f);
}

static void a_retired_file_makes_room_for_the_next_one(void **state)
{
	(void)state;
	struct files *f = files_new(folder);
	files_keep(f, "a/kept");
	write_text(f, "a/1", "a longer one");
	write_text(f, "a/2", "second");
	files_drain(f);
	ino_t first = inode_of("a/1");
	files_retire(f, "a/1");
	files_retire(f, "a/2"); /* there is a spare one: this goes */
	files_drain(f);
	assert_int_equal(inode_of("a/1"), 0);
	assert_int_equal(inode_of("a/2"), 0);
	assert_int_equal(inode_of(kept_as("a/kept", "spare")), first);
	write_text(f, "a/3", "third");
	files_drain(f);
	assert_int_equal(inode_of("a/3"), first);
	assert_string_equal(content("a/3"), "third");
	assert_int_equal(inode_of(kept_as("a/kept", "spare")), 0);
	files_retire(f, "a/3");
	write_text(f, "more/4", "its folder is not there yet");
	files_free(&f);
	assert_string_equal(content("more/4"), "its folder is not there yet");
	assert_int_equal(inode_of(kept_as("a/kept", "spare")), 0);
	assert_int_equal(inode_of("a/3"), 0);
}

static void what_dead_processes_kept_is_removed(void **state)
{
	char dead[40];
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	snprintf(dead, sizeof(dead), "a/kept.%d.spare", (int)pid);
	struct files *f = files_new(folder);
	write_text(f, dead, "x");
	write_text(f, "a/kept.1.tmp", "of a process that lives");
	write_text(f, "a/kept.me.tmp", "of nobody");
	files_keep(f, "a/kept");
	files_free(&f);
	assert_int_equal(inode_of(dead), 0);
	assert_int_not_equal(inode_of("a/kept.1.tmp"), 0);
	assert_int_not_equal(inode_of("a/kept.me.tmp"), 0);
}

static void what_somebody_reads_is_not_written_over(void **state)
{
	(void)state;
	char path[200], text[20] = "";
	struct files *f = files_new(folder);
	files_keep(f, "a/kept");
	write_text(f, "a/1", "first");
	files_drain(f);
	snprintf(path, sizeof(path), "%s/a/1", folder);
	FILE *reader = fopen(path, "r");
	files_retire(f, "a/1");
	write_text(f, "a/2", "second");
	files_drain(f);
	assert_true(fread(text, 1, sizeof(text) - 1, reader) > 0);
	assert_string_equal(text, "first");
	assert_string_equal(content("a/2"), "second");
	fclose(reader);
	char other[200];
	snprintf(path, sizeof(path), "%s/a/2", folder);
	snprintf(other, sizeof(other), "%s/linked", folder);
	assert_int_equal(link(path, other), 0);
	files_retire(f, "a/2");
	write_text(f, "a/3", "third");
	files_free(&f);
	assert_string_equal(content("linked"), "second");
	assert_string_equal(content("a/3"), "third");
}

static void a_list_and_what_it_was_take_turns(void **state)
{
	(void)state;
	struct files *f = files_new(folder);
	files_keep(f, "kept");
	renew_text(f, "list", "the first list is long");
	ino_t first = inode_of("list");
	renew_text(f, "list", "second");
	assert_int_not_equal(inode_of("list"), first);
	assert_int_equal(inode_of(kept_as("kept", "tmp")), first);
	renew_text(f, "list", "third");
	assert_int_equal(inode_of("list"), first);
	assert_string_equal(content("list"), "third");
	files_tidy(f);
	files_drain(f);
	assert_int_equal(inode_of(kept_as("kept", "tmp")), 0);
	renew_text(f, "list", "fourth");
	files_free(&f);
	assert_string_equal(content("list"), "fourth");
	assert_int_equal(inode_of(kept_as("kept", "tmp")), 0);
}

static void a_queue_without_files_ends(void **state)
{
	struct files *f = NULL;
	(void)state;
	files_free(&f);
	f = files_new(folder);
	files_free(&f);
	assert_null(f);
}

static void clean_up(void)
{
	static const char *const names[] = {"a/b/one", "a/b",   "a/2",    "a/3",  "a/1",
					    "a",       "file",  "linked", "list", "more/4",
					    "more",    "other", "many",   ""};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[200];
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)remove(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_replaced_as_a_whole_and_removed, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_counted, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(the_queue_has_a_bound, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_retired_file_makes_room_for_the_next_one,
						co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(what_dead_processes_kept_is_removed, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(what_somebody_reads_is_not_written_over, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_list_and_what_it_was_take_turns, co_setup,
						co_teardown),
		cmocka_unit_test_setup_teardown(a_queue_without_files_ends, co_setup, co_teardown),
	};
	snprintf(folder, sizeof(folder), "/tmp/files_test.%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	clean_up();
	return failed;
}
