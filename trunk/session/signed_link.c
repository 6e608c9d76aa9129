#include "session/signed_link.h"
#include "base/mem.h"
#include "session/link_formats.h"

#include <stdio.h>
#include <string.h>

bool signed_link_applies(const struct conf_signed_links *conf, enum link_action action)
{
	return conf->enabled && (action == LINK_PUBLISH ? conf->publish : conf->play);
}

static struct link_key key_of(const char *text)
{
	struct link_key key = {.secret = text};
	const char *colon = strchr(text, ':');
	if (colon && (size_t)(colon - text) < sizeof(key.id)) {
		snprintf(key.id, sizeof(key.id), "%.*s", (int)(colon - text), text);
		key.secret = colon + 1;
	}
	return key;
}

/* What is told of several keys: a link that one of them has signed has expired, rather than been forged
 * for all the others. */
bool signed_link_check(const struct conf_signed_links *conf, const struct link_ask *ask,
		       char why[static LINK_WHY_MAX])
{
	const struct link_format *format = link_format_of(conf->format);
	const char *told = link_wrong;
	for (int i = 0; i < conf->keys.count; i++) {
		struct link_key key = key_of(conf->keys.v[i]);
		const char *bad = *key.secret ? format->check(conf, ask, &key) : link_wrong;
		if (!bad)
			return true;
		told = bad == link_wrong ? told : bad;
	}
	snprintf(why, LINK_WHY_MAX, "%s", told);
	return false;
}

char *signed_link_take_proof(const struct conf_signed_links *conf, char *app)
{
	char *end = app;
	int parts = conf->enabled ? link_format_of(conf->format)->proof_parts : 0;
	for (int i = 0; i < parts; i++) {
		char *slash = strchr(end, '/');
		if (!slash)
			return mem_strdup("");
		end = slash + 1;
	}
	if (end == app)
		return mem_strdup("");
	char *proof = mem_printf("%.*s", (int)(end - app) - 1, app);
	memmove(app, end, strlen(end) + 1);
	return proof;
}
