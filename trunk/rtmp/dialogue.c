/* The encoders differ in what they send before publish, and in what they wait for:
 *
 *   FMLE, ffmpeg, OBS   releaseStream, FCPublish, createStream, publish
 *   Haivision           createStream, FCPublish, publish
 *   Flash               createStream, publish
 *
 * Two tables say which command is for whom: one before play or publish, one while something is published
 * or played. What both know is answered by the same functions. */
#include "rtmp/dialogue.h"
#include "base/mem.h"
#include "rtmp/inside.h"
#include "rtmp/server.h"
#include "rtmp/status.h"

#include <stdlib.h>

enum {
	TEXT_MAX = 4096,  /* of a name */
	STREAMS_MAX = 16, /* message streams that a client has at once */
};

struct dialogue {
	struct rtmp_conn *conn;
	uint32_t stream_id;             /* of the command at hand */
	const struct rtmp_identify *at; /* what is published or played; NULL: nothing yet */
	/* before */
	struct rtmp_identify *out;
	int created; /* createStream so far */
	bool fmle, haivision, done;
	/* while */
	struct rtmp_event *event;
	bool other_name; /* the message is to be read again, as the beginning of something else */
};

/* ---- message stream ids ---- */

static bool is_given(const struct rtmp_conn *conn, uint32_t id)
{
	return id >= 1 && id <= STREAMS_MAX && conn->streams & 1U << id;
}

static void give(struct rtmp_conn *conn, uint32_t id)
{
	if (id >= 1 && id <= STREAMS_MAX)
		conn->streams |= 1U << id;
}

static void take_back(struct rtmp_conn *conn, uint32_t id)
{
	if (id >= 1 && id <= STREAMS_MAX)
		conn->streams &= ~(1U << id);
}

/* 0: there is none. */
static uint32_t free_id(const struct rtmp_conn *conn)
{
	for (uint32_t id = 1; id <= STREAMS_MAX; id++)
		if (!is_given(conn, id))
			return id;
	return 0;
}

static uint32_t last_id(const struct rtmp_conn *conn)
{
	uint32_t id = STREAMS_MAX;
	while (id > 1 && !is_given(conn, id))
		id--;
	return id;
}

bool rtmp_is_media_of(struct rtmp_conn *conn, const struct rtmp_identify *at,
		      const struct rtmp_msg *m)
{
	if (m->stream_id == at->stream_id || !is_given(conn, m->stream_id))
		return true;
	conn_oddity(conn, "media on message stream %u, while %u is published", m->stream_id,
		    at->stream_id);
	return false;
}

/* Some clients do all on stream 0, which is the connection's own. */
static bool is_at(const struct dialogue *d)
{
	return d->stream_id == 0 || d->stream_id == d->at->stream_id ||
	       !is_given(d->conn, d->stream_id);
}

/* ---- answers ---- */

/* `value` is taken. No answer to what expects none. */
static void put_result(struct dialogue *d, const struct command *cmd, struct amf *value)
{
	if (cmd->tid > 0)
		rtmp_put_command(d->conn, CSID_CONNECTION, 0, "_result", cmd->tid, amf_null(),
				 value, NULL);
	else
		amf_free(&value);
}

/* Also for transaction 0: some encoders number from there, and wait for the id. */
static void on_create_stream(struct dialogue *d, struct command *cmd)
{
	uint32_t id = free_id(d->conn);
	d->created++;
	give(d->conn, id);
	if (id)
		rtmp_put_command(d->conn, CSID_CONNECTION, 0, "_result", cmd->tid, amf_null(),
				 amf_number(id), NULL);
	else
		rtmp_put_command(d->conn, CSID_CONNECTION, 0, "_error", cmd->tid, amf_null(),
				 rtmp_info("error", "NetConnection.Call.Failed",
					   "There are too many streams."),
				 NULL);
}

static void on_release(struct dialogue *d, struct command *cmd)
{
	d->fmle |= d->created == 0;
	put_result(d, cmd, amf_undefined());
}

static void on_fcpublish(struct dialogue *d, struct command *cmd)
{
	d->haivision |= d->created > 0;
	on_release(d, cmd);
}

static void on_stream_length(struct dialogue *d, struct command *cmd)
{
	put_result(d, cmd, amf_number(0));
}

/* Answers to questions that were never asked are among these: to answer them could go on for ever. */
static void on_nothing(struct dialogue *d, struct command *cmd)
{
	(void)d;
	(void)cmd;
}

/* ---- before play or publish ---- */

static void on_other(struct dialogue *d, struct command *cmd)
{
	put_result(d, cmd, amf_null());
}

