/* The dialogue of an SRS edge. What can travel together does: C2 with connect and the window,
 * so that a stream costs three round trips behind the TCP handshake (C0 C1, connect,
 * createStream) before play or publish.
 *
 * Servers refuse in three ways: _error to a transaction, onStatus with level "error", or a close
 * without an answer. A redirect is an object `ex` in the information of one of the first two. */
#include "rtmp/client.h"
#include "base/log.h"
#include "rtmp/enhanced.h"
#include "rtmp/handshake.h"

#include <stdio.h>

enum {
	TID_CONNECT = 1,
	TID_CREATE_STREAM = 2,
	TID_CALL = 3,
	WINDOW = 2500000,
	BUFFER_MS = 1000,
};

static err dialogue(struct rtmp_conn *conn, const struct rtmp_client_opts *opts, struct amf **args,
		    uint32_t *stream_id, struct rtmp_refusal *refusal) BLOCKS;
static void put_connect(struct rtmp_conn *conn, const struct rtmp_client_opts *opts,
			struct amf *args);
static err wait_result(struct rtmp_conn *conn, double tid, struct command *result,
		       struct rtmp_refusal *refusal) BLOCKS;
static err judge(const struct command *cmd, struct rtmp_refusal *refusal);

err rtmp_client_connect(struct rtmp_conn **out, struct sock **sock,
			const struct rtmp_client_opts *opts, uint32_t *stream_id,
			struct rtmp_refusal *refusal)
{
	struct rtmp_conn *conn = rtmp_conn_new(*sock);
	struct amf *args = opts->args;
	*sock = NULL;
	*refusal = (struct rtmp_refusal){0};
	sock_set_deadline(conn->sock, opts->deadline);
	err e = dialogue(conn, opts, &args, stream_id, refusal);
	amf_free(&args);
	if (e) {
		rtmp_conn_free(&conn);
		return err_add(e, "connect to %s", opts->tc_url);
	}
	*out = conn;
	return OK;
}

/* A name that does not fit is none of ours. */
static void read_peer(struct rtmp_peer *peer, const struct command *result)
{
	const struct amf *data = amf_get(result->argc ? result->args[0] : NULL, "data");
	const char *node = amf_get_string(data, "srs_node", "");
	double port = amf_get_number(data, "srs_api", 0);
	*peer = (struct rtmp_peer){.speaks = true};
	if (strlen(node) < sizeof(peer->node))
		snprintf(peer->node, sizeof(peer->node), "%s", node);
	peer->judges = *peer->node && amf_get_number(data, "srs_may", 0) > 0;
	peer->asks_players =
		*peer->node && strcmp(amf_get_string(data, "srs_asks", ""), "players") == 0;
	if (*peer->node && port >= 1 && port <= 65535)
		peer->api_port = (int)port;
}

static err dialogue(struct rtmp_conn *conn, const struct rtmp_client_opts *opts, struct amf **args,
		    uint32_t *stream_id, struct rtmp_refusal *refusal)
{
	struct command result = {0};
	TRY(handshake_client(conn->sock, &conn->out));
	if (opts->peer)
		*opts->peer = (struct rtmp_peer){.speaks = true};
	put_connect(conn, opts, *args);
	*args = NULL;
	rtmp_put_u32(conn, RTMP_WINDOW_ACK_SIZE, WINDOW);
	TRY(wait_result(conn, TID_CONNECT, &result, refusal));
	if (opts->peer)
		read_peer(opts->peer, &result);
	command_fini(&result);

	if (opts->chunk_size && opts->chunk_size != CHUNK_SIZE_DEFAULT)
		rtmp_put_chunk_size(conn, opts->chunk_size);
	rtmp_put_command(conn, CSID_CONNECTION, 0, "createStream", TID_CREATE_STREAM, amf_null(),
			 NULL, NULL);
	TRY(wait_result(conn, TID_CREATE_STREAM, &result, refusal));
	double id = command_num(&result, 0, -1);
	command_fini(&result);
	if (!(id >= 0 && id <= UINT32_MAX))
		return err_fail(ERR_PROTOCOL, "createStream was answered without a stream id");
	*stream_id = (uint32_t)id;
	return OK;
}

static void put_connect(struct rtmp_conn *conn, const struct rtmp_client_opts *opts,
			struct amf *args)
{
	struct amf *o = amf_object();
	amf_set(o, "app", amf_string(opts->app));
	amf_set(o, "flashVer", amf_string("WIN 15,0,0,239"));
	amf_set(o, "swfUrl", amf_string(opts->swf_url ? opts->swf_url : ""));
	amf_set(o, "tcUrl", amf_string(opts->tc_url));
	amf_set(o, "fpad", amf_bool(false));
	amf_set(o, "capabilities", amf_number(239));
	amf_set(o, "audioCodecs", amf_number(3575));
	amf_set(o, "videoCodecs", amf_number(252));
	amf_set(o, "videoFunction", amf_number(1));
	amf_set(o, "pageUrl", amf_string(opts->page_url ? opts->page_url : ""));
	amf_set(o, "objectEncoding", amf_number(0));
	enhanced_put(o);
	rtmp_put_command(conn, CSID_CONNECTION, 0, "connect", TID_CONNECT, o, args, NULL);
}

