/* value - between the words of a directive and the member that holds them. Layer: conf. */
#pragma once
#include "base/buf.h"
#include "conf/schema.h"

enum { VALUE_WHY_MAX = 256 };

/* Sets the row's member of `base` (struct conf or struct conf_vhost). When the words do not fit,
 * nothing is changed, `why` becomes the end of a sentence ("expects on or off, not 'yes'") and
 * the result is false. */
bool value_set(void *base, const struct row *row, const struct text_list *words,
	       char why[static VALUE_WHY_MAX]);
/* Sets the default; nothing when the row has none. */
void value_set_default(void *base, const struct row *row);
/* The member of one snapshot into another. */
void value_copy(void *to, const struct row *row, const void *from);
/* The member as one would write it; nothing when it is unset. */
void value_text(struct buf *out, const struct row *row, const void *base);
/* Each text of a row that holds texts. */
void value_each(const void *base, const struct row *row, void (*each)(const char *text, void *ctx),
		void *ctx);
void value_fini(void *base, const struct row *row);
/* What the row accepts, for help: "on | off", "0 .. 64". Nothing for free text. */
void value_range_text(struct buf *out, const struct row *row);

/* Checks of single words for the table: NULL, or what was expected. */
const char *value_check_endpoint(const char *word); /* [ip:]port */
const char *value_check_hostport(const char *word); /* host[:port] */
const char *value_check_ice_server(const char *word);
const char *value_check_ipport(const char *word); /* ip[:port] */
/* "https://host[:port]", as browsers write the origin of a page. */
const char *value_check_origin(const char *word);
const char *value_check_network(const char *word); /* ip or ip/bits */
const char *value_check_mount(const char *word);
const char *value_check_user(const char *rule);
const char *value_check_rule(const char *rule); /* "publish|play all|ip|ip/bits" */
const char *value_check_url(const char *word);  /* http[s]://host[:port]/path */
/* host[:port], rtmp[s]://host[:port], or with /app/stream behind it */
const char *value_check_destination(const char *word);
