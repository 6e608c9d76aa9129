/* srt_hub - what all SRT sessions of a process share: the ports, the rules at their doors, who is there. Layer:
 * service. */
#pragma once
#include "net/udp.h"
#include "node/server.h"
#include "service/srt_gate.h"

enum { SRT_BACKLOG = 128 };

struct srt_hub_port;
struct srt_session;

struct srt_hub {
	struct server *server;
	struct srt_gate *gate;      /* NULL until the first port */
	struct srt_hub_port *ports; /* listened on */
	struct srt_session *sessions;
	struct map *by_id; /* the same */
	int count;
	/* since the start */
	int64_t opened, refused; /* refused: after they were connected */
	struct timer look;
	struct srt_session *looked; /* the next one to be looked at; NULL: the first one */
	struct srt_figures sum;     /* of all sessions so far, as they were last looked at */
};

struct srt_hub *srt_hub_new(struct server *server);
/* After all sessions. */
void srt_hub_free(struct srt_hub **hub) BLOCKS;

/* Takes callers at this socket, which is taken, also on failure. */
err srt_hub_listen(struct srt_hub *hub, struct udp **udp) BLOCKS;
/* Stops listening on the port; sessions live on. */
void srt_hub_unlisten(struct srt_hub *hub, int port) BLOCKS;
/* Whether another process may have the ports, too; and the numbers of the connections of this one, so that packets
 * reach whom they are for (net/steer.h). */
void srt_hub_share(struct srt_hub *hub, bool on);
void srt_hub_numbers(const struct srt_hub *hub, struct steer_range *out);
/* The server has another configuration: it is that of callers from now on. */
void srt_hub_reload(struct srt_hub *hub);
/* Packets of all sessions since the start, those that are there included: as they were two seconds ago at most. */
void srt_hub_figures(const struct srt_hub *hub, struct srt_figures *out);
/* A session begins: it has its id; and ends: it is looked at no more. */
void srt_hub_enter(struct srt_hub *hub, struct srt_session *session);
void srt_hub_leave(struct srt_hub *hub, struct srt_session *session);
/* Asks what the line of a session is like now, into its `figures` and the sums. */
void srt_hub_look(struct srt_hub *hub, struct srt_session *session);
/* The n-th port that is listened on; 0: there are no more. */
int srt_hub_port(const struct srt_hub *hub, int n);
