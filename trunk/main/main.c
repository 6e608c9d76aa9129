/* Starts and ends the server. In order: the command line, the configuration (all of it is checked
 * before anything else happens), the process, coroutines, listeners; then signals until the end. */
#include "main/main.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "co/co.h"
#include "main/drainage.h"
#include "main/notify.h"
#include "main/options.h"
#include "main/privileges.h"
#include "main/process.h"
#include "main/serve.h"
#include "main/signals.h"
#include "main/successor.h"
#include "main/upgrade.h"
#include "net/tls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { REASON_MAX = 4096 };

static struct serve serve;
static struct inherit inherit;
static struct options options;
static bool is_successor;

/* Calls `each` with every line of the text. */
static void each_line(struct buf *text, void (*each)(const char *line, int n, const void *ctx),
		      const void *ctx)
{
	const char *p = buf_text(text);
	while (*p) {
		size_t n = strcspn(p, "\n");
		each(p, (int)n, ctx);
		p += n + (p[n] == '\n');
	}
}

static void print_line(const char *line, int n, const void *prefix)
{
	fprintf(stderr, "srs: %s%.*s\n", (const char *)prefix, n, line);
}

static void print_lines(struct buf *text, const char *prefix)
{
	each_line(text, print_line, prefix);
}

/* Prints what the report holds; OK when the configuration can be used. */
static err load(struct conf **conf)
{
	struct conf_report report;
	conf_report_init(&report);
	err e = conf_load(conf, options.env_only ? NULL : options.file, &report);
	print_lines(&report.warnings, "warning: ");
	print_lines(&report.errors, "");
	conf_report_fini(&report);
	return e;
}

static int print_config_help(void)
{
	struct buf out = {.max = 4 << 20};
	err e = conf_help(&out, options.help_path);
	fprintf(e ? stderr : stdout, "%s", buf_text(&out));
	int status = e ? 1 : 0;
	buf_free(&out);
	return status;
}

/* ---- reload ---- */

static void log_one(const char *line, int n, const void *level)
{
	log_line(*(const enum log_level *)level, "%.*s", n, line);
}

static void log_lines(struct buf *text, enum log_level level)
{
	each_line(text, log_one, &level);
}

/* OK, or nothing has changed: an address cannot be listened on. */
static err use(struct conf *conf)
{
	struct buf diff = {.max = 1 << 20};
	bool restart = false;
	conf_diff(&diff, serve.server.conf, conf, &restart);
	conf_keep(conf, serve.server.conf);
	err e = serve_set_conf(&serve, conf);
	if (e) {
	} else {
		log_lines(&diff, LOG_INFO);
		log_set_level((enum log_level)conf->srs_log_level);
		log_info("the new configuration is in use%s",
			 restart ? "; some of it only after a restart" : "");
	}
	buf_free(&diff);
	return e;
}

/* Takes the text. */
static void keep_result(struct reload_result *result, err code, char *why)
{
	result->count++;
	result->code = code;
	free(result->why);
	result->why = why;
}

/* A bad file changes nothing; a good one is for new sessions at once, and what needs a restart is
 * named. */
static void reload(void)
{
	struct conf *conf = NULL;
	struct conf_report report;
	conf_report_init(&report);
	log_info("reading the configuration again");
	notify_reloading();
	err e = conf_load(&conf, options.env_only ? NULL : options.file, &report);
	log_lines(&report.warnings, LOG_WARN);
	log_lines(&report.errors, LOG_ERROR);
	char *why = e ? mem_printf("%.*s", REASON_MAX, buf_text(&report.errors)) : NULL;
	if (!e && (e = use(conf)) != OK) {
		log_error("%s", err_trail(e));
		why = mem_strdup(err_trail(e));
	}
	if (e)
		log_error("the configuration cannot be used; the one in use stays");
	keep_result(&serve.server.reload, e, why);
	conf_unref(&conf);
	conf_report_fini(&report);
	notify_ready();
	serve_keep_sockets(&serve);
}

/* ---- running ---- */

static void on_reload(struct server *s)
{
	(void)s;
	raise(SIGHUP);
}

static void on_drain(struct server *s)
{
	(void)s;
	drainage_take_wish(&serve);
	signals_poke();
}

static bool is_graceful(int number)
{
	bool first = serve.server.drain.state == DRAIN_OFF;
	return first &&
	       (number == SIGQUIT || (number == SIGTERM && serve.server.conf->force_grace_quit));
}

/* False: the server ends. A second signal to end does not wait for those who are left. */
static bool handle(int number)
{
	static const char *const names[] = {
		[SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGTERM] = "SIGTERM"};
	if (number == SIGHUP) {
		reload();
	} else if (number == SIGUSR1) {
		log_reopen();
	} else if (number == SIGUSR2) {
		upgrade_begin(&serve);
	} else if (is_graceful(number)) {
		drainage_begin(&serve, -1);
	} else if (number != 0) {
		log_say("stopping (%s)", names[number]);
		return false;
	}
	return true;
}

