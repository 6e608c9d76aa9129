/* utf8 - what of a text may be shown. Layer: base. */
#pragma once
#include <stddef.h>

/* The bytes of the character at p, of n that are there, when it can be shown anywhere: valid UTF-8, no
 * control character (C1 included), no line or paragraph separator, no mark that turns the direction of
 * what stands beside it. 0: it must not reach a terminal or a page as it is. */
size_t utf8_printable(const char *p, size_t n);
