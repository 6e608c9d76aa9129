/* Any text as a stream id: what is taken names a stream that may be named so, and can be read again from its
 * parameters. */
#include "base/check.h"
#include "srt/stream_id.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct stream_id_defaults defaults = {.stream_id = "#!::r=live/livestream",
							   .app = "live"};
	char text[2 * STREAM_ID_BYTES];
	struct stream_id id;
	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	enum stream_id_fault fault = stream_id_parse(&id, text, &defaults);
	check(fault < STREAM_ID_FAULTS && stream_id_fault_text(fault));
	if (fault)
		return 0;
	check(*id.app && *id.stream && !strstr(id.stream, "//") && !strchr(id.app, '/'));
	check(strcmp(id.stream, "..") != 0 && strcmp(id.app, "..") != 0);
	for (const char *c = id.query; *c; c++)
		check((unsigned char)*c > ' ' && (unsigned char)*c < 0x7f);
	return 0;
}
