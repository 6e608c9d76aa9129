#include "base/clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_after(int64_t ms)
{
	return ms < 0 || ms == CLOCK_NEVER ? CLOCK_NEVER : clock_ms() + ms;
}

void clock_text(char out[static CLOCK_TEXT_MAX], int64_t wall_ms, int utc)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	if (utc)
		gmtime_r(&seconds, &tm);
	else
		localtime_r(&seconds, &tm);
	size_t n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03d", (int)(wall_ms % 1000));
}
