/* The dialogue up to the answer to connect, as SRS leads it: its answers and their order are what the
 * clients in the field were tried with. The answers of one step go out in one send. */
#include "base/mem.h"
#include "base/version.h"
#include "codec/url.h"
#include "rtmp/enhanced.h"
#include "rtmp/server.h"
#include "rtmp/status.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 4096, /* of a URL */
	PEER_BANDWIDTH = 2500000,
};

static char *copy_text(const struct amf *object, const char *key)
{
	const char *s = amf_get_string(object, key, "");
	return mem_strndup(s, strnlen(s, TEXT_MAX));
}

static char *copy_if_said(const struct amf *object, const char *key)
{
	return *amf_get_string(object, key, "") ? copy_text(object, key) : NULL;
}

static void read_connect(struct rtmp_connect *out, struct command *cmd)
{
	const struct amf *o = cmd->object;
	*out = (struct rtmp_connect){
		.tc_url = copy_text(o, "tcUrl"),
		.app = copy_text(o, "app"),
		.page_url = copy_if_said(o, "pageUrl"),
		.swf_url = copy_if_said(o, "swfUrl"),
		.object_encoding = amf_get_number(o, "objectEncoding", 0),
	};
	url_take_user(out->tc_url, &out->user, &out->password);
	out->enhanced = enhanced_is_said(o);
	out->reconnects = enhanced_reconnects(o);
	if (cmd->argc && (cmd->args[0]->kind == AMF_OBJECT || cmd->args[0]->kind == AMF_ECMA)) {
		out->args = cmd->args[0];
		cmd->args[0] = amf_null();
	}
}

void rtmp_connect_fini(struct rtmp_connect *c)
{
	free(c->tc_url);
	free(c->page_url);
	free(c->swf_url);
	free(c->app);
	free(c->user);
	free(c->password);
	amf_free(&c->args);
	*c = (struct rtmp_connect){0};
}

static err take_connect(struct rtmp_conn *conn, struct command *cmd, struct rtmp_connect *out)
{
	size_t n = strlen(amf_get_string(cmd->object, "tcUrl", ""));
	conn->connect_tid = cmd->tid;
	if (n == 0)
		return err_fail(ERR_PROTOCOL, "connect without tcUrl");
	if (n > TEXT_MAX)
		return err_fail(ERR_LIMIT, "a tcUrl of %zu bytes", n);
	read_connect(out, cmd);
	return OK;
}

err rtmp_recv_connect(struct rtmp_conn *conn, struct rtmp_connect *out)
{
	for (;;) {
		struct command cmd = {0};
		struct rtmp_msg m;
		TRY(command_recv_any(conn, &m));
		/* Nothing can follow a connect that cannot be read: it is refused, not ignored. */
		err e = command_read(&cmd, &m);
		rtmp_msg_fini(&m);
		bool is_connect = !e && strcmp(cmd.name, "connect") == 0;
		if (is_connect)
			e = take_connect(conn, &cmd, out);
		command_fini(&cmd);
		if (e || is_connect)
			return e;
	}
}

static struct amf *make_server(const struct rtmp_connect *c)
{
	struct amf *o = amf_object();
	amf_set(o, "fmsVer", amf_string("FMS/3,5,3,888"));
	amf_set(o, "capabilities", amf_number(127));
	amf_set(o, "mode", amf_number(1));
	if (c->enhanced)
		enhanced_put(o);
	return o;
}

/* The identity of this server, which an edge logs. */
static struct amf *make_identity(const struct rtmp_conn *conn, const struct rtmp_server_opts *opts)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, sock_local(conn->sock));
	struct amf *data = amf_ecma();
	amf_set(data, "version", amf_string("3,5,3,888"));
	amf_set(data, "srs_sig", amf_string(SERVER_SIG));
	amf_set(data, "srs_server", amf_string(SERVER_NAME));
	amf_set(data, "srs_version", amf_string(SRS_VERSION));
	amf_set(data, "srs_server_ip", amf_string(ip));
	amf_set(data, "srs_pid", amf_number(opts->pid));
	amf_set(data, "srs_id", amf_string(opts->server_id ? opts->server_id : ""));
	if (opts->node)
		amf_set(data, "srs_node", amf_string(opts->node));
	if (opts->node)
		amf_set(data, "srs_asks", amf_string("players"));
	if (opts->node && opts->api_port)
		amf_set(data, "srs_api", amf_number(opts->api_port));
	if (opts->node && opts->judges)
		amf_set(data, "srs_may", amf_number(1));
	return data;
}

static void put_peer_bandwidth(struct rtmp_conn *conn)
{
	struct buf b = {.max = 5};
	buf_u32(&b, PEER_BANDWIDTH);
	buf_u8(&b, 2); /* dynamic */
	rtmp_put(conn, CSID_CONTROL, RTMP_SET_PEER_BANDWIDTH, 0, 0, buf_span(&b));
	buf_free(&b);
}

err rtmp_accept(struct rtmp_conn *conn, const struct rtmp_connect *c,
		const struct rtmp_server_opts *opts)
{
	if (opts->out_ack_size)
		rtmp_put_u32(conn, RTMP_WINDOW_ACK_SIZE, opts->out_ack_size);
	if (opts->in_ack_size)
		conn->in_window = opts->in_ack_size;
	put_peer_bandwidth(conn);
	if (opts->chunk_size)
		rtmp_put_chunk_size(conn, opts->chunk_size);
	struct amf *info =
		rtmp_info("status", "NetConnection.Connect.Success", "Connection succeeded");
	amf_set(info, "objectEncoding", amf_number(c->object_encoding));
	amf_set(info, "data", make_identity(conn, opts));
	rtmp_put_command(conn, CSID_CONNECTION, 0, "_result", conn->connect_tid, make_server(c),
			 info, NULL);
	rtmp_put_command(conn, CSID_CONNECTION, 0, "onBWDone", 0, amf_null(), NULL, NULL);
	return rtmp_flush(conn);
}

err rtmp_reject(struct rtmp_conn *conn, const char *code, const char *sentence)
{
	rtmp_put_command(conn, CSID_CONNECTION, 0, "_error", conn->connect_tid, amf_null(),
			 rtmp_info("error", code, sentence), NULL);
	return rtmp_flush(conn);
}
