/* srt_handover - the SRT ports at an upgrade in place. Layer: main.
 *
 * libsrt wants a socket to itself, so each process has one of its own at the same address, and the kernel tells their
 * packets apart (net/steer.h): those with the number of a connection of the former process go there, all others come
 * to the next one. Two can share a port like this, and a third one waits: whose a socket is the kernel knows by the
 * order in which they came, and that is sure for two only. */
#pragma once
#include "main/channel.h"
#include "main/serve.h"

#include <sys/types.h>

/* In the process that is replaced, while it listens still: its successor may have the ports, and is told so ("srt FIRST
 * COUNT") as soon as no process before this one has a part in them. */
void srt_handover_give(struct serve *serve, struct channel *next);
/* The successor has gone, or its channel. */
void srt_handover_forget(void);
/* In a successor: the process before it, until whose end it has a part in the ports. */
void srt_handover_watch(struct serve *serve, pid_t former);
/* Opens the ports that the predecessor has told. */
void srt_handover_take(struct serve *serve, const char *numbers);
/* At the end of the process. */
void srt_handover_end(void);
