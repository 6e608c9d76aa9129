/* server - the server's side of an RTMP conversation: connect, statuses, ends; what comes between is in
 * dialogue.h. Layer: rtmp. */
#pragma once
#include "rtmp/command.h"
#include "rtmp/conn.h"
#include "rtmp/dialogue.h"

/* What connect said. Texts are owned; NULL where it said nothing, apart from tc_url and app: most players say little,
 * and there are many of them. */
struct rtmp_connect {
	char *tc_url, *app, *page_url, *swf_url;
	char *user, *password; /* of the tcUrl, which is without them; NULL when it named none */
	double object_encoding;
	bool enhanced;    /* it speaks Enhanced RTMP */
	bool reconnects;  /* it understands rtmp_put_reconnect() */
	struct amf *args; /* the optional second object: identity of a relay; may be NULL */
};
void rtmp_connect_fini(struct rtmp_connect *c);

struct rtmp_server_opts {
	uint32_t out_ack_size; /* 0: not sent */
	uint32_t in_ack_size;  /* 0: what the peer says */
	uint32_t chunk_size;
	const char *server_id; /* the srs_id of this connection */
	int pid;
	const char *node; /* the id of this process (srs_node); NULL: not said */
	int api_port;     /* of its HTTP API (srs_api); 0: it has none */
	bool judges;      /* it answers srs_may; with `node` only */
};

/* Reads connect (after handshake_server()). The caller answers with rtmp_accept or rtmp_reject;
 * with the latter also after ERR_PROTOCOL and ERR_LIMIT, which a connect that lacks its tcUrl or
 * is far too long gets. */
err rtmp_recv_connect(struct rtmp_conn *conn, struct rtmp_connect *out) BLOCKS;
/* Window, bandwidth, chunk size, _result, onBWDone: as SRS orders them (srs 4.6). */
err rtmp_accept(struct rtmp_conn *conn, const struct rtmp_connect *c,
		const struct rtmp_server_opts *opts) BLOCKS;
/* _error NetConnection.Connect.Rejected or another code with a sentence. End with rtmp_end(). */
err rtmp_reject(struct rtmp_conn *conn, const char *code, const char *sentence) BLOCKS;
/* onStatus on the message stream. `level` is "status" or "error". Appended, not flushed. */
void rtmp_put_status(struct rtmp_conn *conn, uint32_t stream_id, const char *level,
		     const char *code, const char *description);
/* NetConnection.Connect.ReconnectRequest (Enhanced RTMP v2): the client connects anew, to that URL, or with the
 * one it has used if it is "", and leaves when it is there. Appended, not flushed. */
void rtmp_put_reconnect(struct rtmp_conn *conn, const char *tc_url);
/* StreamBegin, Play.Reset, Play.Start, RtmpSampleAccess. Appended, not flushed. */
void rtmp_put_play_start(struct rtmp_conn *conn, uint32_t stream_id);
/* SRS's 302: onStatus NetConnection.Connect.Rejected with ex{code, redirect, redirect2} on message
 * stream 0, then waits up to three seconds for the client to say that it follows. */
err rtmp_redirect(struct rtmp_conn *conn, const char *redirect, const char *redirect2) BLOCKS;
/* Sends the status (unless `code` is NULL), flushes, ends politely so that it arrives, and frees
 * the connection. */
void rtmp_end(struct rtmp_conn **conn, uint32_t stream_id, const char *level, const char *code,
	      const char *description) BLOCKS;