/* False for a name that is too long, which is refused. */
static bool set_stream(struct dialogue *d, struct command *cmd)
{
	const char *name = command_text(cmd, 0, "");
	uint32_t id = d->stream_id ? d->stream_id : last_id(d->conn);
	if (strlen(name) > TEXT_MAX) {
		rtmp_put_status(d->conn, id, "error", "NetStream.Failed", "The name is too long.");
		return false;
	}
	d->out->stream = mem_strdup(name);
	d->out->stream_id = id;
	d->out->tid = cmd->tid;
	d->out->object = cmd->object;
	cmd->object = NULL;
	give(d->conn, id);
	return d->done = true;
}

static void on_publish(struct dialogue *d, struct command *cmd)
{
	/* publish(false) ends one. */
	if (!command_text(cmd, 0, NULL) || !set_stream(d, cmd))
		return;
	d->out->role = d->fmle        ? ROLE_FMLE_PUBLISH
		       : d->haivision ? ROLE_HAIVISION_PUBLISH
				      : ROLE_FLASH_PUBLISH;
	if (!d->fmle && !d->haivision)
		return;
	struct amf *info = amf_object();
	amf_set(info, "code", amf_string("NetStream.Publish.Start"));
	amf_set(info, "description", amf_string("Started publishing stream."));
	rtmp_put_command(d->conn, CSID_STREAM, d->out->stream_id, "onFCPublish", 0, amf_null(),
			 info, NULL);
}

/* play(name, start, duration, reset); some clients leave the duration out. */
static void on_play(struct dialogue *d, struct command *cmd)
{
	/* play(false) ends one. */
	if (!command_text(cmd, 0, NULL) || !set_stream(d, cmd))
		return;
	bool has_duration = cmd->argc > 2 && cmd->args[2]->kind == AMF_NUMBER;
	d->out->role = ROLE_PLAY;
	d->out->duration_ms = has_duration ? cmd->args[2]->number : -1;
}

/* Another server's question; whoever publishes or plays has none. */
static void on_may(struct dialogue *d, struct command *cmd)
{
	if (!cmd->argc)
		return on_other(d, cmd);
	d->out->role = ROLE_ASK;
	d->out->stream = mem_strdup("");
	d->out->tid = cmd->tid;
	d->out->object = cmd->args[0];
	cmd->args[0] = amf_null();
	d->done = true;
}

/* The message stream that deleteStream names; 0 when it names none. */
static uint32_t named_id(const struct command *cmd)
{
	double id = command_num(cmd, 0, 0);
	return id >= 1 && id <= UINT32_MAX ? (uint32_t)id : 0;
}

static void on_delete_idle(struct dialogue *d, struct command *cmd)
{
	take_back(d->conn, named_id(cmd));
}

/* ---- while something is published or played ---- */

static bool is_publishing(const struct dialogue *d)
{
	return d->at->role != ROLE_PLAY;
}

/* The names that encoders send beside publish have no query. */
static bool is_same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "?");
	return n == strcspn(b, "?") && strncmp(a, b, n) == 0;
}

static void put_unpublished(struct dialogue *d, const struct command *cmd)
{
	uint32_t id = d->at->stream_id;
	struct amf *info = amf_object();
	amf_set(info, "code", amf_string("NetStream.Unpublish.Success"));
	amf_set(info, "description", amf_string("Stop publishing stream."));
	rtmp_put_command(d->conn, CSID_STREAM, id, "onFCUnpublish", 0, amf_null(), info, NULL);
	put_result(d, cmd, amf_undefined());
	rtmp_put_status(d->conn, id, "status", "NetStream.Unpublish.Success",
			"Stream is now unpublished");
}

static void close_it(struct dialogue *d, const struct command *cmd)
{
	d->event->kind = RTMP_EVENT_CLOSED;
	if (is_publishing(d))
		put_unpublished(d, cmd);
}

static void on_fcunpublish(struct dialogue *d, struct command *cmd)
{
	if (is_publishing(d) && is_same_name(command_text(cmd, 0, d->at->stream), d->at->stream))
		close_it(d, cmd);
	else
		put_result(d, cmd, amf_undefined());
}

/* Without an id it is the stream that it came on. */
static void on_delete_stream(struct dialogue *d, struct command *cmd)
{
	uint32_t id = named_id(cmd);
	if (id ? id == d->at->stream_id : is_at(d))
		close_it(d, cmd);
	take_back(d->conn, id);
}

static void on_close_stream(struct dialogue *d, struct command *cmd)
{
	if (is_at(d))
		close_it(d, cmd);
}

static void put_refusal(struct dialogue *d, const char *code, const char *description)
{
	rtmp_put_status(d->conn, d->stream_id ? d->stream_id : d->at->stream_id, "error", code,
			description);
}

