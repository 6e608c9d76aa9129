/* Any four texts as a signature: none of them is good. */
#include "base/check.h"
#include "base/mem.h"
#include "node/sign.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct signer *signer(void)
{
	static struct signer *s;
	static char name[] = "v", secret[] = "a secret of sixteen", none[] = "";
	static struct conf_vhost vhost = {.name = name,
					  .cluster = {.secret = secret, .secret_file = none}};
	static struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	if (!s) {
		s = signer_new("abcdefgh");
		check(signer_load(s, &conf) == OK);
	}
	return s;
}

/* The text up to the next line end; NULL at the end of them. */
static char *line(struct span *s)
{
	if (!s->n)
		return NULL;
	size_t n = span_find(*s, "\n");
	char *text = mem_strndup((const char *)s->p, n);
	*s = span_rest(*s, n + 1);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span s = span_of(data, n);
	char *to = line(&s), *time = line(&s), *nonce = line(&s), *mac = line(&s);
	const struct sign_said said = {.to = to, .time = time, .nonce = nonce, .mac = mac};
	const struct sign_what what = {.method = "GET", .target = "/api/v1/clusters", .body = s};
	check(sign_check(signer(), &said, &what, 1700000000000) != SIGN_GOOD);
	check(sign_nonces(signer()) == 0);
	if (to && sign_learn(signer(), "127.0.0.1:1985", to))
		check(sign_is_id(to));
	free(to);
	free(time);
	free(nonce);
	free(mac);
	return 0;
}
