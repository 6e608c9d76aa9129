#include "main/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option {
	OPTION_NONE,
	OPTION_CONFIG,
	OPTION_TEST,
	OPTION_ENV_ONLY,
	OPTION_HELP_CONFIG,
	OPTION_VERSION,
	OPTION_SIGNATURE,
	OPTION_HELP
};

static const struct {
	enum option option;
	const char *names[3];
	const char *argument;
	const char *help;
} rows[] = {
	{OPTION_CONFIG,
	 {"-c", NULL},
	 "FILE",
	 "start with this configuration (.conf, or .yaml and .yml)"},
	{OPTION_TEST,
	 {"-t", NULL},
	 NULL,
	 "check the configuration, say what is wrong with it, and exit"},
	{OPTION_ENV_ONLY,
	 {"-e", NULL},
	 NULL,
	 "take the configuration from SRS_… environment variables alone"},
	{OPTION_HELP_CONFIG,
	 {"--help-config", NULL},
	 "[PATH]",
	 "print every directive, its default and what it does"},
	{OPTION_VERSION, {"-v", "-V", "--version"}, NULL, "print the version"},
	{OPTION_SIGNATURE, {"-g", "-G", NULL}, NULL, "print the signature"},
	{OPTION_HELP, {"-h", "-?", "--help"}, NULL, "print this"},
};

void options_print_help(void)
{
	printf("A live-streaming server for clusters: origins, edges, RTMP and HTTP-FLV.\n\n"
	       "Usage: srs -c FILE\n\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char left[48];
		snprintf(left, sizeof(left), "%s%s%s", rows[i].names[0],
			 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		printf("  %-24s %s\n", left, rows[i].help);
	}
	printf("\nExamples:\n"
	       "  srs -c conf/srs.conf                    one server: publish and play\n"
	       "  srs -c conf/origin.conf                 the first of two clustered origins\n"
	       "  srs -c conf/edge.conf                   an edge in front of them\n"
	       "  srs -t -c conf/edge.conf                check a file\n"
	       "  SRS_LISTEN=1935 srs -e                  no file at all\n"
	       "  srs --help-config vhost.cluster         the directives of one block\n\n"
	       "Signals: TERM, INT stop; QUIT stops when everybody has left; HUP reads the\n"
	       "configuration again; USR1 opens the log file again.\n");
}

static bool is_one_of(const char *arg, const char *const names[3])
{
	for (int i = 0; i < 3 && names[i]; i++)
		if (strcmp(arg, names[i]) == 0)
			return true;
	return false;
}

static enum option option_of(const char *arg)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_one_of(arg, rows[i].names))
			return rows[i].option;
	return OPTION_NONE;
}

static bool read_one(struct options *o, char **argv, int argc, int *i)
{
	switch (option_of(argv[*i])) {
	case OPTION_CONFIG:
		if (*i + 1 >= argc) {
			fprintf(stderr, "srs: -c needs the name of a file\n");
			return false;
		}
		o->file = argv[++*i];
		return true;
	case OPTION_TEST:
		return o->test = true;
	case OPTION_ENV_ONLY:
		return o->env_only = true;
	case OPTION_HELP_CONFIG:
		if (*i + 1 < argc && argv[*i + 1][0] != '-')
			o->help_path = argv[++*i];
		return o->help_config = true;
	case OPTION_VERSION:
		return o->version = true;
	case OPTION_SIGNATURE:
		return o->signature = true;
	case OPTION_HELP:
		return o->help = true;
	default:
		if (argv[*i][0] != '-')
			fprintf(stderr,
				"srs: what is %s? A configuration is named by -c: srs -c %s\n",
				argv[*i], argv[*i]);
		else
			fprintf(stderr, "srs: unknown option %s; srs -h lists them all\n",
				argv[*i]);
		return false;
	}
}

bool options_read(struct options *o, int argc, char **argv)
{
	const char *env_only = getenv("SRS_ENV_ONLY");
	const char *env_file = getenv("SRS_CONFIG_FILE");
	*o = (struct options){0};
	for (int i = 1; i < argc; i++)
		if (!read_one(o, argv, argc, &i))
			return false;
	if (env_only && strcmp(env_only, "on") == 0)
		o->env_only = true;
	if (env_file && *env_file)
		o->file = env_file;
	o->help = o->help || argc == 1;
	if (argc == 1 && (o->env_only || o->file))
		o->help = false;
	if (!o->file && !o->env_only && !o->help && !o->version && !o->signature &&
	    !o->help_config) {
		fprintf(stderr, "srs: which configuration? Start it as: srs -c conf/srs.conf\n");
		return false;
	}
	return true;
}
