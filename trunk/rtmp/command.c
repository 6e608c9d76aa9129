/* A command is a row of AMF0 values: name, transaction, object, arguments. More arguments than
 * `args` holds are ignored; no command of ours has that many. Some encoders leave the object out: then the
 * first argument stands in its place. */
#include "rtmp/command.h"
#include "base/mem.h"
#include "rtmp/inside.h"

#include <stdlib.h>

static err read_head(struct command *out, struct cur *c)
{
	struct amf *name = NULL, *tid = NULL;
	err e = amf_read(&name, c);
	if (!e && name->kind != AMF_STRING)
		e = err_fail(ERR_PROTOCOL, "its name is no text");
	if (!e)
		e = amf_read(&tid, c);
	if (!e && tid->kind != AMF_NUMBER)
		e = err_fail(ERR_PROTOCOL, "its transaction is no number");
	if (!e) {
		out->name = mem_strdup(name->text);
		out->tid = tid->number;
	}
	amf_free(&name);
	amf_free(&tid);
	return e;
}

static bool is_argument(const struct amf *value)
{
	return value->kind == AMF_STRING || value->kind == AMF_NUMBER || value->kind == AMF_BOOL;
}

err command_read(struct command *out, const struct rtmp_msg *m)
{
	enum { ARGS = sizeof(out->args) / sizeof(out->args[0]) };
	struct cur c = cur_of(m->body.p, m->body.n);
	struct command cmd = {0};
	err e = read_head(&cmd, &c);
	if (!e && cur_left(&c))
		e = amf_read(&cmd.object, &c);
	if (!e && cmd.object && is_argument(cmd.object)) {
		cmd.args[cmd.argc++] = cmd.object;
		cmd.object = NULL;
	}
	while (!e && cur_left(&c) && cmd.argc < ARGS) {
		e = amf_read(&cmd.args[cmd.argc], &c);
		if (!e)
			cmd.argc++;
	}
	if (e) {
		command_fini(&cmd);
		return err_add(e, "a command");
	}
	*out = cmd;
	return OK;
}

void command_fini(struct command *c)
{
	free(c->name);
	amf_free(&c->object);
	for (int i = 0; i < c->argc; i++)
		amf_free(&c->args[i]);
	*c = (struct command){0};
}

const char *command_text(const struct command *c, int arg, const char *otherwise)
{
	return arg < c->argc ? amf_text(c->args[arg], otherwise) : otherwise;
}

double command_num(const struct command *c, int arg, double otherwise)
{
	return arg < c->argc ? amf_num(c->args[arg], otherwise) : otherwise;
}

bool command_take(struct rtmp_conn *conn, struct command *out, const struct rtmp_msg *m)
{
	err e = command_read(out, m);
	if (e)
		conn_oddity(conn, "%s", err_trail(e));
	return e == OK;
}

err command_recv_any(struct rtmp_conn *conn, struct rtmp_msg *m)
{
	for (;;) {
		TRY(rtmp_recv(conn, m));
		/* A peer that is never silent does not get more time for that. */
		bool is_late = clock_ms() >= sock_deadline(conn->sock);
		if (m->type == RTMP_COMMAND && !is_late)
			return OK;
		rtmp_msg_fini(m);
		if (is_late)
			return err_fail(ERR_TIMEOUT, "it talks on, but nothing comes of it");
	}
}

err command_recv(struct rtmp_conn *conn, struct command *cmd, uint32_t *stream_id)
{
	for (bool got = false; !got;) {
		struct rtmp_msg m;
		TRY(command_recv_any(conn, &m));
		got = command_take(conn, cmd, &m);
		if (stream_id)
			*stream_id = m.stream_id;
		rtmp_msg_fini(&m);
	}
	return OK;
}
