/* hook_form - how the members of a hook's body are written. Layer: node. */
#pragma once
#include "conf/conf.h"
#include "node/json.h"

/* In their order, at the end of the buffer. Returns the content type, a literal. */
const char *hook_form_write(struct buf *out, json_t *members, enum conf_hook_format format);
