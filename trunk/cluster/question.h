/* question - whether a client of an edge may play or publish, as the edge asks an origin (`srs_may`, see
 * doc/wire-extensions.md). Layer: cluster. The words of the client for both ends, signed where there is a secret. */
#pragma once
#include "cluster/announce.h"
#include "codec/amf0.h"
#include "node/server.h"

/* Texts are borrowed; "" for what the client has not said. */
struct question {
	bool publish;
	bool http; /* it is no RTMP client: SRS's on_connect is not asked about it */
	const char *vhost, *app, *stream;
	const char *param; /* "?a=b" */
	const char *path;  /* of an HTTP request, "/live/a.flv" */
	const char *proof; /* of a link that is signed in its path */
	const char *ip;    /* of the client */
	const char *page_url, *swf_url, *tc_url;
	int hops; /* servers that it has come by */
};

/* All of it as bytes that are the same for no other question: to be signed, and to remember answers by. Bad beyond
 * CLAIM_MAX. */
void question_claim(struct buf *out, const struct question *question);
/* The object of the command, signed for the server of that id with the secret of our vhost `vhost`, if it has one. */
struct amf *question_write(const struct question *question, const struct server *server,
			   const char *vhost, const char *to);
/* Borrows from the object. False: that is no question. */
bool question_read(struct question *out, const struct amf *object);
/* Whether it was signed for this server. */
enum sign_verdict question_check(struct server *server, const struct question *question,
				 const struct amf *object);

/* The answer of an origin. */
struct question_answer {
	bool allowed;
	int64_t good_ms; /* so long it may be given to the same question without asking; 0: not at all */
	char code[128], description[256]; /* why not, as a status of RTMP says it */
};
struct amf *question_answer_write(const struct question_answer *answer);
/* What is no answer allows nothing. */
void question_answer_read(struct question_answer *out, const struct amf *object);
