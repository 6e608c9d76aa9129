/* announce - what servers say about themselves when they connect to each other. Layer: cluster.
 *
 * A relay names its process and the port of its API in the second object of connect (srs_node,
 * srs_api); an origin answers in kind. The address is the one that the connection has: nobody can
 * have us ask a third one.
 *
 * With a secret in the cluster, what a relay says counts only when it is signed. The answer to
 * connect has told it for whom to sign, so the signature comes with play or publish, in the place
 * of the command object that others leave empty, and costs no round trip. */
#pragma once
#include "codec/amf0.h"
#include "live/source.h"
#include "net/addr.h"
#include "node/server.h"
#include "node/sign.h"
#include "rtmp/client.h"
#include "rtmp/command.h"

enum { RUN_ID_MAX = 40, CLAIM_PLAYERS_MAX = 100000 };

struct announce {
	char node[SIGN_ID_MAX];  /* "" when it does not say */
	struct client_hop hop;   /* for whom it asks */
	char api[ADDR_TEXT_MAX]; /* "ip:port"; "" when it has none, or is not believed */
	int64_t had_until;       /* as announce_had_until() */
	bool is_proven;          /* by its signature */
	bool has_report;         /* how many players it has, and those behind it */
	int64_t players;         /* of one that is not proven, at most CLAIM_PLAYERS_MAX */
};

/* The port of this server's own API; 0 when it has none. */
int announce_port(const struct server *server);
/* Into the arguments of a connect. */
void announce_put(struct amf *args, const struct server *server);
/* What a relay says of itself and of whom it asks for; a text that is no id is none. */
void announce_hop(struct client_hop *hop, const char *relay, const char *trace);
/* A relay that has had the stream from another server says how long ago its last frame came. From this moment on
 * (monotonic) it lacks what comes, to be on the safe side; 0: it says nothing, or nothing of use. */
int64_t announce_had_until(double ago_ms);
/* Out of the arguments of a relay at that address. */
void announce_read(struct announce *out, const struct amf *args, const struct addr *peer);
/* The address of the API of an origin that was reached at that address, by what it has said. */
void announce_api(char out[static ADDR_TEXT_MAX], const struct rtmp_peer *said,
		  const struct addr *peer);

/* ---- players ---- */

/* The report of a relay on its connection: how many players have the stream from it. An edge need not
 * have an API for the cluster to know its viewers. */
struct viewer_report {
	bool has_report;
	int64_t players, told_ms;
};
/* Tells the server at the other end, if it asks for that and there is news; once a second. */
void announce_players(struct viewer_report *t, struct rtmp_conn *conn, const struct rtmp_peer *peer,
		      const struct source *source);
/* Takes a command that is such a telling; false: it is something else. */
bool announce_take_players(struct announce *a, const struct command *command);

/* ---- the stream ---- */

/* The report of a server to a relay about the stream that it plays, before its media: of which run of
 * its publisher the media is, so that one that starts anew with the same content is not taken for the
 * stream before; and since when it has no media itself, so that waiting does not add up from level to
 * level. Over RTMP a command, over HTTP two lines of the head. */
struct stream_report {
	char run[RUN_ID_MAX]; /* "" when it is not known */
	int64_t lost_ms;      /* monotonic; 0: there is media */
	int absent_at; /* the stream is nowhere, as so many servers say; 0: unknown to how many */
};
/* By which a relay over HTTP says that it is one: the servers that the request has come by. */
#define ANNOUNCE_PATH_HEADER "X-SRS-Path"
#define ANNOUNCE_RESUME_HEADER "X-SRS-Resume"
#define ANNOUNCE_RUN_HEADER "X-SRS-Run"
#define ANNOUNCE_LOST_HEADER "X-SRS-Lost"
#define ANNOUNCE_ABSENT_HEADER "X-SRS-Absent-At"
/* Behind a stream, why it ends: ANNOUNCE_KICKED, ANNOUNCE_RECONNECT or nothing. */
#define ANNOUNCE_END_TRAILER "X-SRS-End"
#define ANNOUNCE_KICKED "kicked"
#define ANNOUNCE_RECONNECT "reconnect" /* it goes on, and is to be had elsewhere */
void announce_stream(struct rtmp_conn *conn, const struct stream_report *report);
/* Header lines; none when there is nothing to say. */
void announce_stream_lines(struct buf *out, const struct stream_report *report);
/* False: the message is something else. */
bool announce_read_stream(struct stream_report *out, const struct rtmp_msg *m);
/* As it came, which may be anything: `ago_ms` is for how long there has been no media. */
void announce_stream_parse(struct stream_report *out, const char *run, double ago_ms,
			   double absent_at);

/* ---- proof ---- */

/* The contents of a relay's signature: all that its connection is about. */
struct relay_claim {
	const struct amf *args; /* of connect */
	const char *tc_url;
	const char *stream; /* as play or publish name it */
	bool publish;
};
enum { CLAIM_MAX = 32768 };
/* As bytes to be signed; bad beyond CLAIM_MAX. */
void relay_claim_write(struct buf *out, const struct relay_claim *claim);
/* The object of play or publish for the server of that id; NULL without a secret. `claim` is what
 * relay_claim_write() wrote. */
struct amf *announce_proof(const struct server *server, const char *vhost, bool publish,
			   struct span claim, const char *to);
/* Whether a relay is what it says, by the object of its play or publish. */
enum sign_verdict announce_check(struct server *server, const struct amf *proof,
				 const struct relay_claim *claim);
