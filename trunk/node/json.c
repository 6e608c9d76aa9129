#include "node/json.h"

size_t json_count(struct span text)
{
	int depth = 0;
	bool quoted = false;
	size_t count = 1;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool opens = !quoted && (c == '{' || c == '[');
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		count += opens || (!quoted && c == ',');
		if (opens && ++depth > JSON_NESTING_MAX)
			return SIZE_MAX;
	}
	return count;
}

json_t *json_read(struct span text)
{
	return json_count(text) == SIZE_MAX ? NULL
					    : json_loadb((const char *)text.p, text.n, 0, NULL);
}
