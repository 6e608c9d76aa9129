/* privileges - giving up those of root once all ports are open. Layer: main.
 *
 * Started as root with `user`, a server binds its ports and reads its keys, and then becomes that user for
 * good; of root's powers it keeps one, CAP_NET_BIND_SERVICE, since a reload may open further ports. What it
 * has to read again later has to be readable for the user (main/readable.h), which is looked at before
 * anything else. */
#pragma once
#include "conf/conf.h"

/* Before anything has started: ERR_CONFIG when a file that the configuration names cannot be read, by this
 * process or by the user that it will be, or there is no such user; the words name directive and file.
 * Warnings, such as that a server of root has no `user`, are printed. */
err privileges_check(const struct conf *conf);
/* After the ports are open and the log runs. Nothing without `user`, or when the process is not root's. */
err privileges_drop(const struct conf *conf);
