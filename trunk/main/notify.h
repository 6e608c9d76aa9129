/* notify - tells a service manager how the server is, as systemd has it (sd_notify(3): NOTIFY_SOCKET). Layer: main.
 *
 * Without such a manager nothing happens. Only the process that the manager takes for the service says something: at
 * an upgrade in place the former one names the next one, and is silent from then on. The manager also keeps copies of
 * the listening sockets, if it is told to (FileDescriptorStoreMax=): after a crash or a restart they come back as
 * those of socket activation do (inherit.h), and clients have waited at them. */
#pragma once
#include <sys/types.h>

/* Reads the environment, and leaves it as it is for a successor. */
void notify_begin(void);
/* It serves: at its start, after a reload, and when it has taken over. Begins to feed the watchdog, if there is one. */
void notify_ready(void);
/* A reload begins; notify_ready() ends it, also when it has failed. */
void notify_reloading(void);
/* It ends, as somebody wants it. */
void notify_stopping(void);
/* The next process is the service from now on. */
void notify_handed_over(pid_t next);
/* These listening sockets are to be kept instead of those before; none: when others shall have their clients. */
void notify_store(const int *fds, int count);
/* At the end of the process. */
void notify_end(void);
