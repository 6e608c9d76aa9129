/* The dialogue up to play or publish, as SRS leads it (its answers and their order are what the
 * clients in the field were tried with), with the answers of one step in one send. The encoders
 * differ in what they send before publish, and in what they wait for:
 *
 *   FMLE, ffmpeg, OBS   releaseStream, FCPublish, createStream, publish
 *   Haivision           createStream, FCPublish, publish
 *   Flash               createStream, publish
 */
#include "rtmp/server.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 4096, /* of a URL, a name */
	STREAMS_MAX = 8, /* message stream ids that are told apart */
	CREATE_MAX = 16, /* createStream in one dialogue */
	PEER_BANDWIDTH = 2500000,
	FORWARD = 4,     /* Enhanced RTMP: any codec is passed on, none is understood */
	CAPS_EX = 2 | 4, /* multitrack, ModEx */
	REDIRECT_MS = 3000,
	GOODBYE_MS = 1500,
};

static const char client_id[] = "ASAICiss";

/* --- connect --- */

static char *copy_text(const struct amf *object, const char *key)
{
	const char *s = amf_get_string(object, key, "");
	return mem_strndup(s, strnlen(s, TEXT_MAX));
}

static void read_connect(struct rtmp_connect *out, struct command *cmd)
{
	static const char *const enhanced[] = {"fourCcList", "videoFourCcInfoMap",
					       "audioFourCcInfoMap", "capsEx"};
	const struct amf *o = cmd->object;
	*out = (struct rtmp_connect){
		.tc_url = copy_text(o, "tcUrl"),
		.page_url = copy_text(o, "pageUrl"),
		.swf_url = copy_text(o, "swfUrl"),
		.app = copy_text(o, "app"),
		.flash_ver = copy_text(o, "flashVer"),
		.object_encoding = amf_get_number(o, "objectEncoding", 0),
	};
	for (size_t i = 0; i < sizeof(enhanced) / sizeof(enhanced[0]); i++)
		out->enhanced |= amf_get(o, enhanced[i]) != NULL;
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
	free(c->flash_ver);
	amf_free(&c->args);
	*c = (struct rtmp_connect){0};
}

err rtmp_recv_connect(struct rtmp_conn *conn, struct rtmp_connect *out)
{
	for (;;) {
		struct command cmd = {0};
		uint32_t stream_id;
		TRY(command_recv(conn, &cmd, &stream_id));
		if (strcmp(cmd.name, "connect") != 0) {
			command_fini(&cmd);
			continue;
		}
		err e = OK;
		size_t n = strlen(amf_get_string(cmd.object, "tcUrl", ""));
		conn->connect_tid = cmd.tid;
		if (n == 0)
			e = err_fail(ERR_PROTOCOL, "connect without tcUrl");
		else if (n > TEXT_MAX)
			e = err_fail(ERR_LIMIT, "a tcUrl of %zu bytes", n);
		else
			read_connect(out, &cmd);
		command_fini(&cmd);
		return e;
	}
}

static struct amf *make_info(const char *level, const char *code, const char *description)
{
	struct amf *info = amf_object();
	amf_set(info, "level", amf_string(level));
	amf_set(info, "code", amf_string(code));
	amf_set(info, "description", amf_string(description));
	return info;
}

static struct amf *any_codec(void)
{
	struct amf *map = amf_object();
	amf_set(map, "*", amf_number(FORWARD));
	return map;
}

static struct amf *make_server(const struct rtmp_connect *c)
{
	struct amf *o = amf_object();
	amf_set(o, "fmsVer", amf_string("FMS/3,5,3,888"));
	amf_set(o, "capabilities", amf_number(127));
	amf_set(o, "mode", amf_number(1));
	if (!c->enhanced)
		return o;
	struct amf *list = amf_strict();
	amf_append(list, amf_string("*"));
	amf_set(o, "fourCcList", list);
	amf_set(o, "videoFourCcInfoMap", any_codec());
	amf_set(o, "audioFourCcInfoMap", any_codec());
	amf_set(o, "capsEx", amf_number(CAPS_EX));
	return o;
}

/* Who we are, for the log of an edge. */
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
		make_info("status", "NetConnection.Connect.Success", "Connection succeeded");
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
			 make_info("error", code, sentence), NULL);
	return rtmp_flush(conn);
}

