/* hls - streams as segments and playlists, for the vhosts that want it. Layer: output.
 * It observes the sources: a stream that begins gets a segmenter with a coroutine of its own, which
 * reads the source's messages, and stays until the stream has been silent for `hls_dispose`. What was
 * made is kept in memory, to be served from there, and written to files behind it. */
#pragma once
#include "node/server.h"
#include "output/hls_list.h"
#include "output/hls_want.h"

struct hls;

/* Observes the server's registry from now on. */
struct hls *hls_new(struct server *server);
/* After the server's services were stopped. */
void hls_free(struct hls **hls);

/* The playlist, segment or key at this path ("/live/a.m3u8") of the vhost; borrowed until something blocks. Its bytes
 * may be in its file alone, below hls_path of the vhost: then it has no blob. NULL: it is not ours. */
const struct hls_item *hls_find(const struct hls *hls, const char *vhost, const char *path);

/* Which stream something is of, and where that one's playlist is ("live/a.m3u8"). Owned by the holder. */
struct hls_name {
	char *app, *stream, *list_path;
};
struct hls_name hls_name_of(const struct hls_item *item);
void hls_name_fini(struct hls_name *name);

/* Whether the path will be there in a moment: the playlist of a stream of low latency that has just begun, or the part
 * that its playlist announces. */
bool hls_expects(const struct hls *hls, const char *vhost, const struct hls_name *name,
		 const char *path);
enum hls_awaited { HLS_IS_THERE, HLS_NOT_THERE, HLS_TOO_FAR, HLS_TOO_LATE };
/* Waits until what is at the path is there, and is as new as is wanted; a playlist without low latency waits
 * for nothing. An error only when the caller is being stopped. */
err hls_await(const struct hls *hls, const char *vhost, const struct hls_name *name,
	      const char *path, const struct hls_want *want, enum hls_awaited *result) BLOCKS;
/* The playlist without what a player knows already; borrowed. NULL: it has to be the whole one. */
struct blob *hls_delta(const struct hls *hls, const char *vhost, const struct hls_name *name);

/* Segments since the start of the process. */
struct hls_segment_counts {
	int64_t made, lost;
};
const struct hls_segment_counts *hls_segment_counts(void);

/* Media types, told apart by their address: an initialization segment has that of fragments. */
extern const char hls_type_list[], hls_type_ts[], hls_type_mp4[], hls_type_init[], hls_type_key[];
