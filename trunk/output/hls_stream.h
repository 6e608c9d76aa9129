/* hls_stream - one stream that is cut into segments. Layer: output, for hls.c. */
#pragma once
#include "live/consumer.h"
#include "live/reader.h"
#include "output/file_hook.h"
#include "output/files.h"
#include "output/hls.h"
#include "output/hls_parts.h"
#include "output/segmenter.h"

struct hls {
	struct server *server;
	struct source_observer observer;
	struct map *streams; /* by the source's key */
	struct map *items;   /* by "vhost/path"; borrowed */
};

/* A request that waits for news of the playlist. */
struct hls_waiter {
	struct hls_waiter *prev, *next;
	struct co *co;
	bool is_queued;
};

struct hls_stream {
	struct hls *hls;
	char *key, *vhost, *app, *stream;
	struct conf *conf; /* the snapshot of the newest beginning */
	const struct conf_vhost *conf_vhost;
	const struct conf_hls *opts; /* of it */
	struct source *source;       /* to be read; one reference. NULL: it is over */
	struct co *co;
	struct consumer consumer;
	struct reader reader;
	struct segmenter segmenter;
	struct files *files; /* NULL: memory alone */
	struct hls_list list;
	struct hls_parts parts;
	struct blob *delta; /* the list without its older segments; NULL: not made yet */
	struct hls_waiter *waiters;
	struct file_hook_publisher publisher;
	char *list_path;
	struct hls_item *list_item, *init, *key_item;
	unsigned init_configuration; /* of the segmenter, when `init` was made */
	uint8_t key_bytes[16], iv[16];
	int64_t key_left; /* segments that the key is still for */
	bool is_mp4, says_late, says_format;
	bool was_there; /* it was looked what had been before */
	bool is_short;  /* it was told that its segments do not fit into the memory */
};

/* Makes it and starts its coroutine. */
void hls_stream_new(struct hls *hls, struct source *source, const struct conf_vhost *vhost);
/* The stream of that source begins, or goes on: it has HLS if its vhost wants that. */
void hls_begin(struct hls *hls, struct source *source);
/* Its source has begun again. */
void hls_stream_begin(struct hls_stream *s, struct source *source);
/* The open segment, which was ended, becomes a part of the list. */
void hls_stream_publish(struct hls_stream *s) BLOCKS;
/* The prefix of each segment's URI in the list; owned by the caller. */
char *hls_stream_prefix(const struct hls_stream *s);
/* Goes on with what was cut before the server was started, before anything is read; a disk that does not answer within
 * a second is not waited for. */
void hls_stream_recover(struct hls_stream *s) BLOCKS;
/* Whether a segment of this number comes behind the list. Where it leaves numbers out the list ends for that. */
bool hls_stream_follows(struct hls_stream *s, int64_t number);
/* The list has changed; or only the parts of it that files do not have. */
void hls_stream_write_list(struct hls_stream *s);
void hls_stream_write_parts(struct hls_stream *s);
/* Borrowed; NULL: there is nothing to leave out. */
struct blob *hls_stream_delta(struct hls_stream *s);
/* Wakes all that wait for news. */
void hls_stream_wake(struct hls_stream *s);
/* A path by one of the patterns, owned by the caller; ms: of the segment. */
char *hls_stream_path(const struct hls_stream *s, const char *pattern, int64_t number, int64_t ms);
/* s->init is that of the tracks as they are now. */
void hls_stream_renew_init(struct hls_stream *s, int64_t number);
/* As hls_stream_put(), of MP4 and without a file. */
struct hls_item *hls_stream_put_part(struct hls_stream *s, char *path, struct blob *blob);
/* Something that can be fetched, and a file. Takes path and blob; one reference. */
struct hls_item *hls_stream_put(struct hls_stream *s, char *path, struct blob *blob,
				const char *type);
/* The same for a segment, whose file somebody is told of. */
struct hls_item *hls_stream_put_segment(struct hls_stream *s, char *path, struct blob *blob,
					const char *type, struct files_done done);
/* Something whose n bytes lie in its file already. Takes the path. */
struct hls_item *hls_stream_put_file(struct hls_stream *s, char *path, const char *type, size_t n);
/* A new key for the coming segments; encrypts the bytes of this one in place, in slices. */
err hls_key_renew(struct hls_stream *s, int64_t number);
err hls_key_encrypt(const struct hls_stream *s, struct buf *bytes) BLOCKS;
