/* upgrade - another binary takes over without a refused connection (SIGUSR2). Layer: main.
 *
 * The process starts the binary at the path by which it was itself started, with its listening sockets
 * (inherit.h) and one end of a channel. The new process reads its configuration, opens what is new in it, says
 * that it is ready, and serves; only then the old one gives up its ports and the pid file, and is drained: its
 * sessions go on, able clients are asked to connect anew. What is still published to the old one is relayed to
 * newcomers by the new one, over a port of the loopback interface. When the new one ends before it is ready,
 * nothing has happened.
 *
 *   new → old   "ready", "take KEY" (a publisher of that stream has come here)
 *   old → new   "former PID RTMP API", "stream KEY", "gone KEY", "listed"
 */
#pragma once
#include "main/serve.h"

/* First thing in the program: where its binary is, and the arguments to start it with again. */
void upgrade_remember(char **argv);
/* Starts a successor, in the background. */
void upgrade_begin(struct serve *serve);
/* This process was started by such a one. Reads the environment once. */
bool upgrade_is_successor(void);
/* Tells it that we are ready, and hears of its streams from then on; `on_alone` is called when it has given
 * up the pid file. Does not block. */
void upgrade_join(struct serve *serve, void (*on_alone)(struct serve *serve));
/* At the end of the process. */
void upgrade_end(void);
