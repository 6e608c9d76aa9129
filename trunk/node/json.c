#include "node/json.h"

static bool is_too_deep(struct span text)
{
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') && ++depth > JSON_NESTING_MAX)
			return true;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	return false;
}

json_t *json_read(struct span text)
{
	return is_too_deep(text) ? NULL : json_loadb((const char *)text.p, text.n, 0, NULL);
}
