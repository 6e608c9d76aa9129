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
/* From the body of a command message. ERR_PROTOCOL for nonsense. */
err command_read(struct command *out, const struct rtmp_msg *m);
void command_fini(struct command *c);
const char *command_text(const struct command *c, int arg, const char *otherwise);
double command_num(const struct command *c, int arg, double otherwise);
/* The next command before the socket's deadline; whatever else comes is dropped. *stream_id is its message
 * stream; NULL is fine. */
err command_recv(struct rtmp_conn *conn, struct command *out, uint32_t *stream_id) BLOCKS;
