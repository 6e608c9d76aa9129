/* access_log - one line at the end of each session: who, what, how long, how much, why it ended. Layer: node. An
 * observer of clients; those that were refused or sent elsewhere have a line, too. */
#pragma once
#include "node/stat.h"

struct access_log {
	struct stats *stat; /* NULL: it does not write */
	bool json;
	struct client_observer observer;
};

/* Nothing is observed when the log has no such file (log_has_access()). */
void access_log_init(struct access_log *log, struct stats *stat, bool json);
void access_log_fini(struct access_log *log);
/* The line of a client, with its end. */
void access_log_write(struct buf *out, const struct client *client, bool json);
