/* dialogue - what a client's commands mean, and for which of its message streams. Layer: rtmp.
 *
 * A connection does one thing at a time: it publishes or plays on one message stream. Ids are given out by
 * createStream, the lowest that is free; deleteStream takes one back. A command that names another stream,
 * another name or nothing that is known changes nothing, and one that cannot be read is ignored. Whatever
 * is refused is told so, by _error or a status. */
#pragma once
#include "rtmp/command.h"

enum rtmp_role {
	ROLE_PLAY,
	ROLE_FMLE_PUBLISH,
	ROLE_HAIVISION_PUBLISH,
	ROLE_FLASH_PUBLISH,
	ROLE_ASK, /* it wants to know whether a client of its own may (srs_may), and nothing else */
};

struct rtmp_identify {
	enum rtmp_role role;
	char *stream;       /* name with its query, as sent */
	uint32_t stream_id; /* message stream id of the play or publish */
	double tid;         /* of the play, publish or question */
	double duration_ms; /* play's third argument, <= 0: no end */
	struct amf *
		object; /* of the play or publish: usually a null, see rtmp_client_play(); the question; or NULL */
};
void rtmp_identify_fini(struct rtmp_identify *id);

/* Answers createStream, releaseStream, FCPublish, … until play, publish or a question has come. FMLE and
 * Haivision clients have then had their onFCPublish; nobody has had a Start yet. Media that comes
 * before is dropped. Can be called again when a client has ended what it did. */
err rtmp_identify(struct rtmp_conn *conn, struct rtmp_identify *out) BLOCKS;

enum rtmp_event_kind {
	RTMP_EVENT_NONE, /* answered, or of no interest */
	RTMP_EVENT_CLOSED, /* the client has ended what it did, or begun something else on its stream */
	RTMP_EVENT_PAUSE, /* `on` says whether it pauses or goes on */
	RTMP_EVENT_AUDIO, /* `on`: it wants audio */
	RTMP_EVENT_VIDEO,
	RTMP_EVENT_CALL, /* `call` is none of those above; answered if it expects an answer */
};

struct rtmp_event {
	enum rtmp_event_kind kind;
	bool on;
	struct command call;
};
void rtmp_event_fini(struct rtmp_event *event);

/* A command that came while `at` is being published or played; m may lose its payload. Answers are
 * appended to conn->out, not flushed. After RTMP_EVENT_CLOSED rtmp_identify() goes on with what the client
 * wants next. */
void rtmp_take_command(struct rtmp_conn *conn, const struct rtmp_identify *at, struct rtmp_msg *m,
		       struct rtmp_event *out);
/* False for media on a message stream that the client was given for something else: they are ignored, with a
 * line in the log. */
bool rtmp_is_media_of(struct rtmp_conn *conn, const struct rtmp_identify *at,
		      const struct rtmp_msg *m);