/* Another name on the same stream ends what was before it. */
static void begin_other(struct dialogue *d)
{
	d->event->kind = RTMP_EVENT_CLOSED;
	d->other_name = true;
}

static void on_publish_again(struct dialogue *d, struct command *cmd)
{
	const char *name = command_text(cmd, 0, NULL);
	if (!is_at(d) || !is_publishing(d)) {
		if (name)
			put_refusal(d, "NetStream.Publish.BadName",
				    "This connection is busy with another stream.");
	} else if (!name) {
		close_it(d, cmd);
	} else if (is_same_name(name, d->at->stream)) {
		rtmp_put_status(d->conn, d->at->stream_id, "status", "NetStream.Publish.Start",
				"Started publishing stream.");
	} else {
		begin_other(d);
	}
}

static void on_play_again(struct dialogue *d, struct command *cmd)
{
	const char *name = command_text(cmd, 0, NULL);
	if (!is_at(d) || is_publishing(d)) {
		if (name)
			put_refusal(d, "NetStream.Play.Failed",
				    "This connection is busy with another stream.");
	} else if (!name) {
		close_it(d, cmd);
	} else {
		begin_other(d);
	}
}

static void on_seek(struct dialogue *d, struct command *cmd)
{
	(void)cmd;
	put_refusal(d, "NetStream.Seek.Failed", "A live stream cannot be sought in.");
}

static bool is_on(const struct command *cmd)
{
	return cmd->argc > 0 && cmd->args[0]->kind == AMF_BOOL && cmd->args[0]->number != 0;
}

static void set_event(struct dialogue *d, struct command *cmd, enum rtmp_event_kind kind)
{
	if (is_publishing(d) || !is_at(d))
		return;
	d->event->kind = kind;
	d->event->on = is_on(cmd);
}

static void on_pause(struct dialogue *d, struct command *cmd)
{
	set_event(d, cmd, RTMP_EVENT_PAUSE);
}

static void on_receive_audio(struct dialogue *d, struct command *cmd)
{
	set_event(d, cmd, RTMP_EVENT_AUDIO);
}

static void on_receive_video(struct dialogue *d, struct command *cmd)
{
	set_event(d, cmd, RTMP_EVENT_VIDEO);
}

static void on_call(struct dialogue *d, struct command *cmd)
{
	put_result(d, cmd, amf_null());
	d->event->kind = RTMP_EVENT_CALL;
	d->event->call = *cmd;
	*cmd = (struct command){0};
}

/* ---- who is called ---- */

static const struct verb {
	const char *name;
	void (*before)(struct dialogue *d, struct command *cmd);
	void (*during)(struct dialogue *d, struct command *cmd);
} verbs[] = {
	{"createStream", on_create_stream, on_create_stream},
	{"releaseStream", on_release, on_release},
	{"FCPublish", on_fcpublish, on_release},
	{"FCUnpublish", on_other, on_fcunpublish},
	{"publish", on_publish, on_publish_again},
	{"play", on_play, on_play_again},
	{"srs_may", on_may, on_call},
	{"pause", on_nothing, on_pause},
	{"pauseRaw", on_nothing, on_pause},
	{"receiveAudio", on_nothing, on_receive_audio},
	{"receiveVideo", on_nothing, on_receive_video},
	{"seek", on_nothing, on_seek},
	{"getStreamLength", on_stream_length, on_stream_length},
	{"closeStream", on_nothing, on_close_stream},
	{"deleteStream", on_delete_idle, on_delete_stream},
	{"_result", on_nothing, on_nothing},
	{"_error", on_nothing, on_nothing},
	{"onStatus", on_nothing, on_nothing},
};

static const struct verb *verb_of(const struct command *cmd)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(cmd->name, verbs[i].name) == 0)
			return &verbs[i];
	static const struct verb other = {"", on_other, on_call};
	return &other;
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
			verb_of(&cmd)->before(&d, &cmd);
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

void rtmp_take_command(struct rtmp_conn *conn, const struct rtmp_identify *at, struct rtmp_msg *m,
		       struct rtmp_event *out)
{
	struct dialogue d = {.conn = conn, .at = at, .stream_id = m->stream_id, .event = out};
	struct command cmd = {0};
	*out = (struct rtmp_event){0};
	if (!command_take(conn, &cmd, m))
		return;
	verb_of(&cmd)->during(&d, &cmd);
	command_fini(&cmd);
	if (d.other_name)
		conn_unread(conn, m);
}

void rtmp_event_fini(struct rtmp_event *event)
{
	command_fini(&event->call);
	*event = (struct rtmp_event){0};
}
