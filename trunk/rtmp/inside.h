/* inside - what the files of a connection share. Layer: rtmp, for its own files. */
#pragma once
#include "rtmp/conn.h"

/* Acts upon one message that was cut from the chunks; what is the application's business is queued. */
void conn_receive(struct rtmp_conn *conn, struct rtmp_msg *m);
/* Puts a message at the end of the queue, or at its front: it is the next to be handed out. Both take the
 * payload out of *m. */
void conn_push(struct rtmp_conn *conn, struct rtmp_msg *m);
void conn_unread(struct rtmp_conn *conn, struct rtmp_msg *m);
/* Counts something that is ignored; the first is logged with these words, the number at the end. */
void conn_oddity(struct rtmp_conn *conn, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
