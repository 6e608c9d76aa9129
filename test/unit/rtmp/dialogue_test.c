/* What clients say before they play or publish and while they do, and what becomes of it. */
#include "base/mem.h"
#include "rtmp/server.h"
#include "support/rtmp_peer.h"
#include "support/unit.h"

#include <stdlib.h>

static void call(struct rtmp_conn *w, const char *name, double tid, struct amf *a, struct amf *b)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, name, tid, amf_null(), a, b);
}

static void call_on(struct rtmp_conn *w, uint32_t id, const char *name, double tid, struct amf *a)
{
	rtmp_put_command(w, CSID_STREAM, id, name, tid, amf_null(), a, NULL);
}

static void call_stream(struct rtmp_conn *w, uint32_t id, const char *name, const char *stream)
{
	rtmp_put_command(w, CSID_STREAM, id, name, 5, amf_null(), amf_string(stream),
			 amf_string("live"));
}

/* --- before --- */

static void put_values(struct rtmp_conn *w, uint32_t id, struct amf *values[], size_t n)
{
	struct buf b = {.max = 256};
	for (size_t i = 0; i < n; i++) {
		amf_write(&b, values[i]);
		amf_free(&values[i]);
	}
	rtmp_put(w, CSID_STREAM, RTMP_COMMAND, id, 0, buf_span(&b));
	buf_free(&b);
}

static void say_deep(struct rtmp_conn *w)
{
	uint8_t *p = mem_zalloc(60000);
	memcpy(p, "\x02\0\x01x\0\0\0\0\0\0\0\0\0", 13);
	for (size_t i = 13; i + 4 < 60000; i += 4)
		memcpy(p + i, "\x03\0\x01k", 4);
	rtmp_put(w, CSID_STREAM, RTMP_COMMAND, 0, 0, span_of(p, 60000));
	free(p);
}

static void say_fmle(struct rtmp_conn *w)
{
	call(w, "releaseStream", 2, amf_string("s"), NULL);
	call(w, "FCPublish", 3, amf_string("s"), NULL);
	call(w, "createStream", 4, NULL, NULL);
	call(w, "_checkbw", 5, NULL, NULL);
	call_stream(w, 1, "publish", "s?k=v");
}

static void say_haivision(struct rtmp_conn *w)
{
	call(w, "createStream", 2, NULL, NULL);
	call(w, "FCPublish", 3, amf_string("s"), NULL);
	call_stream(w, 1, "publish", "s");
}

static void say_flash(struct rtmp_conn *w)
{
	call(w, "createStream", 2, NULL, NULL);
	rtmp_put(w, CSID_STREAM, RTMP_COMMAND_AMF3, 0, 0,
		 span_of("\0\x02\0\x01x\0\x40\x08\0\0\0\0\0\0\x05", 15));
	call_stream(w, 1, "publish", "s");
}

static void say_play(struct rtmp_conn *w)
{
	call(w, "createStream", 2, NULL, NULL);
	call(w, "getStreamLength", 3, amf_string("s"), NULL);
	rtmp_put_user_control(w, UC_SET_BUFFER, 1);
	rtmp_put_command(w, CSID_STREAM, 1, "play", 0, amf_null(), amf_string("s"),
			 amf_number(-2000));
}

static void say_play_bare(struct rtmp_conn *w)
{
	struct amf *values[] = {amf_string("play"), amf_number(0),  amf_null(),
				amf_string("s"),    amf_number(-2), amf_number(1500)};
	put_values(w, 0, values, 6);
}

static void say_second_stream(struct rtmp_conn *w)
{
	call(w, "createStream", 2, NULL, NULL);
	call(w, "createStream", 3, NULL, NULL);
	rtmp_put_command(w, CSID_STREAM, 1, "deleteStream", 0, amf_null(), amf_number(1), NULL);
	rtmp_put_command(w, CSID_STREAM, 1, "closeStream", 0, amf_null(), NULL, NULL);
	rtmp_put_command(w, CSID_STREAM, 1, "publish", 0, amf_null(), amf_bool(false), NULL);
	rtmp_put_command(w, CSID_STREAM, 1, "play", 0, amf_null(), amf_bool(false), NULL);
	call(w, "_result", 9, NULL, NULL);
	call(w, "FCUnpublish", 10, amf_string("s"), NULL);
	call(w, "notify", 0, amf_string("s"), NULL);
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 0, span_str("too early"));
	call_stream(w, 2, "play", "s");
}

static void say_too_many_streams(struct rtmp_conn *w)
{
	for (int i = 0; i < 17; i++)
		call(w, "createStream", i, NULL, NULL);
	call(w, "deleteStream", 0, amf_number(3), NULL);
	call(w, "createStream", 99, NULL, NULL);
	call_stream(w, 3, "play", "s");
}

