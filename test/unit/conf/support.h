/* support - loading texts in tests. Layer: test. */
#pragma once
#include "conf/conf.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Variables of whoever runs the tests must not decide how they end. */
static inline int clear_environment(void **state)
{
	(void)state;
	static char name[256];
	for (char **var = environ; var && *var;) {
		if (strncmp(*var, "SRS_", 4) != 0) {
			var++;
			continue;
		}
		size_t n = strcspn(*var, "=");
		if (n >= sizeof(name))
			return -1;
		memcpy(name, *var, n);
		name[n] = '\0';
		unsetenv(name);
		var = environ;
	}
	return 0;
}

struct loaded {
	struct conf *conf; /* NULL when there was an error */
	struct conf_report report;
	const char *errors, *warnings;
};

static inline struct loaded loaded_of(struct loaded l, err e)
{
	l.errors = buf_text(&l.report.errors);
	l.warnings = buf_text(&l.report.warnings);
	assert_int_equal(e, *l.errors ? ERR_CONFIG : OK);
	assert_int_equal(e == OK, l.conf != NULL);
	return l;
}

static inline struct loaded load_text(const char *name, const char *text)
{
	struct loaded l = {};
	conf_report_init(&l.report);
	err e = conf_load_text(&l.conf, name, text, &l.report);
	return loaded_of(l, e);
}

static inline struct loaded load_file(const char *file)
{
	struct loaded l = {};
	conf_report_init(&l.report);
	err e = conf_load(&l.conf, file, &l.report);
	return loaded_of(l, e);
}

static inline void unload(struct loaded *l)
{
	conf_unref(&l->conf);
	conf_report_fini(&l->report);
}

/* `part` is "" for: there must be nothing at all. */
static inline void assert_says(const char *text, const char *part, const char *what)
{
	if (*part ? !strstr(text, part) : *text)
		fail_msg("%s: expected \"%s\" in:\n%s", what, part, text);
}
