/* hls_players - players over HLS as clients. Layer: service.
 *
 * HLS has no connection that a player could be known by: it has a session, whose id stands in its URLs
 * (hls_ctx). The session is admitted as every viewing is, counted, seen and ended by the API, and is over when
 * nothing was asked with it for twice the window of its playlist. */
#pragma once
#include "service/hls_asked.h"
#include "session/outcome.h"

enum {
	HLS_PLAYERS_MAX = 20000,
	HLS_PLAYERS_PER_ADDRESS = HLS_PLAYERS_MAX / 2, /* the host's own and proxies are exempt */
};

struct hls_players;
struct hls_players *hls_players_new(struct server *server);
/* All of them leave, as on_stop is told. */
void hls_players_end(struct hls_players *players);
/* NULL is fine; clears. */
void hls_players_free(struct hls_players **players);

enum hls_player_state {
	HLS_PLAYER_NONE, /* no session of that id and stream */
	HLS_PLAYER_IN,
	HLS_PLAYER_OUT, /* it was ended through the API */
};
/* Asked with again: it lives on. */
enum hls_player_state hls_players_touch(struct hls_players *players, const struct hls_asked *asked);
/* A session for whoever asks, under the id that asked->session has or gets here. OK, or an error with the reason in
 * the outcome. */
err hls_players_begin(struct hls_players *players, struct hls_asked *asked,
		      struct conn_place *place, const struct http_message *message,
		      struct outcome *outcome) BLOCKS;
/* So much was sent to the session that it was asked with, media or not (playlists, keys, what initializes a
 * decoder). */
void hls_players_sent(struct hls_players *players, const struct hls_asked *asked, int64_t bytes,
		      bool has_media);
/* Another server asks, for its own players. OK, or as above. */
err hls_relay_admit(struct hls_asked *asked, struct conn_place *place,
		    const struct http_message *message, struct outcome *outcome) BLOCKS;
/* A player without a session asks, for a playlist or what one names: where an origin decides who may, its word. */
err hls_again_admit(struct hls_asked *asked, struct conn_place *place,
		    const struct http_message *message, struct outcome *outcome) BLOCKS;
