/* hooks - asks the web services of a vhost whether a client may go on, and tells them when it has left.
 * Layer: session. Events, bodies and answers are those of SRS (http_hooks); that a service gives no
 * answer is dealt with as the configuration says, event by event.
 *
 * Servers of the cluster are not asked about: those that are signed or whose address is listed in
 * cluster.relays. Whatever else says that it is a relay is a player or an encoder here. */
#pragma once
#include "node/hook_queue.h"
#include "session/outcome.h"
#include "session/request.h"

enum hook_event {
	HOOK_ON_CONNECT,
	HOOK_ON_CLOSE,
	HOOK_ON_PUBLISH,
	HOOK_ON_UNPUBLISH,
	HOOK_ON_PLAY,
	HOOK_ON_STOP,
	HOOK_EVENTS,
};

/* Made at the start of a process, before clients come: the notices of publications and plays follow from
 * clients that leave. They wait in server->hook_queue. hooks_free() when all sessions have ended; NULL is
 * fine; clears. */
struct hooks *hooks_new(struct server *server);
void hooks_free(struct hooks **hooks);
struct hook_queue_facts hooks_facts(const struct hooks *hooks);

/* There are services that would be asked. */
bool hooks_decide(const struct request *request, enum hook_event event);
/* OK: all services of that event agree, or there are none. Otherwise the outcome says why not, in the
 * service's words where it has some; ERR_STOPPED when the caller is being stopped. */
err hooks_ask(const struct request *request, enum hook_event event, struct outcome *outcome) BLOCKS;
/* Tells the services of that event, later and in the background. `traffic` is of the connection, for
 * HOOK_ON_CLOSE; NULL for others. */
void hooks_tell(const struct request *request, enum hook_event event,
		const struct traffic *traffic);
