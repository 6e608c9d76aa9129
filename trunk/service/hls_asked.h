/* hls_asked - what an HTTP request wants of HLS, and who asks. Layer: service. */
#pragma once
#include "output/hls.h"
#include "output/hls_want.h"
#include "service/http_session.h"
#include "session/request.h"

enum { HLS_SESSION_ID = 8 };

struct hls_asked {
	const struct conf_vhost *vhost; /* NULL: none of that name */
	struct hls_name name;           /* the stream, and the playlist that it is of */
	const char *type;               /* media type of what is asked for */
	bool is_list;
	bool is_bad; /* its directives mean nothing */
	struct hls_want want;
	char session[HLS_SESSION_ID + 1]; /* hls_ctx, if it could be one of ours; "" */
	char *param;                      /* "?k=v" without what is ours, or "" */
	struct target target;
	char *tc_url, *path_asked;
	struct request request;
};

/* Which vhost the request is for, and its parameters. hls_asked_fini() in any case. */
void hls_asked_read(struct hls_asked *a, const struct http_session *s);
/* The stream is known now: fills in the request. */
void hls_asked_name(struct hls_asked *a, const struct http_session *s, struct hls_name *name);
void hls_asked_fini(struct hls_asked *a);
