/* rtmp_guest - a client of a server under test, over a pair of sockets: the program's own client side speaks to
 * its service, in the test's coroutine. Layer: test.
 * What the server says is kept as text, a line a message, until the test looks at it. */
#pragma once
#include "codec/amf0.h"
#include "node/server.h"
#include "rtmp/client.h"

enum { GUEST_PATIENCE_MS = 8000 };

struct rtmp_guest {
	struct rtmp_conn *conn;
	struct rtmp_refusal said; /* when it was refused */
	uint32_t stream_id;
	int audio, video; /* messages that have come */
	uint32_t last_ts; /* of the last one */
	struct buf
		heard; /* everything else: names of commands and codes of statuses, a space behind each */
	err end;       /* why nothing more comes; OK: it does */
};

struct rtmp_guest_opts {
	const char *app, *query; /* "live" and "" where NULL */
	const char *tc_host;     /* "127.0.0.1" where NULL */
	struct amf *args;        /* the second object of connect; taken; NULL */
};

/* Connects from 192.0.2.<n>; g->said has what the server says to it. */
err rtmp_guest_connect(struct rtmp_guest *g, struct server *server,
		       const struct rtmp_guest_opts *opts) BLOCKS;
err rtmp_guest_publish(struct rtmp_guest *g, const char *stream) BLOCKS;
/* Does not wait for an answer. */
err rtmp_guest_play(struct rtmp_guest *g, const char *stream) BLOCKS;
/* A key frame, another picture, and a sound, of a few bytes each. */
enum rtmp_guest_media { GUEST_HEADER, GUEST_KEY, GUEST_PICTURE, GUEST_SOUND };
void rtmp_guest_send(struct rtmp_guest *g, enum rtmp_guest_media media, uint32_t ts) BLOCKS;
/* A command on its stream with one value, taken. */
void rtmp_guest_say(struct rtmp_guest *g, const char *name, struct amf *value) BLOCKS;
/* Takes messages until the text has been heard; fails the test when it is not in time. */
void rtmp_guest_hear(struct rtmp_guest *g, const char *text) BLOCKS;
/* Until so many pictures have come. */
void rtmp_guest_watch(struct rtmp_guest *g, int pictures) BLOCKS;
/* Until the server has closed. */
void rtmp_guest_hear_end(struct rtmp_guest *g) BLOCKS;
/* Leaves; fine when it was never there. */
void rtmp_guest_leave(struct rtmp_guest *g);