static void handle_signals(void)
{
	for (;;) {
		int number = 0;
		err e = signals_wait(&number, drainage_due(&serve));
		if (e == OK && !handle(number))
			return;
		if (e && e != ERR_TIMEOUT)
			return;
		upgrade_step();
		if (drainage_step(&serve)) {
			log_say("stopping: the last client has left");
			return;
		}
	}
}

static void put_service(char *line, size_t cap, const char *name, bool enabled, const char *where)
{
	if (enabled)
		snprintf(line + strlen(line), cap - strlen(line), ", %s %s", name, where);
}

static void announce(const struct conf *conf)
{
	char listen[512] = "";
	for (int i = 0; i < conf->listen.count; i++)
		snprintf(listen + strlen(listen), sizeof(listen) - strlen(listen), " %s",
			 conf->listen.v[i]);
	for (int i = 0; conf->rtmps.enabled && i < conf->rtmps.listen.count; i++)
		put_service(listen, sizeof(listen), "RTMPS", true, conf->rtmps.listen.v[i]);
	put_service(listen, sizeof(listen), "HTTP", conf->http_server.enabled,
		    conf->http_server.listen);
	put_service(listen, sizeof(listen), "HTTPS",
		    conf->http_server.enabled && conf->http_server.https.enabled,
		    conf->http_server.https.listen);
	put_service(listen, sizeof(listen), "API", conf->http_api.enabled, conf->http_api.listen);
	put_service(listen, sizeof(listen), "API over HTTPS",
		    conf->http_api.enabled && conf->http_api.https.enabled,
		    conf->http_api.https.listen);
	log_say("%s: RTMP%s", conf_is_edge(conf) ? "edge" : "origin", listen);
}

static err start_log(const struct conf *conf)
{
	bool console = conf->srs_log_tank == LOG_TANK_CONSOLE;
	err e = log_start(&(struct log_opts){
		.level = (enum log_level)conf->srs_log_level,
		.format = (enum log_format)conf->srs_log_format,
		.access = conf->access_log.enabled ? conf->access_log.file : NULL,
		.path = console ? NULL : conf->srs_log_file,
		.utc = conf->utc_time,
		.echo = !conf->daemon,
	});
	return e ? err_add(e, "`srs_log_file` (SRS_SRS_LOG_FILE) or `access_log`") : OK;
}

static err start(struct conf *conf)
{
	TRY(process_enter(conf));
	/* A successor is a daemon as the process before it is, which still has the pid file. */
	if (conf->daemon && !is_successor)
		TRY(process_daemonise());
	if (!is_successor)
		TRY(process_lock(conf->pid));
	TRY(start_log(conf));
	log_say("version %s (%s, %s), %s, pid %d, %s", version_number, version_commit, version_date,
		SERVER_NAME, (int)getpid(), *conf->file ? conf->file : "configured by environment");
	TRY(co_init());
	TRY(signals_init());
	serve.server.on_reload = on_reload;
	serve.server.on_drain = on_drain;
	if (is_successor)
		serve.server.former.state = GENERATION_EXPECTED;
	TRY(serve_start(&serve, conf, &inherit));
	err e = privileges_drop(conf);
	if (e)
		serve_stop(&serve);
	return e;
}

static void on_alone(struct serve *s)
{
	err e = process_lock(s->server.conf->pid);
	if (e)
		log_error("the pid file is not ours: %s", err_trail(e));
	notify_ready();
	serve_keep_sockets(s);
}

static int run(struct conf *conf)
{
	err e = start(conf);
	if (e) {
		log_stop();
		process_failed(err_trail(e));
		process_unlock();
		return 1;
	}
	announce(conf);
	process_ready();
	notify_begin();
	if (is_successor) {
		upgrade_join(&serve, on_alone);
	} else {
		notify_ready();
		serve_keep_sockets(&serve);
	}
	handle_signals();
	notify_stopping();
	upgrade_end();
	serve_stop(&serve);
	notify_end();
	signals_fini();
	co_fini();
	log_stop();
	process_unlock();
	return 0;
}

/* Waits after failures are spread by random(): servers that start together must not have the same ones. */
static void seed_random(void)
{
	unsigned seed;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (unsigned)clock_us() ^ (unsigned)getpid();
	srandom(seed);
}

int srs_main(int argc, char **argv)
{
	mem_tune();
	seed_random();
	successor_remember(argv);
	struct conf *conf = NULL;
	tls_memory_init();
	is_successor = successor_is_one();
	inherit_read(&inherit);
	successor_inherit(&inherit);
	if (!options_read(&options, argc, argv))
		return 1;
	if (options.help)
		options_print_help();
	if (options.version)
		printf("%s (%s, %s), compatible with SRS %s\n", version_number, version_commit,
		       version_date, SRS_VERSION);
	if (options.signature)
		printf("%s\n", SERVER_NAME);
	if (options.help || options.version || options.signature)
		return 0;
	if (options.help_config)
		return print_config_help();
	if (load(&conf) != OK)
		return 1;
	int status = 0;
	err e = privileges_check(conf);
	if (e) {
		fprintf(stderr, "srs: %s\n", err_trail(e));
		status = 1;
	} else if (options.test)
		printf("%s: the configuration is fine\n", *conf->file ? conf->file : "environment");
	else
		status = run(conf);
	conf_unref(&conf);
	return status;
}
