#include "rtmp/status.h"
#include "base/log.h"
#include "rtmp/server.h"

enum { REDIRECT_MS = 3000, GOODBYE_MS = 1500 };

static const char client_id[] = "ASAICiss";

struct amf *rtmp_info(const char *level, const char *code, const char *description)
{
	struct amf *info = amf_object();
	amf_set(info, "level", amf_string(level));
	amf_set(info, "code", amf_string(code));
	amf_set(info, "description", amf_string(description));
	return info;
}

static void put_info(struct rtmp_conn *conn, uint32_t stream_id, struct amf *info)
{
	amf_set(info, "clientid", amf_string(client_id));
	rtmp_put_command(conn, CSID_STREAM, stream_id, "onStatus", 0, amf_null(), info, NULL);
}

void rtmp_put_status(struct rtmp_conn *conn, uint32_t stream_id, const char *level,
		     const char *code, const char *description)
{
	put_info(conn, stream_id, rtmp_info(level, code, description));
}

void rtmp_put_reconnect(struct rtmp_conn *conn, const char *tc_url)
{
	struct amf *info = rtmp_info("status", "NetConnection.Connect.ReconnectRequest",
				     "The server is being shut down.");
	if (*tc_url)
		amf_set(info, "tcUrl", amf_string(tc_url));
	rtmp_put_command(conn, CSID_CONNECTION, 0, "onStatus", 0, amf_null(), info, NULL);
}

static void put_play_status(struct rtmp_conn *conn, uint32_t stream_id, const char *code,
			    const char *text)
{
	struct amf *info = rtmp_info("status", code, text);
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

/* Waits for a call with a text, by which the client says that it follows the redirect. */
static err wait_for_consent(struct rtmp_conn *conn)
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
		rtmp_info("error", "NetConnection.Connect.Rejected", "RTMP 302 Redirect");
	amf_set(info, "ex", ex);
	rtmp_put_command(conn, CSID_STREAM, 0, "onStatus", 0, amf_null(), info, NULL);
	TRY(rtmp_flush(conn));
	int64_t limit = clock_after(REDIRECT_MS);
	if (sock_deadline(conn->sock) > limit)
		sock_set_deadline(conn->sock, limit);
	return wait_for_consent(conn) == ERR_STOPPED ? ERR_STOPPED
						     : OK; /* most clients just leave */
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