/* Each of them is ignored. */
static void say_unreadable(struct rtmp_conn *w)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bodies[] = {
		{"\2\0\7publish", 10},                           /* no transaction */
		{"\2\0\7publish\5", 11},                         /* a null instead of one */
		{"\2\0\4play\0\0\0\0", 11},                      /* cut off */
		{"\2\0\4play\0\0\0\0\0\0\0\0\0\5\x11\6\3x", 20}, /* AMF3 in it */
		{"\2\0\x0d@setDataFrame\2\0\nonMetaData", 29},   /* data */
		{"\0\x40\0\0\0\0\0\0\0", 9},                     /* no name */
	};
	rtmp_put(w, CSID_STREAM, RTMP_COMMAND, 1, 0, span_of("", 0));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		rtmp_put(w, CSID_STREAM, RTMP_COMMAND, 1, 0, span_of(bodies[i].bytes, bodies[i].n));
	say_deep(w);
	call_stream(w, 1, "publish", "s");
}

static void say_without_object(struct rtmp_conn *w)
{
	struct amf *values[] = {amf_string("publish"), amf_number(0), amf_string("s"),
				amf_string("live")};
	put_values(w, 1, values, 4);
}

static void say_play_flag(struct rtmp_conn *w)
{
	struct amf *values[] = {amf_string("play"), amf_number(0),     amf_null(),
				amf_string("s"),    amf_number(-2000), amf_bool(true)};
	put_values(w, 1, values, 6);
}

static void say_long_name(struct rtmp_conn *w)
{
	char *name = mem_zalloc(5001);
	memset(name, 'n', 5000);
	call_stream(w, 1, "play", name);
	free(name);
	call_stream(w, 1, "play", "short");
}

#define ON_FCPUBLISH                                                                               \
	"20@1 'onFCPublish' 0 null {code='NetStream.Publish.Start' description='Started "          \
	"publishing stream.'}\n"

static const struct {
	const char *what;
	void (*say)(struct rtmp_conn *w);
	err e;
	enum rtmp_role role;
	const char *stream;
	uint32_t stream_id;
	double duration_ms;
	const char *answers; /* NULL: of no interest */
} flows[] = {
	{"FMLE", say_fmle, OK, ROLE_FMLE_PUBLISH, "s?k=v", 1, 0,
	 "20@0 '_result' 2 null undefined\n20@0 '_result' 3 null undefined\n20@0 '_result' 4 null "
	 "1\n"
	 "20@0 '_result' 5 null null\n" ON_FCPUBLISH},
	{"Haivision", say_haivision, OK, ROLE_HAIVISION_PUBLISH, "s", 1, 0,
	 "20@0 '_result' 2 null 1\n20@0 '_result' 3 null undefined\n" ON_FCPUBLISH},
	{"Flash", say_flash, OK, ROLE_FLASH_PUBLISH, "s", 1, 0,
	 "20@0 '_result' 2 null 1\n20@0 '_result' 3 null null\n"},
	{"a player", say_play, OK, ROLE_PLAY, "s", 1, -1,
	 "20@0 '_result' 2 null 1\n20@0 '_result' 3 null 0\n"},
	{"a player without createStream", say_play_bare, OK, ROLE_PLAY, "s", 1, 1500, ""},
	{"a player that says reset where the duration stands", say_play_flag, OK, ROLE_PLAY, "s", 1,
	 -1, ""},
	{"a second stream", say_second_stream, OK, ROLE_PLAY, "s", 2, -1,
	 "20@0 '_result' 2 null 1\n20@0 '_result' 3 null 2\n20@0 '_result' 10 null null\n"},
	{"too many streams", say_too_many_streams, OK, ROLE_PLAY, "s", 3, -1, NULL},
	{"a long name", say_long_name, OK, ROLE_PLAY, "short", 1, -1,
	 "20@1 'onStatus' 0 null {level='error' code='NetStream.Failed' "
	 "description='The name is too long.' clientid='ASAICiss'}\n"},
	{"commands that cannot be read", say_unreadable, OK, ROLE_FLASH_PUBLISH, "s", 1, 0, ""},
	{"a publish without the object", say_without_object, OK, ROLE_FLASH_PUBLISH, "s", 1, 0, ""},
};

static void serve_flow(size_t i, enum feed feed)
{
	struct peer *peer = peer_new(feed);
	struct rtmp_identify id = {0};
	flows[i].say(&peer->say);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	sock_set_deadline(conn->sock, clock_after(10000));
	err e = rtmp_identify(conn, &id);
	if (e != flows[i].e)
		fail_msg("%s: %s", flows[i].what, err_trail(e));
	if (!e) {
		assert_int_equal(id.role, flows[i].role);
		assert_string_equal(id.stream, flows[i].stream);
		assert_int_equal(id.stream_id, flows[i].stream_id);
		if (id.role == ROLE_PLAY)
			assert_true(id.duration_ms == flows[i].duration_ms);
	}
	rtmp_identify_fini(&id);
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *text = peer_text(buf_span(&peer->heard));
	if (flows[i].answers)
		assert_string_equal(text, flows[i].answers);
	free(text);
	peer_free(&peer);
	assert_int_equal(msg_live(), 0);
}

