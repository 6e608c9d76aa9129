#include "child/output.h"

#include <string.h>

static void put_line(struct child_output *o, bool is_progress)
{
	bool takes_place = o->is_progress && o->count > 0;
	if (!takes_place) {
		if (o->count == CHILD_LINES)
			o->first = (o->first + 1) % CHILD_LINES;
		else
			o->count++;
	}
	char *line = o->lines[(o->first + o->count - 1) % CHILD_LINES];
	memcpy(line, o->part, o->part_n);
	line[o->part_n] = '\0';
	o->part_n = 0;
	o->is_progress = is_progress;
}

/* What does not fit into a line is left out; other control characters are blanks. */
void child_output_take(struct child_output *o, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];
		if (c == '\n' || c == '\r') {
			if (o->part_n)
				put_line(o, c == '\r');
			else if (c == '\n')
				o->is_progress = false;
		} else if (o->part_n < CHILD_LINE_MAX - 1) {
			o->part[o->part_n++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
		}
	}
}

void child_output_end(struct child_output *o)
{
	if (o->part_n)
		put_line(o, false);
	o->is_progress = false;
}

const char *child_output_line(const struct child_output *o, int i)
{
	return o->lines[(o->first + i) % CHILD_LINES];
}
