/* metrics_text - the text format of Prometheus (0.0.4): families and their samples. Layer: api. */
#pragma once
#include "base/buf.h"
#include "base/histogram.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Escaped as it is written. */
struct metric_label {
	const char *name, *value;
};

/* HELP and TYPE; the samples of the family follow. */
void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help);
/* One sample; labels may be NULL when there are none. A value that is no number is left out. */
void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, int count,
		   double value);
/* The same with labels that were written before: for streams by the thousand, whose labels are most of the work. */
void metric_labels(struct buf *out, const struct metric_label *labels, int count);
void metric_sample_of(struct buf *out, const char *name, struct span labels, double value);
/* A family of one sample without labels. */
void metric_counter(struct buf *out, const char *name, double value, const char *help);
void metric_gauge(struct buf *out, const char *name, double value, const char *help);
/* The samples of one histogram, in seconds. */
void metric_histogram(struct buf *out, const char *name, const struct metric_label *label,
		      const struct histogram *h);
