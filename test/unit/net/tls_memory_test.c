#include "base/asan.h"
#include "net/tls.h"
#include "support/unit.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

enum { RECORD = 17000, MANY = 200 };

/* Under the sanitizers each record is a block of its own. */

static bool is_pooled(const void *a, const void *b)
{
	size_t apart =
		(size_t)((const char *)a > (const char *)b ? (const char *)a - (const char *)b
							   : (const char *)b - (const char *)a);
	return apart % (24 * 1024) == 0;
}

static void records_lie_apart_from_small_things(void **state)
{
	static char *pieces[MANY];
	(void)state;
	if (HAVE_ASAN)
		return;
	for (int i = 0; i < MANY; i++) {
		pieces[i] = OPENSSL_malloc(RECORD);
		assert_non_null(pieces[i]);
		memset(pieces[i], i, RECORD);
		assert_true(is_pooled(pieces[0], pieces[i]));
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal((uint8_t)pieces[i][0], (uint8_t)i);
		assert_int_equal((uint8_t)pieces[i][RECORD - 1], (uint8_t)i);
	}
	/* The last that was given back is the first to be used again. */
	char *last = pieces[7];
	OPENSSL_free(pieces[7]);
	pieces[7] = OPENSSL_malloc(RECORD);
	assert_ptr_equal(pieces[7], last);
	for (int i = 0; i < MANY; i++)
		OPENSSL_free(pieces[i]);
	for (int i = 0; i < MANY; i++)
		assert_non_null(pieces[i] = OPENSSL_malloc(RECORD));
	for (int i = 0; i < MANY; i++)
		OPENSSL_free(pieces[i]);
}

static void a_piece_that_grows_moves_with_its_bytes(void **state)
{
	(void)state;
	if (HAVE_ASAN)
		return;
	char *p = OPENSSL_malloc(RECORD);
	memset(p, 7, RECORD);
	char *same = OPENSSL_realloc(p, RECORD + 1000);
	assert_ptr_equal(same, p);
	char *larger = OPENSSL_realloc(same, 40 * RECORD);
	assert_non_null(larger);
	assert_int_equal(larger[RECORD - 1], 7);
	OPENSSL_free(larger);
	char *small = OPENSSL_malloc(100);
	small[99] = 1;
	small = OPENSSL_realloc(small, RECORD);
	assert_int_equal(small[99], 1);
	OPENSSL_free(small);
	OPENSSL_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_lie_apart_from_small_things),
		cmocka_unit_test(a_piece_that_grows_moves_with_its_bytes),
	};
	tls_memory_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
