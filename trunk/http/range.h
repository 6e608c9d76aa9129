/* range - the Range header of a request for a file. Layer: http. */
#pragma once
#include <stdint.h>

enum http_range { HTTP_RANGE_NONE, HTTP_RANGE_ONE, HTTP_RANGE_UNSATISFIABLE };

/* "bytes=a-b", "bytes=a-" or "bytes=-n" of something with `size` bytes: first and last byte.
 * Anything else, several ranges included, is NONE: then the whole is sent, as is allowed. */
enum http_range http_range_parse(const char *text, int64_t size, int64_t *from, int64_t *to);
