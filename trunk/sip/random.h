/* random - bytes and words that nobody can guess. Layer: sip. */
#pragma once
#include "base/err.h"

enum { SIP_WORD_MAX = 33 };

/* ERR_SYSTEM when there are none. */
err sip_random(void *out, size_t n);
/* 32 hexadecimal digits: a tag, a Call-ID, what makes a branch unique. */
err sip_word(char out[static SIP_WORD_MAX]);
