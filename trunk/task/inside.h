/* inside - what the files of this layer share. Layer: task. */
#pragma once
#include "task/tasks.h"
#include "task/words.h"

struct task_stream;
struct ingest;

struct tasks {
	struct server *server;
	struct source_observer observer;
	struct children children;
	struct task_stream *streams; /* published, with programs */
	struct ingest *ingests;
	int64_t wall_ms; /* when the process began: the date in the outputs of ingests */
	bool serves, is_over;
};

/* ---- ingest.c ---- */

/* Starts, ends and replaces ingests as the configuration says; none when the tasks are over. */
void ingests_settle(struct tasks *tasks);

/* ---- stream_programs.c: exec and transcode ---- */

/* The same for programs of a stream; none when it is over. */
void stream_programs_settle(struct tasks *tasks, struct source *source);
void stream_programs_end(struct tasks *tasks, const struct source *source);
/* Whether a transcoder of ours makes this stream: it is not transcoded again. */
bool stream_is_transcoded(const struct tasks *tasks, const struct source *source);
/* The key of the stream that an RTMP URL has at this server; "" when it is none of ours. malloc'ed. */
char *task_output_key(const struct server *server, const char *url);
