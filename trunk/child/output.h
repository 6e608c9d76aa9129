/* output - the last lines of what a program says. Layer: child, for child.c only. */
#pragma once
#include "child/child.h"

/* Zeroed memory is empty. */
struct child_output {
	char lines[CHILD_LINES][CHILD_LINE_MAX];
	int first, count;
	char part[CHILD_LINE_MAX]; /* of the line that is being written */
	size_t part_n;
	bool is_progress; /* the newest line was ended by a carriage return: the next one takes its place */
};

void child_output_take(struct child_output *o, const char *bytes, size_t n);
/* The program has ended: what it has begun is a line. */
void child_output_end(struct child_output *o);
/* From the oldest on. Borrowed. */
const char *child_output_line(const struct child_output *o, int i);