static void each_kind_of_client_is_recognised(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		for (int feed = 0; feed < FEEDS; feed++)
			serve_flow(i, (enum feed)feed);
}

/* --- while it publishes or plays --- */

static void put_media(struct rtmp_conn *w, uint32_t id)
{
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, id, 0, span_str("a"));
}

static void begin(struct rtmp_conn *w, const char *verb)
{
	call(w, "createStream", 1, NULL, NULL);
	call(w, "createStream", 2, NULL, NULL);
	call_stream(w, 2, verb, "s?k=v");
}

static void during_publish(struct rtmp_conn *w)
{
	begin(w, "publish");
	call(w, "_checkbw", 6, NULL, NULL);
	call(w, "_result", 0, amf_number(0), NULL);
	call(w, "FCPublish", 7, amf_string("s"), NULL);
	call(w, "createStream", 8, NULL, NULL);
	call(w, "createStream", 0, NULL, NULL);
	call(w, "deleteStream", 9, amf_number(1), NULL);
	call(w, "deleteStream", 9, amf_number(77), NULL);
	call_on(w, 3, "closeStream", 0, NULL);
	call(w, "FCUnpublish", 10, amf_string("another"), NULL);
	rtmp_put(w, CSID_STREAM, RTMP_COMMAND, 2, 0,
		 span_of("\2\0\x0c"
			 "deleteStream",
			 15));
	call_on(w, 3, "publish", 0, amf_bool(false));
	call_on(w, 2, "pause", 0, amf_bool(true));
	put_media(w, 2);
	put_media(w, 0);
	put_media(w, 3);
}

static void publish_elsewhere(struct rtmp_conn *w)
{
	begin(w, "publish");
	call_stream(w, 1, "publish", "other");
	call_stream(w, 1, "play", "other");
	call_stream(w, 2, "play", "other");
	call_stream(w, 2, "publish", "s?k=w");
}

static void publish_false(struct rtmp_conn *w)
{
	begin(w, "publish");
	call_on(w, 2, "publish", 0, amf_bool(false));
	call_stream(w, 2, "publish", "t");
}

static void publish_another_name(struct rtmp_conn *w)
{
	begin(w, "publish");
	call_stream(w, 2, "publish", "t");
}

static void unpublish(struct rtmp_conn *w)
{
	begin(w, "publish");
	call(w, "FCUnpublish", 10, amf_string("s"), NULL);
	call(w, "deleteStream", 0, amf_number(2), NULL);
	call(w, "createStream", 3, NULL, NULL);
	call_stream(w, 2, "publish", "again");
	call(w, "deleteStream", 0, amf_number(2), NULL);
	call_stream(w, 0, "publish", "third");
	call_on(w, 0, "closeStream", 0, NULL);
}

static void during_play(struct rtmp_conn *w)
{
	begin(w, "play");
	call_on(w, 2, "pause", 0, amf_bool(true));
	call_on(w, 0, "pauseRaw", 0, amf_bool(false));
	call_on(w, 1, "pause", 0, amf_bool(true));
	call_on(w, 2, "receiveAudio", 0, amf_bool(false));
	call_on(w, 2, "receiveVideo", 0, amf_bool(true));
	call_on(w, 2, "seek", 0, amf_number(5));
	call_on(w, 0, "srs_players", 0, amf_number(3));
	call(w, "getStreamLength", 7, amf_string("s"), NULL);
	call_stream(w, 1, "publish", "other");
	call_on(w, 1, "play", 0, amf_bool(false));
	call_stream(w, 2, "play", "next");
	call_on(w, 2, "play", 0, amf_bool(false));
}

#define CREATED "20@0 '_result' 1 null 1\n20@0 '_result' 2 null 2\n"
#define STATUS(id, level, code, text)                                                              \
	"20@" id " 'onStatus' 0 null {level='" level "' code='" code "' description='" text        \
	"' clientid='ASAICiss'}\n"
#define BUSY "This connection is busy with another stream."
#define UNPUBLISHED(result)                                                                        \
	"20@2 'onFCUnpublish' 0 null {code='NetStream.Unpublish.Success' description='Stop "       \
	"publishing stream.'}\n" result STATUS("2", "status", "NetStream.Unpublish.Success",       \
					       "Stream is now unpublished")

