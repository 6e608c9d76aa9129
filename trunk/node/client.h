/* client - one session that plays or publishes, of whatever protocol, as the API shows it. Layer: node.
 * Embedded in the session, which says by ops how it is ended and what it has received and sent. */
#pragma once
#include "live/source.h"
#include "net/addr.h"

struct announce;
struct client;
struct request;
struct stat_id;

/* Bytes of the last half minute, as the API's kbps{recv_30s, send_30s}. Each client has one, so it is small:
 * bytes are counted in units, and all numbers modulo 2^32. */
enum { RATE_SAMPLES = 4, RATE_STEP_MS = 10000, RATE_UNIT = 64 };
struct rate {
	uint32_t recv[RATE_SAMPLES], send[RATE_SAMPLES], at_ms[RATE_SAMPLES];
	uint8_t next, count;
};
void rate_add(struct rate *rate, int64_t recv, int64_t send);
/* Kilobits per second over the samples kept. */
int rate_recv_kbps(const struct rate *rate, int64_t recv_now);
int rate_send_kbps(const struct rate *rate, int64_t send_now);

/* Bytes that were received and sent in all. */
struct traffic {
	int64_t recv, send;
};

/* What a relay says of whom it asks for. Ids are those of connections, as the log of that server has them. */
enum { HOP_ID_MAX = 24 };
struct client_hop {
	char relay[HOP_ID_MAX]; /* of its pull or push; "" */
	char trace
		[HOP_ID_MAX]; /* of the player or encoder at the far end of it, where it was first; "" */
};

struct client_ops {
	/* Ends the session soon, for that reason. Must not block; a second call changes nothing. */
	void (*stop)(struct client *client, err why);
	struct traffic (*count)(const struct client *client);
	/* Asks the client to connect anew, to that URL, or to where it is now if it is "", before it is
	 * ended. False: it is none that understands this, or is to stay. NULL: none does. */
	bool (*reconnect)(struct client *client, const char *url);
	/* How often it was moved ahead, being too slow. NULL: it never is. */
	int64_t (*skips)(const struct client *client);
};

struct client {
	struct client *prev, *next;
	const struct client_ops *ops;
	char id[9];
	bool publish, relay;
	bool accepted;           /* it publishes or plays: nothing has refused it */
	bool asked_to_leave;     /* by client_reconnect() */
	bool told_to_end;        /* by client_stop(), which may take it a moment */
	err ended;               /* as it leaves; OK: it closed the stream itself */
	const char *type;        /* "rtmp-play", "flv-play", "fmle-publish", … */
	const struct addr *peer; /* borrowed from the session */
	/* borrowed from the session; "" if none; `param` with its "?" */
	const char *page_url, *swf_url, *tc_url, *url, *param;
	const struct request *request;   /* for the layer that made it; borrowed */
	const struct announce *announce; /* of a relay; borrowed; NULL */
	const struct client_hop *hop;    /* likewise */
	const struct cursor *cursor;     /* of a player; borrowed; NULL */
	struct source *source;           /* borrowed; NULL while it is not entered */
	int64_t since_ms;
	int64_t asked_ms; /* monotonic, when it asked for the stream; 0: since_ms */
	int64_t first_ms; /* likewise, when the first media was sent to it; 0: none was, or it is not known */
	struct rate rate;
	struct stat_id *of_vhost, *of_stream; /* whose sums it is in; borrowed */
	struct traffic counted;               /* as it is in them, see stat_count() */
	const char *
		why; /* as it leaves, a sentence; borrowed for the observers; NULL: that of `ended` */
};

static inline int64_t client_asked_ms(const struct client *client)
{
	return client->asked_ms ? client->asked_ms : client->since_ms;
}
/* The id that follows the request through the cluster: that of the first player or encoder. */
const char *client_trace(const struct client *client);
/* The sentence why it has ended; never NULL. */
const char *client_why(const struct client *client);

/* Its address without the port. */
void client_ip(char out[static ADDR_TEXT_MAX], const struct client *client);
struct traffic client_traffic(const struct client *client);
/* How often it was moved ahead, being too slow; -1: nothing ever moves it, as it publishes or asks for files. */
int64_t client_skips(const struct client *client);
/* Ends the client's session for that reason (ERR_KICKED: through the API; ERR_DRAINED: the server ends).
 * Does not block. */
void client_stop(struct client *client, err why);
/* Asks it, once, to connect anew, see client_ops. True when it was told. Does not block. */
bool client_reconnect(struct client *client, const char *url);
