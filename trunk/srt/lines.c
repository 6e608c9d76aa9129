#include "srt/lines.h"
#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { LINES = 16, LINE_BYTES = 200, PERIOD_MS = 10000 };

static struct {
	pthread_mutex_t lock;
	char text[LINES][LINE_BYTES];
	int count;    /* of this period */
	int told;     /* of them */
	int left_out; /* of this period */
	int64_t since_ms;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

void lines_put(void *ctx, int level, const char *file, int line, const char *area, const char *text)
{
	(void)ctx;
	(void)level;
	(void)file;
	(void)line;
	(void)area;
	pthread_mutex_lock(&queue.lock);
	if (queue.count < LINES)
		snprintf(queue.text[queue.count++], LINE_BYTES, "%s", text);
	else
		queue.left_out++;
	pthread_mutex_unlock(&queue.lock);
}

/* A period ends when it is looked at after its time: what was left out is told then. */
static int end_period(void)
{
	int left_out = queue.left_out;
	if (clock_ms() - queue.since_ms < PERIOD_MS)
		return 0;
	queue.since_ms = clock_ms();
	queue.count = queue.told = queue.left_out = 0;
	return left_out;
}

void lines_tell(void)
{
	char text[LINE_BYTES];
	pthread_mutex_lock(&queue.lock);
	while (queue.told < queue.count) {
		snprintf(text, sizeof(text), "%s", queue.text[queue.told++]);
		log_warn("libsrt: %s", log_quote(text));
	}
	int left_out = end_period();
	pthread_mutex_unlock(&queue.lock);
	if (left_out)
		log_warn("libsrt: %d more lines were left out", left_out);
}