static const struct {
	const char *what;
	void (*say)(struct rtmp_conn *w);
	const char *events;
	const char *answers;
} conversations[] = {
	{"what changes nothing", during_publish,
	 "publish s?k=v@2, call _checkbw, media, media, drop, ",
	 CREATED
	 "20@0 '_result' 6 null null\n20@0 '_result' 7 null undefined\n20@0 '_result' 8 null "
	 "3\n20@0 '_result' 0 null 4\n20@0 '_result' 10 null undefined\n"},
	{"another stream on the same connection", publish_elsewhere, "publish s?k=v@2, ",
	 CREATED STATUS("1", "error", "NetStream.Publish.BadName",
			BUSY) STATUS("1", "error", "NetStream.Play.Failed",
				     BUSY) STATUS("2", "error", "NetStream.Play.Failed", BUSY)
		 STATUS("2", "status", "NetStream.Publish.Start", "Started publishing stream.")},
	{"publish(false)", publish_false, "publish s?k=v@2, closed, publish t@2, ",
	 CREATED UNPUBLISHED("")},
	{"another name", publish_another_name, "publish s?k=v@2, closed, publish t@2, ", CREATED},
	{"one after the other", unpublish,
	 "publish s?k=v@2, closed, publish again@2, closed, publish third@1, closed, ", NULL},
	{"a player", during_play,
	 "play s?k=v@2, pause 1, pause 0, audio 0, video 1, call srs_players, closed, play next@2, "
	 "closed, ",
	 CREATED STATUS(
		 "2", "error", "NetStream.Seek.Failed",
		 "A live stream cannot be sought in.") "20@0 '_result' 7 null 0\n" STATUS("1",
											  "error",
											  "NetStrea"
											  "m."
											  "Publish."
											  "BadName",
											  BUSY)},
};

static void put_event(struct buf *events, const struct rtmp_event *event)
{
	static const char *const names[] = {
		[RTMP_EVENT_CLOSED] = "closed", [RTMP_EVENT_PAUSE] = "pause",
		[RTMP_EVENT_AUDIO] = "audio",   [RTMP_EVENT_VIDEO] = "video",
		[RTMP_EVENT_CALL] = "call",
	};
	bool has_flag = event->kind >= RTMP_EVENT_PAUSE && event->kind <= RTMP_EVENT_VIDEO;
	if (event->kind == RTMP_EVENT_NONE)
		return;
	buf_printf(events, "%s%s%s%s, ", names[event->kind],
		   has_flag ? event->on ? " 1" : " 0" : "",
		   event->kind == RTMP_EVENT_CALL ? " " : "",
		   event->kind == RTMP_EVENT_CALL ? event->call.name : "");
}

/* Until something is closed, or the peer has hung up. */
static err follow(struct rtmp_conn *conn, const struct rtmp_identify *at, struct buf *events)
{
	for (bool closed = false; !closed;) {
		struct rtmp_event event = {0};
		struct rtmp_msg m;
		TRY(rtmp_recv(conn, &m));
		if (m.type == RTMP_COMMAND)
			rtmp_take_command(conn, at, &m, &event);
		else
			buf_printf(events, "%s, ",
				   rtmp_is_media_of(conn, at, &m) ? "media" : "drop");
		put_event(events, &event);
		closed = event.kind == RTMP_EVENT_CLOSED;
		rtmp_event_fini(&event);
		rtmp_msg_fini(&m);
	}
	return OK;
}

static void serve_conversation(size_t i, enum feed feed)
{
	struct peer *peer = peer_new(feed);
	struct buf events = {.max = 4096};
	conversations[i].say(&peer->say);
	peer->hang_up = true;
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	sock_set_deadline(conn->sock, clock_after(10000));
	for (err e = OK; !e;) {
		struct rtmp_identify at = {0};
		e = rtmp_identify(conn, &at);
		if (!e) {
			buf_printf(&events, "%s %s@%u, ", at.role == ROLE_PLAY ? "play" : "publish",
				   at.stream, at.stream_id);
			e = follow(conn, &at, &events);
		}
		rtmp_identify_fini(&at);
	}
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *text = peer_text(buf_span(&peer->heard));
	buf_u8(&events, 0);
	assert_string_equal((char *)events.p, conversations[i].events);
	if (conversations[i].answers)
		assert_string_equal(text, conversations[i].answers);
	free(text);
	buf_free(&events);
	peer_free(&peer);
	assert_int_equal(msg_live(), 0);
}

static void only_what_concerns_its_stream_changes_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(conversations) / sizeof(conversations[0]); i++)
		for (int feed = 0; feed < FEEDS; feed++)
			serve_conversation(i, (enum feed)feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_client_is_recognised),
		cmocka_unit_test(only_what_concerns_its_stream_changes_it),
	};
	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