/* --- identify --- */

struct dialogue {
	struct rtmp_conn *conn;
	struct rtmp_identify *out;
	uint32_t stream_id; /* of the command at hand */
	int created;        /* createStream so far */
	bool fmle, haivision;
	bool done;
};

/* `value` is taken. No answer to what expects none. */
static void put_result(struct dialogue *d, const struct command *cmd, struct amf *value)
{
	if (cmd->tid > 0)
		rtmp_put_command(d->conn, CSID_CONNECTION, 0, "_result", cmd->tid, amf_null(),
				 value, NULL);
	else
		amf_free(&value);
}

static int last_stream(const struct dialogue *d)
{
	return d->created > STREAMS_MAX ? STREAMS_MAX : d->created > 0 ? d->created : 1;
}

static err on_create_stream(struct dialogue *d, struct command *cmd)
{
	if (++d->created > CREATE_MAX)
		return err_fail(ERR_LIMIT, "createStream for the %dth time", d->created);
	put_result(d, cmd, amf_number(last_stream(d)));
	return OK;
}

static err on_release(struct dialogue *d, struct command *cmd)
{
	d->fmle |= d->created == 0;
	put_result(d, cmd, amf_undefined());
	return OK;
}

static err on_fcpublish(struct dialogue *d, struct command *cmd)
{
	d->haivision |= d->created > 0;
	return on_release(d, cmd);
}

static err set_stream(struct dialogue *d, struct command *cmd)
{
	const char *name = command_text(cmd, 0, "");
	size_t n = strlen(name);
	if (n > TEXT_MAX)
		return err_fail(ERR_LIMIT, "a stream name of %zu bytes", n);
	d->out->stream = mem_strdup(name);
	/* Some clients play on stream 0, which is the connection's own. */
	d->out->stream_id = d->stream_id ? d->stream_id : (uint32_t)last_stream(d);
	d->out->tid = cmd->tid;
	d->out->object = cmd->object;
	cmd->object = NULL;
	d->done = true;
	return OK;
}

static err on_publish(struct dialogue *d, struct command *cmd)
{
	if (!command_text(cmd, 0, NULL)) /* publish(false) ends one */
		return OK;
	TRY(set_stream(d, cmd));
	d->out->role = d->fmle        ? ROLE_FMLE_PUBLISH
		       : d->haivision ? ROLE_HAIVISION_PUBLISH
				      : ROLE_FLASH_PUBLISH;
	if (!d->fmle && !d->haivision)
		return OK;
	struct amf *info = amf_object();
	amf_set(info, "code", amf_string("NetStream.Publish.Start"));
	amf_set(info, "description", amf_string("Started publishing stream."));
	rtmp_put_command(d->conn, CSID_STREAM, d->out->stream_id, "onFCPublish", 0, amf_null(),
			 info, NULL);
	return OK;
}

static err on_play(struct dialogue *d, struct command *cmd)
{
	if (!command_text(cmd, 0, NULL)) /* play(false) ends one */
		return OK;
	TRY(set_stream(d, cmd));
	d->out->role = ROLE_PLAY;
	d->out->duration_ms = command_num(cmd, 2, -1);
	return OK;
}

static err on_stream_length(struct dialogue *d, struct command *cmd)
{
	put_result(d, cmd, amf_number(0));
	return OK;
}

static err on_nothing(struct dialogue *d, struct command *cmd)
{
	(void)d;
	(void)cmd;
	return OK;
}

static err on_other(struct dialogue *d, struct command *cmd)
{
	put_result(d, cmd, amf_null());
	return OK;
}

static const struct {
	const char *name;
	err (*on)(struct dialogue *d, struct command *cmd);
} verbs[] = {
	{"createStream", on_create_stream},
	{"releaseStream", on_release},
	{"FCPublish", on_fcpublish},
	{"publish", on_publish},
	{"play", on_play},
	{"getStreamLength", on_stream_length},
	{"closeStream", on_nothing},
	{"deleteStream", on_nothing},
	/* Answers to what we never asked: an answer to them could go round for ever. */
	{"_result", on_nothing},
	{"_error", on_nothing},
	{"onStatus", on_nothing},
};

static err on_command(struct dialogue *d, struct command *cmd)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(cmd->name, verbs[i].name) == 0)
			return verbs[i].on(d, cmd);
	return on_other(d, cmd);
}

