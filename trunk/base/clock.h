/* clock - what time it is. Layer: base.
 * Everything that measures or waits uses monotonic milliseconds; wall time is for people. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_MAX = 32 };
#define CLOCK_NEVER INT64_MAX

/* Monotonic milliseconds, rounded down: whole milliseconds keep state-threads from spinning
 * through the last fraction of every timer. */
int64_t clock_ms(void);
/* The same clock in microseconds, for measuring. */
int64_t clock_us(void);
/* Milliseconds since 1970. */
int64_t clock_wall_ms(void);
/* "2026-01-31 23:59:59.123" into `out`, local time or UTC. */
void clock_text(char out[static CLOCK_TEXT_MAX], int64_t wall_ms, int utc);
/* `now + ms` that stays CLOCK_NEVER when ms is negative. */
int64_t clock_after(int64_t ms);
