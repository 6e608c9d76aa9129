/* options - the command line. Layer: main. */
#pragma once
#include <stdbool.h>

struct options {
	const char *file; /* -c, or SRS_CONFIG_FILE */
	bool env_only;    /* -e, or SRS_ENV_ONLY=on */
	bool test;        /* -t */
	bool help, version, signature;
	bool help_config;      /* --help-config [path] */
	const char *help_path; /* NULL: all */
};

/* False after having said what is wrong with the command line. */
bool options_read(struct options *o, int argc, char **argv);
void options_print_help(void);
