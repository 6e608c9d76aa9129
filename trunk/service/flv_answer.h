/* flv_answer - what is said over HTTP to a request for a live stream. Layer: service. */
#pragma once
#include "cluster/announce.h"
#include "conf/conf.h"
#include "service/flv_chunks.h"
#include "service/http_session.h"
#include "session/outcome.h"

/* The head of the stream, into `out`, with what another server is told of the stream (NULL for others). From here on
 * the request is not needed, nor what reads requests: both go, and the connection is the stream's. */
void flv_answer_stream(struct http_session *s, const struct stream_report *report,
		       struct chunks *out);
/* Answers HEAD with the head that GET would get. */
err flv_answer_head(struct http_session *s) BLOCKS;
/* That it is at that server, whatever the host of that request may be: the vhost is this one. */
/* To the same path here, with another name of the stream in it. */
err flv_redirect_stream(struct http_session *s, const char *from, const char *to) BLOCKS;
err flv_redirect(struct http_session *s, const struct conf_vhost *vhost,
		 const char *hostport) BLOCKS;
/* No, and why. */
err flv_refuse(struct http_session *s, int status, const char *sentence) BLOCKS;
/* Why there is no stream, or where it is, in the words of HTTP. */
err flv_tell(struct http_session *s, const struct conf_vhost *vhost,
	     const struct outcome *outcome) BLOCKS;
