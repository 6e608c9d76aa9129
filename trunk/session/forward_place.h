/* forward_place - where a forwarded stream goes: a server, and the name that the stream has there. Layer:
 * session, for forward*.c only. */
#pragma once
#include "cluster/link.h"
#include "codec/url.h"

struct forward_place {
	char *text; /* as it was configured or answered: what tells places apart */
	const struct link_ops *protocol; /* NULL: SRT */
	char name[MEMBER_NAME_MAX];      /* "host:port" */
	struct target target;            /* the stream there; nothing of it with SRT */
	char *srt;                       /* the URL to call (session/srt_url.h), or NULL */
	char *shown; /* a URL for people; a stream's name that is not ours may be a secret, and is left out */
};

/* `text` is "host[:port]" or "rtmp[s]://host[:port]", where the stream keeps its name (`own`, of which the parameters
 * go along), or "rtmp[s]://host[:port]/app/stream[?param]", or "srt://host:port[?streamid=…&…]": of the stream id
 * [vhost], [app] and [stream] are replaced. ERR_PROTOCOL when it is none of these; nothing is kept then. */
err forward_place_parse(struct forward_place *out, const char *text, const struct target *own);
/* Zeroed memory is fine. */
void forward_place_fini(struct forward_place *place);
/* The parts that a URL has in front of the stream and behind: "rtmp://h/app/a?x=/y" is cut before "a?x=/y",
 * and SRS's old form "rtmp://h/app?vhost=v/a" before "a". NULL when it names no stream. */
const char *forward_url_stream(const char *url);
