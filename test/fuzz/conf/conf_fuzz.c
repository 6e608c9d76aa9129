/* Any bytes as a configuration file: from the text to a snapshot. An include is refused, so that
 * no input reads files. */
#include "conf/load.h"
#include "conf/parse.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf *conf;
	struct conf_report report;

	conf_report_init(&report);
	struct conf_tree *root = parse_memory("fuzz.conf", span_of(data, n), true, &report);
	err e = load_tree(&conf, root, "fuzz.conf", &report);
	if ((e == OK) != (conf != NULL))
		__builtin_trap();
	conf_unref(&conf);
	conf_report_fini(&report);
	return 0;
}
