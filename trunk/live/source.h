/* source - one live stream: who feeds it, what it is, its recent messages, who consumes it.
 * Layer: live. Knows no protocol and no configuration; nothing here blocks.
 *
 * A source is counted. The feeder and each consumer hold it, whoever looks something up by name
 * may; it goes when the last one lets go. A feeder that leaves causes a gap: the next one within
 * the grace goes on where it ended. Relays hear of the gap at once, players of its end. */
#pragma once
#include "co/co.h"
#include "codec/encoder_time.h"
#include "live/consumer.h"
#include "live/fanout.h"
#include "live/headers.h"
#include "live/msg_log.h"
#include "live/starts.h"
#include "live/timeline.h"

struct packets;
struct publication;
struct source;

struct source_opts {
	uint32_t chunk_size; /* of the RTMP bytes made for all receivers */
	bool gop_cache;
	int gop_max_messages;     /* 0: no limit */
	int64_t resume_window_ms; /* the stream is kept so far back for servers that go on with it */
	int64_t backlog_ms;       /* how far a cursor or a reader may be behind */
	enum timeline_mode jitter;
	bool absolute_time;
	bool reduce_headers; /* drop a header that repeats the one before */
	int64_t batch_ms;    /* upper bound on the delay by batching; 0: none */
	bool notify_end;     /* tell players when it lasted longer */
};

/* A feeder writes into a source: a publisher's session, or a pull. */
enum feeder_kind { FEEDER_RELAY, FEEDER_PUBLISHER };
struct feeder {
	enum feeder_kind kind;
	/* The stream comes from another server, even if a publisher's, and further ones may want it here that
	 * have had it from elsewhere until now. */
	bool is_moving;
	struct source *source;           /* set while it feeds */
	struct publication *publication; /* of FEEDER_PUBLISHER: the layer above's; or NULL */
	const struct client *client;     /* likewise: as the API shows it */
	void (*on_lost)(struct feeder *feeder);     /* another feeder has taken the slot */
	void (*on_audience)(struct feeder *feeder); /* somebody joined; NULL: does not matter */
	/* A send slot of the source begins: has the feeder's own coroutine read and publish what has come,
	 * and call source_caught_up(); calls it at once when there is nothing to read from. Called by
	 * the reactor: must not block. NULL: the feeder reads by itself, always. */
	void (*on_read)(struct feeder *feeder);
};

/* An observer hears of streams as such: recorders, forwarding, metrics. It must not
 * block, and neither begin, leave nor finish a source; joining one is fine. Each function may be
 * NULL. */
struct source_observer {
	/* A feeder has taken the slot. `resumed`: the stream goes on, after a gap or in the place of
	 * another feeder; else it begins. */
	void (*on_begin)(struct source_observer *observer, struct source *source, bool resumed);
	/* The feeder left; another one may come within the grace. */
	void (*on_gap)(struct source_observer *observer, struct source *source);
	/* The stream is over. Once for each that began. */
	void (*on_end)(struct source_observer *observer, struct source *source);
	struct source_observer *prev, *next; /* of the registry */
};

/* The keeper of sources by name: the registry. */
struct source_keeper {
	struct source_observer *observers;
	void (*on_free)(struct source_keeper *keeper, struct source *source);
	/* A message was published while media memory is short (codec/media_memory.h). */
	void (*on_tight)(struct source_keeper *keeper);
};

/* So long after a feeder has begun whose stream is moving, it is kept from its beginning on: servers that had it from
 * somewhere else until then come now, and each wants to go on where it was. */
enum { SOURCE_YOUNG_MS = 5000 };

enum source_state { SOURCE_IDLE, SOURCE_LIVE, SOURCE_GAP };

