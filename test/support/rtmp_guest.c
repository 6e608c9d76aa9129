#include "support/rtmp_guest.h"
#include "base/mem.h"
#include "rtmp/command.h"
#include "service/rtmp_service.h"
#include "support/pair.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

enum { CHUNK_SIZE = 4096, NEAR_PORT = 1935, FAR_PORT = 50000, HEARD_MAX = 65536 };

static const char * or (const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

err rtmp_guest_connect(struct rtmp_guest *g, struct server *server,
		       const struct rtmp_guest_opts *opts)
{
	struct pair pair;
	*g = (struct rtmp_guest){.heard.max = HEARD_MAX};
	assert_int_equal(pair_open(&pair, NEAR_PORT, FAR_PORT), OK);
	rtmp_service_accept(server, pair.near);
	const char *app = or (opts->app, "live");
	char *url = mem_printf("rtmp://%s/%s%s", or (opts->tc_host, "127.0.0.1"), app,
			       or (opts->query, ""));
	err e = rtmp_client_connect(&g->conn, &pair.far,
				    &(struct rtmp_client_opts){
					    .app = app,
					    .tc_url = url,
					    .page_url = "http://page.example/",
					    .swf_url = "",
					    .args = opts->args,
					    .chunk_size = CHUNK_SIZE,
					    .deadline = clock_after(GUEST_PATIENCE_MS),
				    },
				    &g->stream_id, &g->said);
	free(url);
	return g->end = e;
}

err rtmp_guest_publish(struct rtmp_guest *g, const char *stream)
{
	return g->end = rtmp_client_publish(g->conn, g->stream_id, stream, NULL, &g->said);
}

err rtmp_guest_play(struct rtmp_guest *g, const char *stream)
{
	return g->end = rtmp_client_play(g->conn, g->stream_id, stream, NULL);
}

void rtmp_guest_send(struct rtmp_guest *g, enum rtmp_guest_media media, uint32_t ts)
{
	/* H.263 and MP3: they need no header to be played. */
	static const uint8_t header[] = {0x17, 0,    0,    0, 0,    1,    0x42, 0xC0,
					 0x1F, 0xFF, 0xE1, 0, 4,    0x67, 0x42, 0xC0,
					 0x1F, 1,    0,    4, 0x68, 0xCE, 0x3C, 0x80};
	static const uint8_t key[] = {0x12, 1, 2, 3, 4}, picture[] = {0x22, 5, 6, 7},
			     sound[] = {0x2F, 8, 9};
	static const struct span bytes[] = {
		[GUEST_HEADER] = {header, sizeof(header)},
		[GUEST_KEY] = {key, sizeof(key)},
		[GUEST_PICTURE] = {picture, sizeof(picture)},
		[GUEST_SOUND] = {sound, sizeof(sound)},
	};
	bool is_audio = media == GUEST_SOUND;
	rtmp_put(g->conn, is_audio ? CSID_AUDIO : CSID_VIDEO, is_audio ? RTMP_AUDIO : RTMP_VIDEO,
		 g->stream_id, ts, bytes[media]);
	g->end = rtmp_flush(g->conn);
}

void rtmp_guest_say(struct rtmp_guest *g, const char *name, struct amf *value)
{
	rtmp_put_command(g->conn, CSID_STREAM, g->stream_id, name, 0, amf_null(), value, NULL);
	g->end = rtmp_flush(g->conn);
}

static void take_command(struct rtmp_guest *g, const struct rtmp_msg *m)
{
	struct command c = {0};
	if (command_read(&c, m) != OK)
		return;
	const char *code = c.argc ? amf_get_string(c.args[0], "code", "") : "";
	const char *where =
		amf_get_string(c.argc ? amf_get(c.args[0], "ex") : NULL, "redirect", "");
	buf_printf(&g->heard, "%s %s %s ", c.name, code, where);
	command_fini(&c);
}

static void take_message(struct rtmp_guest *g)
{
	struct rtmp_msg m = {0};
	sock_set_deadline(g->conn->sock, clock_after(GUEST_PATIENCE_MS));
	g->end = rtmp_recv(g->conn, &m);
	if (!g->end) {
		g->audio += m.type == RTMP_AUDIO;
		g->video += m.type == RTMP_VIDEO;
		if (m.type == RTMP_AUDIO || m.type == RTMP_VIDEO)
			g->last_ts = m.ts;
		if (m.type == RTMP_COMMAND)
			take_command(g, &m);
		if (m.type == RTMP_DATA)
			buf_printf(&g->heard, "data ");
	}
	rtmp_msg_fini(&m);
}

void rtmp_guest_hear(struct rtmp_guest *g, const char *text)
{
	while (!strstr(buf_text(&g->heard), text)) {
		take_message(g);
		if (g->end)
			fail_msg("%s instead of %s, behind %s", err_slug(g->end), text,
				 buf_text(&g->heard));
	}
}

void rtmp_guest_watch(struct rtmp_guest *g, int pictures)
{
	while (g->video < pictures) {
		take_message(g);
		if (g->end)
			fail_msg("%s after %d pictures and %s", err_slug(g->end), g->video,
				 buf_text(&g->heard));
	}
}

void rtmp_guest_hear_end(struct rtmp_guest *g)
{
	while (!g->end)
		take_message(g);
	assert_int_equal(g->end, ERR_CLOSED);
}

void rtmp_guest_leave(struct rtmp_guest *g)
{
	rtmp_conn_free(&g->conn);
	buf_free(&g->heard);
}