err rtmp_identify(struct rtmp_conn *conn, struct rtmp_identify *out)
{
	struct rtmp_identify id = {0};
	struct dialogue d = {.conn = conn, .out = &id};
	err e = OK;
	while (!e && !d.done) {
		struct command cmd = {0};
		e = command_recv(conn, &cmd, &d.stream_id);
		if (!e)
			e = on_command(&d, &cmd);
		command_fini(&cmd);
	}
	if (!e)
		e = rtmp_flush(conn);
	if (e) {
		rtmp_identify_fini(&id);
		return e;
	}
	*out = id;
	return OK;
}

void rtmp_identify_fini(struct rtmp_identify *id)
{
	free(id->stream);
	amf_free(&id->object);
	*id = (struct rtmp_identify){0};
}

/* --- statuses and ends --- */

static void put_info(struct rtmp_conn *conn, uint32_t stream_id, struct amf *info)
{
	amf_set(info, "clientid", amf_string(client_id));
	rtmp_put_command(conn, CSID_STREAM, stream_id, "onStatus", 0, amf_null(), info, NULL);
}

void rtmp_put_status(struct rtmp_conn *conn, uint32_t stream_id, const char *level,
		     const char *code, const char *description)
{
	put_info(conn, stream_id, make_info(level, code, description));
}

static void put_play_status(struct rtmp_conn *conn, uint32_t stream_id, const char *code,
			    const char *text)
{
	struct amf *info = make_info("status", code, text);
	amf_set(info, "details", amf_string("stream"));
	put_info(conn, stream_id, info);
}

void rtmp_put_play_start(struct rtmp_conn *conn, uint32_t stream_id)
{
	rtmp_put_user_control(conn, UC_STREAM_BEGIN, stream_id);
	put_play_status(conn, stream_id, "NetStream.Play.Reset", "Playing and resetting stream.");
	put_play_status(conn, stream_id, "NetStream.Play.Start", "Started playing stream.");
	/* The player may look at samples of audio and of video. */
	struct amf *values[] = {amf_string("|RtmpSampleAccess"), amf_bool(true), amf_bool(true)};
	struct buf b = {.max = 64};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		amf_write(&b, values[i]);
		amf_free(&values[i]);
	}
	rtmp_put(conn, CSID_STREAM, RTMP_DATA, stream_id, 0, buf_span(&b));
	buf_free(&b);
}

/* Until the client has called with a text, which is its word that it follows. */
static err wait_for_word(struct rtmp_conn *conn)
{
	for (bool heard = false; !heard;) {
		struct command cmd = {0};
		uint32_t stream_id;
		TRY(command_recv(conn, &cmd, &stream_id));
		heard = command_text(&cmd, 0, NULL) != NULL;
		if (heard)
			log_info("redirect: the client accepts by %s", log_quote(cmd.name));
		command_fini(&cmd);
	}
	return OK;
}

err rtmp_redirect(struct rtmp_conn *conn, const char *redirect, const char *redirect2)
{
	struct amf *ex = amf_object();
	amf_set(ex, "code", amf_number(302));
	amf_set(ex, "redirect", amf_string(redirect));
	amf_set(ex, "redirect2", amf_string(redirect2));
	struct amf *info =
		make_info("error", "NetConnection.Connect.Rejected", "RTMP 302 Redirect");
	amf_set(info, "ex", ex);
	rtmp_put_command(conn, CSID_STREAM, 0, "onStatus", 0, amf_null(), info, NULL);
	TRY(rtmp_flush(conn));
	int64_t limit = clock_after(REDIRECT_MS);
	if (sock_deadline(conn->sock) > limit)
		sock_set_deadline(conn->sock, limit);
	return wait_for_word(conn) == ERR_STOPPED ? ERR_STOPPED : OK; /* most clients just leave */
}

void rtmp_end(struct rtmp_conn **conn, uint32_t stream_id, const char *level, const char *code,
	      const char *description)
{
	struct rtmp_conn *c = *conn;
	if (!c)
		return;
	if (code)
		rtmp_put_status(c, stream_id, level, code, description);
	sock_set_deadline(c->sock, clock_after(GOODBYE_MS));
	if (rtmp_flush(c) == OK)
		sock_close_gently(&c->sock, GOODBYE_MS);
	rtmp_conn_free(conn);
}
