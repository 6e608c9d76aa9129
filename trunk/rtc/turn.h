/* turn - credentials of TURN servers that are good for a time (a shared secret makes and checks them). Layer: rtc. */
#pragma once
#include "base/err.h"

#include <stdint.h>

enum { TURN_NAME_MAX = 64, TURN_CREDENTIAL_MAX = 32 };

struct turn_words {
	char name[TURN_NAME_MAX]; /* "END:WHO" */
	char credential[TURN_CREDENTIAL_MAX];
};

/* Good until `end_s`, seconds of the wall clock; `who` is cut to fit. ERR_SYSTEM. */
err turn_words_make(struct turn_words *out, const char *secret, const char *who, int64_t end_s);
