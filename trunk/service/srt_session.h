/* srt_session - one SRT caller that publishes or plays, from its handshake to its end. Layer: service.
 * A coroutine of its own owns all of it; libsrt's threads never see it. */
#pragma once
#include "codec/ts_demux.h"
#include "service/srt_hub.h"
#include "session/outcome.h"
#include "session/request.h"

struct srt_session {
	struct srt_session *prev, *next;
	struct srt_hub *hub;
	struct conf *conf;
	struct srt_link *link;
	struct conn_place place;
	struct addr peer;
	struct target target;
	struct request request;
	char *tc_url, *url;
	struct ts_demux_opts taken; /* of what it publishes */
	char id[9];                 /* of its coroutine, and so in the log and the API */
	int64_t since_ms;
	const struct srt_feed *feed; /* of a publisher, for the API; NULL */
	struct srt_figures figures;  /* as the hub has last looked at them */
	bool was_asked_about;        /* web services know of the connection */
	struct co *co;
};

/* Begins one; takes the link. It is closed at once when there is no place for it. */
void srt_session_start(struct srt_hub *hub, struct srt_link **link);
/* Borrowed; NULL when there is none of that id. */
struct srt_session *srt_session_find(const struct srt_hub *hub, const char *id);

/* ---- for the two kinds ---- */

err srt_publish_run(struct srt_session *session) BLOCKS;
err srt_play_run(struct srt_session *session) BLOCKS;
struct traffic srt_session_traffic(const struct srt_session *session);
