#include "api/credentials.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned bits;
} scopes[] = {
	{"read", SCOPE_READ}, {"kick", SCOPE_KICK}, {"config", SCOPE_CONFIG}, {"all", SCOPE_ALL}};

const char *scope_name(unsigned scope)
{
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (scopes[i].bits == scope)
			return scopes[i].name;
	return "";
}

static unsigned scopes_of(const char *text)
{
	unsigned bits = 0;
	for (const char *p = text; *p; p += strspn(p, "+")) {
		size_t n = strcspn(p, "+");
		for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
			if (strlen(scopes[i].name) == n && strncmp(scopes[i].name, p, n) == 0)
				bits |= scopes[i].bits;
		p += n;
	}
	return bits;
}

static void take(struct caller *out, const char *name, unsigned bits)
{
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->scopes = bits;
}

/* "name secret scopes". */
static bool check_rule(struct caller *out, const char *rule, bool bearer,
		       const struct http_message *m)
{
	char *name = mem_strdup(rule), *secret = name + strcspn(name, " ");
	*secret++ = '\0';
	char *words = secret + strcspn(secret, " ");
	*words++ = '\0';
	bool good = bearer ? http_bearer_ok(m, secret) : http_basic_ok(m, name, secret);
	if (good)
		take(out, name, scopes_of(words));
	explicit_bzero(secret, strlen(secret));
	free(name);
	return good;
}

bool credentials_check(struct caller *out, const struct conf_http_api *api,
		       const struct http_message *m)
{
	bool found = false;
	for (int i = 0; i < api->auth.users.count; i++)
		found |= check_rule(out, api->auth.users.v[i], false, m);
	for (int i = 0; i < api->auth.tokens.count; i++)
		found |= check_rule(out, api->auth.tokens.v[i], true, m);
	bool is_user =
		*api->auth.username && http_basic_ok(m, api->auth.username, api->auth.password);
	bool is_token = http_bearer_ok(m, api->auth.token);
	if (is_user || is_token)
		take(out, is_user ? api->auth.username : "token", SCOPE_ALL);
	return found || is_user || is_token;
}
