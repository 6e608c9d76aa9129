/* live_output - what a live stream is over HTTP, by the ending of its URL. Layer: service. */
#pragma once
#include "live/wire_format.h"

struct live_output {
	const char *ending;
	const char *type; /* media type */
	const struct wire_format *format;
	bool is_flv;      /* begins with a header that says which kinds there are */
	struct span head; /* in front of everything; empty */
};

/* The output that the path of a request asks for; FLV for all endings that are not known. */
const struct live_output *live_output_of(const char *path);
