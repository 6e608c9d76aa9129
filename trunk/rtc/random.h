/* random - bytes that nobody can guess. Layer: rtc. */
#pragma once
#include "base/err.h"

/* ERR_SYSTEM when there are none. */
err rtc_random(void *out, size_t n);
