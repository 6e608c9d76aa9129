/* What the calls of the API are made of: the parameters of a question, the members of an answer. */
#include "api/api_route.h"
#include "base/mem.h"
#include "codec/url.h"

#include <stdlib.h>

/* ---- members ---- */

void api_put_text(json_t *object, const char *key, const char *text)
{
	json_t *value = json_string(text);
	if (!value) {
		char *ascii = mem_strdup(text);
		for (char *c = ascii; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		value = json_string(ascii);
		free(ascii);
	}
	json_object_set_new(object, key, value);
}

void api_put_int(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void api_put_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

json_t *api_put_object(json_t *object, const char *key)
{
	json_t *value = json_object();
	json_object_set_new(object, key, value);
	return value;
}

/* ---- parameters ---- */

char *api_query(const struct api_call *call, const char *name)
{
	char *value = mem_zalloc(URL_MAX);
	if (!param_get(value, URL_MAX, call->request->query, name))
		*value = '\0';
	return value;
}

int api_query_int(const struct api_call *call, const char *name, int preset, int min, int max)
{
	char *text = api_query(call, name), *end;
	long value = strtol(text, &end, 10);
	if (end == text)
		value = preset;
	free(text);
	return value < min ? min : value > max ? max : (int)value;
}
