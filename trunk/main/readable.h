/* readable - whether the files that a configuration names can be read. Layer: main.
 * Looked at before anything starts, so that a key which the server cannot read is no surprise at the first
 * reload. Files of blocks that are off do not matter. */
#pragma once
#include "base/err.h"
#include "conf/conf.h"

/* Tries to open them, the configuration itself included, as whoever the process is at the moment; `user` is
 * that user's name for the words of the error, "" for the one that has started the server. ERR_CONFIG names
 * the directive and the file of the first that cannot be read. */
err readable_check(const struct conf *conf, const char *user);
