/* Runs a fuzz target over its corpus, as a unit test. Layer: test.
 * Linked with test/fuzz/<noun>_fuzz.c instead of the fuzzer's own main: an input that once made
 * trouble is a test for ever. Prints TAP. Without arguments the corpus is the folder
 * test/fuzz/corpus/<noun>; files and folders can be named instead. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int count;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
		printf("not ok %d %s cannot be read\n", ++count, path);
		exit(1);
	}
	/* Exactly as large as the input, so that a sanitizer sees the first byte beyond it. */
	size_t n = (size_t)st.st_size;
	uint8_t *data = malloc(n ? n : 1);
	size_t got = data ? fread(data, 1, n, f) : 0;
	fclose(f);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	printf("ok %d %s\n", ++count, path);
	fflush(stdout);
}

static void run_path(const char *path)
{
	DIR *dir = opendir(path);
	if (!dir) {
		run_file(path);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		static char child[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		run_file(child);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	if (argc == 1) {
		static char corpus[4096];
		const char *noun = strrchr(argv[0], '/');
		noun = noun ? noun + 1 : argv[0];
		int n = (int)strlen(noun) - (int)strlen("_fuzz");
		snprintf(corpus, sizeof(corpus), "test/fuzz/corpus/%.*s", n, noun);
		/* No input at all is an input too. */
		LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
		run_path(corpus);
	}
	printf("1..%d\n", count);
	return 0;
}