static err wait_result(struct rtmp_conn *conn, double tid, struct command *result,
		       struct rtmp_refusal *refusal)
{
	for (;;) {
		struct command cmd = {0};
		TRY(command_recv(conn, &cmd, NULL));
		if (strcmp(cmd.name, "_result") == 0 && cmd.tid == tid) {
			*result = cmd;
			return OK;
		}
		err e = judge(&cmd, refusal);
		command_fini(&cmd);
		TRY(e);
	}
}

err rtmp_client_call(struct rtmp_conn *conn, const char *name, struct amf *object,
		     struct command *result, struct rtmp_refusal *refusal)
{
	*refusal = (struct rtmp_refusal){0};
	rtmp_put_command(conn, CSID_CONNECTION, 0, name, TID_CALL, amf_null(), object, NULL);
	return wait_result(conn, TID_CALL, result, refusal);
}

err rtmp_client_play(struct rtmp_conn *conn, uint32_t stream_id, const char *stream,
		     struct amf *object)
{
	rtmp_conn_allow_media(conn);
	rtmp_put_command(conn, CSID_STREAM, stream_id, "play", 0, object ? object : amf_null(),
			 amf_string(stream), NULL);
	struct buf b = {.max = 10};
	buf_u16(&b, UC_SET_BUFFER);
	buf_u32(&b, stream_id);
	buf_u32(&b, BUFFER_MS);
	rtmp_put(conn, CSID_CONTROL, RTMP_USER_CONTROL, 0, 0, buf_span(&b));
	buf_free(&b);
	return rtmp_flush(conn);
}

err rtmp_client_publish(struct rtmp_conn *conn, uint32_t stream_id, const char *stream,
			struct amf *object, struct rtmp_refusal *refusal)
{
	*refusal = (struct rtmp_refusal){0};
	rtmp_put_command(conn, CSID_STREAM, stream_id, "publish", 0, object ? object : amf_null(),
			 amf_string(stream), amf_string("live"));
	for (bool started = false; !started;) {
		struct command cmd = {0};
		err e = command_recv(conn, &cmd, NULL);
		if (e)
			return err_add(e, "publish");
		e = judge(&cmd, refusal);
		for (int i = 0; i < cmd.argc && strcmp(cmd.name, "onStatus") == 0; i++)
			started |= strcmp(amf_get_string(cmd.args[i], "code", ""),
					  "NetStream.Publish.Start") == 0;
		command_fini(&cmd);
		if (e)
			return err_add(e, "publish");
	}
	return OK;
}

err rtmp_client_status(struct rtmp_conn *conn, const struct rtmp_msg *m,
		       struct rtmp_refusal *refusal)
{
	struct command cmd = {0};
	if (m->type != RTMP_COMMAND || !command_take(conn, &cmd, m))
		return OK;
	*refusal = (struct rtmp_refusal){0};
	err e = judge(&cmd, refusal);
	command_fini(&cmd);
	return e;
}

static err verdict(const char *code, bool is_error)
{
	static const struct {
		const char *code;
		err e;
	} known[] = {
		{"NetStream.Play.StreamNotFound", ERR_NOTFOUND},
		{"NetStream.Play.FileNotFound", ERR_NOTFOUND},
		{"NetStream.Play.Failed", ERR_DENIED},
		{"NetStream.Play.UnpublishNotify", ERR_ENDED},
		{"NetStream.Play.Stop", ERR_ENDED},
		{"NetStream.Play.Complete", ERR_ENDED},
		{"NetStream.Play.Denied", ERR_KICKED},
		{"NetStream.Publish.BadName", ERR_BUSY},
		{"NetStream.Publish.Denied", ERR_KICKED},
		{"NetConnection.Connect.Rejected", ERR_DENIED},
		{"NetConnection.Connect.ReconnectRequest", ERR_RECONNECT},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(code, known[i].code) == 0)
			return known[i].e;
	return is_error ? ERR_DENIED : OK;
}

static const char *find_redirect(const struct amf *info)
{
	const struct amf *ex = amf_get(info, "ex");
	const char *first = amf_get_string(ex, "redirect2", "");
	return *first ? first : amf_get_string(ex, "redirect", "");
}

static err judge(const struct command *cmd, struct rtmp_refusal *refusal)
{
	bool is_error = strcmp(cmd->name, "_error") == 0;
	if (!is_error && strcmp(cmd->name, "onStatus") != 0)
		return OK;
	const struct amf *info = NULL;
	const char *redirect = "";
	for (int i = 0; i < cmd->argc; i++) {
		if (!info && amf_get(cmd->args[i], "code"))
			info = cmd->args[i];
		if (!*redirect)
			redirect = find_redirect(cmd->args[i]);
	}
	const char *code = amf_get_string(info, "code", "");
	const char *description = amf_get_string(info, "description", "");
	is_error |= strcmp(amf_get_string(info, "level", ""), "error") == 0;
	err e = verdict(code, is_error);
	if (e == ERR_RECONNECT)
		redirect = amf_get_string(info, "tcUrl", "");
	if ((is_error || e == ERR_RECONNECT) && *redirect &&
	    strlen(redirect) < sizeof(refusal->redirect)) {
		snprintf(refusal->redirect, sizeof(refusal->redirect), "%s", redirect);
		e = e == ERR_RECONNECT ? e : ERR_REDIRECT;
	}
	if (!e)
		return OK;
	snprintf(refusal->code, sizeof(refusal->code), "%s", code);
	snprintf(refusal->description, sizeof(refusal->description), "%s", description);
	return err_fail(e, "the server says %s %s %s", log_quote(cmd->name), log_quote(code),
			log_quote(description));
}
