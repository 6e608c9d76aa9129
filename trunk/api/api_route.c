/* What the calls of the API are made of: the parameters of a question, the members of an answer. */
#include "api/api_route.h"
#include "base/mem.h"
#include "codec/url.h"

#include <stdlib.h>

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
