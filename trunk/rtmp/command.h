/* command - a received AMF0 command, taken apart. Layer: rtmp. */
#pragma once
#include "codec/amf0.h"
#include "codec/chunk.h"
#include "rtmp/conn.h"

struct command {
	char *name;
	double tid;
	struct amf *object; /* the command object; NULL or null */
	int argc;
	struct amf *args[8]; /* what follows it */
};
/* From the body of a command message. ERR_PROTOCOL, ERR_LIMIT for one that cannot be read. */
err command_read(struct command *out, const struct rtmp_msg *m);
/* The same; one that cannot be read is ignored with a line in the log: false. */
bool command_take(struct rtmp_conn *conn, struct command *out, const struct rtmp_msg *m);
void command_fini(struct command *c);
const char *command_text(const struct command *c, int arg, const char *otherwise);
double command_num(const struct command *c, int arg, double otherwise);
/* The next command message before the socket's deadline, read or not; whatever else comes is dropped. */
err command_recv_any(struct rtmp_conn *conn, struct rtmp_msg *m) BLOCKS;
/* The next command that can be read. *stream_id is its message stream; NULL is fine. */
err command_recv(struct rtmp_conn *conn, struct command *out, uint32_t *stream_id) BLOCKS;
