/* Any path, parameters and app with a proof in it as a signed link, in the format that the first byte says: nobody gets
 * in, whatever kind of key it is, and the log is told why. */
#include "base/check.h"
#include "base/mem.h"
#include "session/signed_link.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FORMATS = LINK_FORMAT_JWT + 1, OF_THE_CLIENT = 128 };

/* Secrets that are not in any input, one of them as Akamai's are, and a public key on P-256. */
static char secret[] = "k1:too long to be guessed", hex[] = "00112233445566778899aabbccddeeff";
static char public[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuK4kQcwYqvZf+kiRpdjBdbULOK"
		       "WXiJHfo+IgnUaP810hSN0aVEPLKLQAkuBVndmlhRjBOjiZIfUoDSjh8/a06w==";

static void ask(const struct conf_signed_links *conf, const char *path, const char *param,
		char *app)
{
	char *proof = signed_link_take_proof(conf, app);
	check(proof);
	for (int i = 0; i < 2; i++) {
		char why[LINK_WHY_MAX] = "";
		const struct link_ask said = {
			.action = i ? LINK_PLAY : LINK_PUBLISH,
			.app = app,
			.stream = "a",
			.path = path,
			.param = param,
			.proof = proof,
			.ip = "192.0.2.1",
			.now_s = 1900000000,
		};
		check(!signed_link_check(conf, &said, why));
		check(*why && strlen(why) < LINK_WHY_MAX);
	}
	free(proof);
}

static char *line(struct span *s)
{
	size_t n = span_find(*s, "\n");
	char *text = mem_strndup((const char *)s->p, n);
	*s = span_rest(*s, n + 1);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char none[] = "";
	char *keys[] = {secret, hex, public};
	if (n == 0)
		return 0;
	struct span s = span_of(data + 1, n - 1);
	char *path = line(&s), *param = line(&s), *app = line(&s);
	const struct conf_signed_links conf = {
		.enabled = true,
		.publish = true,
		.play = true,
		.format = (enum conf_link_format)(data[0] % OF_THE_CLIENT % FORMATS),
		.keys = {.count = 3, .v = keys},
		.parameter = none,
		.bind_address = data[0] & OF_THE_CLIENT,
	};
	ask(&conf, path, param, app);
	free(path);
	free(param);
	free(app);
	return 0;
}
