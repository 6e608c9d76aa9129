/* process - what a server does to its process: daemon, pid file, working directory. Layer: main.
 * All of it happens before the first coroutine. */
#pragma once
#include "base/err.h"
#include "conf/conf.h"

/* Goes to work_dir. */
err process_enter(const struct conf *conf);
/* As a daemon: forks; the first process waits for process_ready() or the end of the second, and
 * exits with 0 or what it said. Returns in the process that serves. */
err process_daemonise(void);
/* The server serves: lets the waiting process exit. */
void process_ready(void);
/* The server cannot start; passes the sentence to the waiting process, or prints it. */
void process_failed(const char *sentence);
/* Writes and locks the pid file; "" is none. The words of ERR_BUSY name the process that holds it. */
err process_lock(const char *path);
/* Gives the pid file to another process, which locks it. */
void process_release(void);
/* Removes the pid file that process_lock() made. */
void process_unlock(void);
