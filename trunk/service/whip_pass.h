/* whip_pass - signalling of a browser for a stream that another server has: asked there instead of sent there, since
 * browsers drop Authorization when they follow to another origin (Fetch, 4.4). The media goes to that server
 * directly. Layer: service. */
#pragma once
#include "service/http_session.h"
#include "session/outcome.h"

/* Whether it is to be asked there: a page's request, which nobody has passed on already. */
bool whip_is_to_pass(const struct http_message *request);
/* A session that is not here may be one of the process before this one (an upgrade in place): answers with what that
 * answers, and true; else false, and nothing is answered. */
bool whip_pass_to_former(struct http_session *s, err *e) BLOCKS;
/* Answers with what the server of the outcome answers; the session is of that vhost. */
err whip_pass(struct http_session *s, const struct conf_vhost *vhost,
	      const struct outcome *elsewhere) BLOCKS;
