#include "api/metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MS = 1000 };

void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* Samples are many, so none of this is printf's. */
static void put_text(struct buf *out, const char *text)
{
	buf_put(out, text, strlen(text));
}

static void put_escaped(struct buf *out, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, "\n\\\"");
		buf_put(out, text, n);
		text += n;
		if (!*text)
			return;
		buf_u8(out, '\\');
		buf_u8(out, *text == '\n' ? 'n' : (uint8_t)*text);
		text++;
	}
}

void metric_labels(struct buf *out, const struct metric_label *labels, int count)
{
	for (int i = 0; i < count; i++) {
		buf_u8(out, i ? ',' : '{');
		put_text(out, labels[i].name);
		put_text(out, "=\"");
		put_escaped(out, labels[i].value);
		buf_u8(out, '"');
	}
	if (count)
		buf_u8(out, '}');
}

static void put_integer(struct buf *out, uint64_t n)
{
	char digits[24], *at = digits + sizeof(digits);
	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	buf_put(out, at, (size_t)(digits + sizeof(digits) - at));
}

/* What was counted in milliseconds, in seconds. */
static void put_thousandths(struct buf *out, uint64_t n)
{
	char digits[] = {'.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10),
			 (char)('0' + n % 10)};
	size_t count = sizeof(digits);
	while (digits[count - 1] == '0')
		count--;
	put_integer(out, n / MS);
	buf_put(out, digits, count);
}

/* Counters stay exact: an integer is written as one. */
static void put_value(struct buf *out, double value)
{
	buf_u8(out, ' ');
	if (value >= 0 && value < 9e15 && value == floor(value))
		put_integer(out, (uint64_t)value);
	else if (value >= 0 && value < 9e12 && value == round(value * MS) / MS)
		put_thousandths(out, (uint64_t)round(value * MS));
	else
		buf_printf(out, "%.15g", value);
	buf_u8(out, '\n');
}

void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, int count,
		   double value)
{
	if (isnan(value))
		return;
	put_text(out, name);
	metric_labels(out, labels, count);
	put_value(out, value);
}

void metric_sample_of(struct buf *out, const char *name, struct span labels, double value)
{
	if (isnan(value))
		return;
	put_text(out, name);
	buf_put(out, labels.p, labels.n);
	put_value(out, value);
}

void metric_counter(struct buf *out, const char *name, double value, const char *help)
{
	metric_family(out, name, METRIC_COUNTER, help);
	metric_sample(out, name, NULL, 0, value);
}

void metric_gauge(struct buf *out, const char *name, double value, const char *help)
{
	metric_family(out, name, METRIC_GAUGE, help);
	metric_sample(out, name, NULL, 0, value);
}

static void put_bucket(struct buf *out, const char *name, const struct metric_label *label,
		       const char *bound, uint64_t n)
{
	struct metric_label labels[2] = {{"le", bound}};
	char full[128];
	if (label)
		labels[1] = *label;
	snprintf(full, sizeof(full), "%s_bucket", name);
	metric_sample(out, full, labels, label ? 2 : 1, (double)n);
}

void metric_histogram(struct buf *out, const char *name, const struct metric_label *label,
		      const struct histogram *h)
{
	uint64_t n = 0;
	char text[128];
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		n += h->counts[i];
		snprintf(text, sizeof(text), "%g", (double)histogram_bounds[i] / MS);
		put_bucket(out, name, label, text, n);
	}
	n += h->counts[HISTOGRAM_BOUNDS];
	put_bucket(out, name, label, "+Inf", n);
	snprintf(text, sizeof(text), "%s_sum", name);
	metric_sample(out, text, label, label ? 1 : 0, (double)h->sum_ms / MS);
	snprintf(text, sizeof(text), "%s_count", name);
	metric_sample(out, text, label, label ? 1 : 0, (double)n);
}