struct source {
	int refs;
	char *key, *vhost, *app, *stream; /* fixed; owned */
	struct source_opts opts;
	struct source_keeper *keeper; /* borrowed; NULL: there is none */
	enum source_state state;
	bool is_on; /* a stream has begun and is not over */
	struct feeder *feeder;
	int64_t since_ms;    /* monotonic; beginning of this state */
	uint64_t gaps, ends; /* counted up; consumers compare */
	struct timer grace;
	struct timeline timeline;
	struct headers *headers;        /* of the feeder that is there */
	struct headers *former_headers; /* of the one before, which consumers have; see `repeats` */
	struct starts starts;
	bool await_key;     /* after a change of feeder: no half GOP, */
	int64_t key_due_ms; /* but no longer than until then; 0: no picture has come */
	uint8_t repeats; /* WIRE_ kinds whose former headers need not be told again if they repeat */
	bool has_audio, has_video;
	bool has_twin;                    /* messages of TRACK_TWIN come, or came (codec/frame.h) */
	struct encoder_time encoder_time; /* as servers were told last, by whatever feeder */
	bool is_encoder_time_told;        /* it is among the headers */
	int64_t tells_until_ms;           /* of so many tells that a further one is due then */
	struct msg_log log;
	int64_t keep_from_ms; /* see source_keep_from() */
	uint32_t audio_run;   /* audio messages since the last video */
	struct wire *wires;   /* list, one for each format that somebody takes */
	struct packets
		*packets; /* the same as RTP payloads (live/packets.h); NULL: nobody takes them */
	struct fanout fanout; /* whose send slot it is */
	int64_t video_ms;     /* arrival of the last picture */
	int consumer_count, player_count, relay_count;
	int64_t behind; /* players of other servers, as relays have told */
	/* facts for the API */
	struct video_info video;
	struct audio_info audio;
	int64_t recv_bytes, send_bytes;
	uint64_t video_frames;
};

struct source *source_new(const char *key, const char *vhost, const char *app, const char *stream,
			  const struct source_opts *opts);
struct source *source_ref(struct source *source);
void source_unref(struct source **source);

/* Takes the slot; the feeder before, if there is one, is told on_lost() and is out. False: a relay does
 * not take it from a publisher of this server. */
bool source_begin(struct source *source, struct feeder *feeder);
/* The feeder, which has just begun, takes up exactly where `mapped` says: raw time and source time. */
void source_anchor(struct source *source, uint32_t raw, int64_t mapped);
/* Publishes one message of the feeder; takes it. `raw` is the feeder's time, and the encoder's too unless the message
 * has that already (msg.has_raw). When there is no more for now, source_caught_up(). False: it was dropped, since it
 * repeats what is known, or is half a GOP, or since the feeder has lost the slot. */
bool source_publish(struct source *source, const struct feeder *feeder, struct msg **msg,
		    uint32_t raw);
/* Has what source_publish() writes to fetched; for a feeder that is about to read what it publishes. */
void source_fetch(const struct source *source);
/* Whether the feeder may leave its input alone until on_read(): nobody wants a message before. May
 * change with on_audience(), and whenever somebody leaves. */
bool source_is_paced(const struct source *source);
/* The feeder has published all that had come: those who are not batched have their send slot, and
 * those whose slot has begun. With `all` false there is more, but it was enough for a slice: then only the
 * first, since the others would miss the rest. Runs on_send_slot() of consumers, so the words of an error
 * that the caller carries are lost. Nothing happens if the feeder has lost the slot. */
void source_caught_up(struct source *source, const struct feeder *feeder, bool all);
/* The feeder leaves: a gap begins, which ends the stream after grace_ms. Nothing happens if the
 * feeder has lost the slot already. */
void source_leave(struct source *source, struct feeder *feeder, int64_t grace_ms);
/* Memory held for receivers that join or are slow, in bytes. */
size_t source_bytes(const struct source *source);
/* Gives most of that back: nobody can join before the next start, and slow receivers are moved. */
void source_shrink(struct source *source);
/* Receivers with cursor_opts.until_ms may ask for what follows the newest start that came before then (monotonic):
 * it is kept, as far as memory allows. 0: nothing but what is kept anyway: the newest start, the one that lies
 * resume_window_ms back, and for SOURCE_YOUNG_MS behind source_begin() the first one. */
void source_keep_from(struct source *source, int64_t ms);
/* The stream is over for everybody, now. */
void source_finish(struct source *source);
bool source_is_live(const struct source *source);
/* The newest key frame that is kept is of the feeder that is there, not of one before it. */
bool source_has_own_gop(const struct source *source);
/* Players of this stream, here and at the servers that have it from here, as far as they tell. */
int64_t source_players(const struct source *source);
/* A publisher of this server feeds it, not a pull. */
bool source_is_published(const struct source *source);

/* Opens a cursor (zeroed memory) in the source's bytes of a format; the wire is made if nobody else
 * takes that format, and goes with the last cursor. The owner holds the source until cursor_close(). */
void source_cursor_open(struct source *source, struct cursor *cursor,
			const struct cursor_opts *opts);
