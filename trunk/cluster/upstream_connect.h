/* upstream_connect - reaching one of several origins, and where it redirects to. Layer: cluster. */
#pragma once
#include "cluster/link.h"
#include "cluster/upstream.h"

enum { REDIRECTS_MAX = 5 };

/* Opens a link to the first of these that answers. A candidate that is silent for a moment gets
 * company: the next one is tried beside it, and the faster wins. When all have failed: the refusal
 * (ERR_DENIED, ERR_REDIRECT, …) of the first that said one, with *said; ERR_SYSTEM when we lacked what it
 * takes to ask any of them; else ERR_UPSTREAM. */
err upstream_connect(struct link **out, const struct upstreams *candidates,
		     const struct upstream_request *request, int64_t deadline,
		     struct link_refusal *said) BLOCKS;
/* As above to the server that the refusal of the one called `from` names, as the n-th redirect in a
 * row (from 0). Clears *said, and notes in `redirected` (of cap bytes) who has redirected. ERR_LOOP
 * when that goes on for too long or leads nowhere. */
err upstream_follow(struct link **out, const char *from, int n,
		    const struct upstream_request *request, int64_t deadline, char *redirected,
		    size_t cap, struct link_refusal *said) BLOCKS;
