/* upgrade - another binary takes over without a refused connection (SIGUSR2). Layer: main.
 *
 * The process starts the binary at the path by which it was itself started, with its listening sockets
 * (successor.h) and one end of a channel. The new process reads its configuration, opens what is new in it, says
 * that it is ready, and serves; only then the old one gives up its ports and the pid file, and is drained: its
 * sessions go on, able clients are asked to connect anew. What is still published to the old one is relayed to
 * newcomers by the new one, over a port of the loopback interface. When the new one ends before it is ready,
 * nothing has happened.
 *
 * The UDP port of WebRTC is handed over by the same token: see service/rtc_sharing.h; those of SRT: srt_handover.h.
 *
 *   new → old   "shares" (the WebRTC port was taken), "ready", "take KEY" (a publisher of that stream has come here),
 *               "key KEY" (a WebRTC player needs a key frame of that stream), "handed" (this one is replaced itself)
 *   old → new   "former PID RTMP API", "stream KEY", "rtc KEY" (its publisher is one by WebRTC), "gone KEY", "listed",
 *               "srt FIRST COUNT" (its SRT ports may be shared; the numbers of its connections there)
 */
#pragma once
#include "main/serve.h"

/* Starts a successor, in the background. Does not block. */
void upgrade_begin(struct serve *serve);
/* Hands over to a successor that has said that it is ready. In the coroutine that reloads, drains and stops, since all
 * of these change what is listened on. */
void upgrade_step(void) BLOCKS;
/* In a successor: tells the process before it that we are ready, and hears of its streams from then on; `on_alone` is
 * called when it has given up the pid file. Does not block. */
void upgrade_join(struct serve *serve, void (*on_alone)(struct serve *serve));
/* At the end of the process. A successor that has not taken over ends, too. */
void upgrade_end(void) BLOCKS;
