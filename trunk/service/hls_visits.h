/* hls_visits - whether a player over HLS may have a stream. Layer: service. HLS has no connection: the same
 * player asks again and again, and its word is remembered.
 *
 * Rules by address, page and signed link are looked at for each request. A web service (on_play) is asked
 * once for a client's address, stream and parameters; its word counts until they have not been asked with
 * for a minute. */
#pragma once
#include "session/outcome.h"
#include "session/request.h"

struct hls_visits;
struct hls_visits *hls_visits_new(void);
/* NULL is fine; clears. */
void hls_visits_free(struct hls_visits **visits);
/* OK, or an error with the reason in the outcome. `is_list`: a playlist is asked for, else something that
 * one names. */
err hls_visits_check(struct hls_visits *visits, const struct request *request, bool is_list,
		     struct outcome *outcome) BLOCKS;
