/* gb_handover - cameras at an upgrade in place: who is registered, and where they are reached. Layer: service.
 *
 * A device that speaks UDP is reached from the port, whichever process has it: the next one takes over its
 * registration, and calls it anew when the former one has said good-bye. A device that speaks TCP stays with the
 * process that has its connection as long as it sends, since its media comes there; when it is not called any more,
 * the connection is closed, and it registers at the next one. */
#pragma once
#include "service/gb_hub.h"

/* Adds a line for the process that takes over. */
typedef void gb_tell(void *ctx, const char *word, const char *text);

/* In the process that is replaced, while it has its ports, with which the calls of devices of UDP end: tells of the
 * cameras that are the next one's ("camera …"). Does not block. */
void gb_handover_give(const struct server *server, gb_tell *tell, void *ctx);
/* It has left its ports: what else cannot go on here ends. */
void gb_handover_end(const struct server *server);
/* In the next one: what stands behind "camera". What cannot be is left out. */
void gb_handover_take(const struct server *server, const char *text);
/* A call has ended in a process that was replaced: its device goes to the next one. */
void gb_handover_release(struct gb_hub *hub, const char *device);
