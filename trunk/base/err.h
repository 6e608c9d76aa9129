/* err - how a function says that it failed. Layer: base.
 * A code decides, words explain: the code travels as the return value, the words are kept with their
 * code in a trail that belongs to the running coroutine. The words are shown for their own code only, so
 * an error that nobody looks at needs no clearing: `(void)f()` is enough. A function either returns an
 * error or logs it, never both. */
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

/* Returns `e`, which from here on has the sentence of the table and no other words: for functions whose
 * code says all there is (co_wait: ERR_TIMEOUT), since words of an earlier error may have the same code. */
err err_plain(err e);

/* The words of the last err_fail, err_add or err_sys of this coroutine if they are of `e`, else the
 * sentence of the table. Borrowed until the next of these calls, of which it may be an argument. */
const char *err_trail(err e);

/* Where the trail of the running coroutine is kept; `co` installs its own provider. The slot
 * holds NULL or malloc'ed memory, freed by the provider's owner. */
enum { ERR_WORDS_MAX = 320 };
struct err_trail {
	err code; /* OK: no words */
	char words[ERR_WORDS_MAX];
};
void err_set_trail_slot(struct err_trail **(*slot)(void));

/* Returns the error of `expr`, if there is one. Only for functions that own nothing then. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		err try_e_ = (expr);                                                               \
		if (try_e_ != OK)                                                                  \
			return try_e_;                                                             \
	} while (0)
