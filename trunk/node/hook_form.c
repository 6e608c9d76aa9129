#include "node/hook_form.h"
#include "codec/url.h"

#include <stdlib.h>
#include <string.h>

/* Enough for a day in hundredths of a second, and none of what floating point adds. */
enum { REAL_DIGITS = 9 };

/* application/x-www-form-urlencoded: what could mean something is escaped; a blank as %20. */
static void write_form(struct buf *out, json_t *o)
{
	const char *key;
	json_t *value;
	json_object_foreach(o, key, value)
	{
		buf_printf(out, "%s%s=", out->n ? "&" : "", key);
		if (json_is_string(value))
			url_escape(out, json_string_value(value));
		else if (json_is_real(value))
			buf_printf(out, "%.2f", json_real_value(value));
		else
			buf_printf(out, "%lld", (long long)json_integer_value(value));
	}
}

static void write_json(struct buf *out, const json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER |
					   JSON_REAL_PRECISION(REAL_DIGITS));
	if (text)
		buf_put(out, text, strlen(text));
	free(text);
}

const char *hook_form_write(struct buf *out, json_t *members, enum conf_hook_format format)
{
	bool form = format == HOOK_FORMAT_FORM;
	if (form)
		write_form(out, members);
	else
		write_json(out, members);
	return form ? "application/x-www-form-urlencoded" : "application/json";
}
