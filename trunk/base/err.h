/* err - how a function says that it failed. Layer: base.
 * A code decides, words explain: the code travels as the return value, the words are kept in
 * a trail that belongs to the running coroutine until somebody logs it. A function either
 * returns an error or logs it, never both. */
#pragma once
#include <stddef.h>

/* clang-format off */
enum [[nodiscard]] err {
	/* clang-format on */
	OK = 0,
#define X(id, slug, severity, text) ERR_##id,
#include "base/err_list.h"
#undef X
};
typedef enum err err;

enum err_severity { ERR_QUIET, ERR_PEER, ERR_LOCAL };

/* Short word for logs and the API ("timeout"); never NULL. */
const char *err_slug(err e);
/* The sentence of the table ("the peer was silent for too long"); never NULL. */
const char *err_text(err e);
enum err_severity err_severity(err e);

/* Starts a new trail with these words and returns `e`. */
err err_fail(err e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts context in front of the trail ("play live/a: …") on the way up and returns `e`. */
err err_add(err e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As err_fail, with the text of errno behind the words. */
err err_sys(err e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The words of the last err_fail, err_add or err_sys of this coroutine; if there are none, the
 * sentence of the table. Borrowed until the next of these calls. */
const char *err_trail(err e);
/* Forgets the words. */
void err_clear(void);

/* Where the trail of the running coroutine is kept; `co` installs its own provider. The slot
 * holds NULL or malloc'ed memory of ERR_TRAIL_MAX bytes, freed by the provider's owner. */
enum { ERR_TRAIL_MAX = 320 };
void err_set_trail_slot(char **(*slot)(void));

/* Returns the error of `expr`, if there is one. Only for functions that own nothing then. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		err try_e_ = (expr);                                                               \
		if (try_e_ != OK)                                                                  \
			return try_e_;                                                             \
	} while (0)
