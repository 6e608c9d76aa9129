/* Segments that are encrypted: what a player makes of them, and that a long one keeps nobody waiting. */
#include "output/hls_stream.h"
#include "support/co_unit.h"
#include "support/turns.h"
#include "support/unit.h"

#include <openssl/evp.h>
#include <string.h>

static const uint8_t key[16] = "sixteen bytes, a", iv[16] = "another sixteen!";

static void put(struct buf *b, size_t n)
{
	uint8_t *at = buf_grow(b, n);
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)(i * 31 + i / 1000);
}

/* As a player does it, in one go. */
static bool decrypt(struct buf *out, struct span from)
{
	int n = 0, last = 0;
	uint8_t *to = buf_grow(out, from.n + 16);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool good = EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv) == 1 &&
		    EVP_DecryptUpdate(ctx, to, &n, from.p, (int)from.n) == 1 &&
		    EVP_DecryptFinal_ex(ctx, to + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	out->n = (size_t)(n + last);
	return good;
}

static void what_is_encrypted_is_what_players_decrypt(void **state)
{
	static const size_t sizes[] = {
		0, 1, 15, 16, 17, 1000, 256 << 10, (256 << 10) + 1, (512 << 10) + 16, 3000000};
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct hls_stream s = {0};
		struct buf bytes = {.max = 8 << 20}, plain = {.max = 8 << 20},
			   again = {.max = 8 << 20};
		memcpy(s.key_bytes, key, sizeof(key));
		memcpy(s.iv, iv, sizeof(iv));
		put(&bytes, sizes[i]);
		put(&plain, sizes[i]);
		assert_int_equal(hls_key_encrypt(&s, &bytes), OK);
		assert_int_equal(bytes.n, sizes[i] / 16 * 16 + 16);
		assert_true(decrypt(&again, buf_span(&bytes)));
		assert_int_equal(again.n, sizes[i]);
		assert_memory_equal(again.p, plain.p, sizes[i]);
		buf_free(&bytes);
		buf_free(&plain);
		buf_free(&again);
	}
}

static void others_have_turns_while_a_long_one_is_encrypted(void **state)
{
	enum { LONG = 8 << 20 };
	struct hls_stream s = {0};
	struct buf bytes = {.max = LONG};
	struct turns turns;
	(void)state;
	put(&bytes, LONG);
	turns_begin(&turns);
	assert_int_equal(hls_key_encrypt(&s, &bytes), OK);
	int count = turns.count;
	turns_end(&turns);
	assert_true(count >= 30 && count <= 34);
	buf_free(&bytes);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, co_setup, co_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_encrypted_is_what_players_decrypt),
		TEST(others_have_turns_while_a_long_one_is_encrypted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
