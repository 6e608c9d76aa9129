/* AES-128 of whole segments (RFC 8216 4.3.2.4): CBC with PKCS#7 padding, which is there even when the
 * bytes are aligned. A key is for some segments; it is listed as long as one of them is. */
#include "output/hls_stream.h"

#include "base/mem.h"
#include "output/pattern.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum { BLOCK = 16, PIECE = 256 * 1024 };

/* The line of a key, whose URL is below hls_key_url if that is set, else beside the list. */
static char *key_tag(const struct hls_stream *s, const struct hls_item *key)
{
	struct buf b = {.max = 16384};
	const char *url = s->opts->key_url;
	buf_printf(&b, "METHOD=AES-128,URI=\"");
	if (*url)
		buf_printf(&b, "%s%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/", key->path);
	else
		buf_printf(&b, "%s", key->uri);
	buf_printf(&b, "\",IV=0x");
	for (size_t i = 0; i < BLOCK; i++)
		buf_printf(&b, "%02X", s->iv[i]);
	char *tag = mem_strdup(buf_text(&b));
	buf_free(&b);
	return tag;
}

err hls_key_renew(struct hls_stream *s, int64_t number)
{
	struct buf bytes = {.max = BLOCK};
	struct pattern_values v = {.vhost = s->vhost,
				   .app = s->app,
				   .stream = s->stream,
				   .seq = number,
				   .timestamp = clock_wall_ms(),
				   .wall_ms = clock_wall_ms(),
				   .is_utc = s->conf->utc_time};
	if (RAND_bytes(s->key_bytes, BLOCK) != 1 || RAND_bytes(s->iv, BLOCK) != 1)
		return err_fail(ERR_SYSTEM, "no random bytes for a key");
	buf_put(&bytes, s->key_bytes, BLOCK);
	struct blob *blob = blob_new(&bytes);
	if (!blob)
		return err_fail(ERR_LIMIT, "there is no memory for a key");
	hls_item_unref(&s->key_item);
	s->key_item = hls_stream_put(s, pattern_fill(s->opts->key_file, &v), blob, hls_type_key);
	s->key_item->tag = key_tag(s, s->key_item);
	s->key_left = s->opts->fragments_per_key - 1; /* this segment is the first */
	return OK;
}

/* Returns how many bytes it has written, 0 when it could not. A segment takes milliseconds, and others can run between
 * its pieces: key and IV are in the context by then. */
static size_t encrypt(EVP_CIPHER_CTX *ctx, uint8_t *to, struct span from)
{
	size_t done = 0;
	int n = 0;
	for (size_t at = 0, piece; at < from.n; at += piece) {
		piece = from.n - at < PIECE ? from.n - at : PIECE;
		if (EVP_EncryptUpdate(ctx, to + done, &n, from.p + at, (int)piece) != 1)
			return 0;
		done += (size_t)n;
		co_yield ();
	}
	return EVP_EncryptFinal_ex(ctx, to + done, &n) == 1 ? done + (size_t)n : 0;
}

err hls_key_encrypt(const struct hls_stream *s, struct buf *bytes)
{
	struct buf out = {.max = bytes->n + BLOCK};
	uint8_t *to = buf_grow(&out, bytes->n + BLOCK);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool is_ready = ctx && to &&
			EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, s->key_bytes, s->iv) == 1;
	out.n = is_ready ? encrypt(ctx, to, buf_span(bytes)) : 0;
	EVP_CIPHER_CTX_free(ctx);
	if (out.n == 0) {
		buf_free(&out);
		return err_fail(ERR_SYSTEM, "a segment cannot be encrypted");
	}
	buf_free(bytes);
	*bytes = out;
	return OK;
}
