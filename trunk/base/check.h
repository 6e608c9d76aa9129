/* check - invariants that stay in release builds. Layer: base.
 * Only for what cannot be unless this program is wrong. Nothing that a peer, a file or the
 * network can cause may ever reach a check. */
#pragma once

#define check(expr) ((expr) ? (void)0 : check_failed(__FILE__, __LINE__, #expr))

_Noreturn void check_failed(const char *file, int line, const char *expr);
/* Called once, before the abort, so that the log can be written out. */
void check_set_last_words(void (*last_words)(const char *text));
