/* json - the one place that includes jansson; small helpers around it. Layer: node. */
#pragma once
#include "base/span.h"
#include <jansson.h>

enum { JSON_NESTING_MAX = 100 };

/* What another server sent, as a value; NULL when it is not JSON. The parser recurses: what nests
 * deeper than JSON_NESTING_MAX is refused before it could use up a coroutine's stack. */
json_t *json_read(struct span text);
