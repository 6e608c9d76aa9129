/* server_id - the name of a server that is the same over restarts. Layer: main. */
#pragma once
#include "conf/conf.h"

/* The directive; else the text of the file beside the pid file, which is made if it is not there; else
 * a fresh one. malloc'ed, the caller's. A file that cannot be written is a warning. */
char *server_id_get(const struct conf *conf);
