/* rtmp_send - a stream's wire over an RTMP connection, to players and by pushes alike. Layer: node. */
#pragma once
#include "node/send_monitor.h"
#include "rtmp/conn.h"

/* Sends what the cursor has and, between whole messages, what waits in conn->out; as much as fits and
 * as one slice may. *sent is added to. ERR_LIMIT when a peer asks for more than it reads. */
err rtmp_send_wire(struct send_monitor *o, struct rtmp_conn *conn, struct cursor *cursor,
		   int64_t *sent);
