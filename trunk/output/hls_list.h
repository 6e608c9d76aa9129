/* hls_list - the media playlist of a stream: its segments and its text (RFC 8216). Layer: output. Pure.
 * What has left the list stays to be had for as long as a player may still want it (6.2.2). */
#pragma once
#include "output/blob.h"

/* A thing that can be fetched: counted, since segments share keys and initialization segments. */
struct hls_item {
	int refs;
	void (*on_free)(struct hls_item *item); /* its last reference goes; NULL */
	void *ctx;                              /* of whoever set on_free */
	char *path;     /* below the folder of the stream's outputs: "live/a-1.ts" */
	char *uri;      /* as it stands in the list */
	size_t from, n; /* of the blob */
	char *tag;      /* attributes: of a key; of a list, in a master playlist */
	struct blob *blob;
	const char *type; /* media type */
	bool has_file;
};
/* `blob`: taken; NULL: its bytes are in a file alone. */
struct hls_item *hls_item_new(const char *list_path, char *path, struct blob *blob,
			      const char *type);
struct hls_item *hls_item_ref(struct hls_item *item);
/* NULL is fine; clears the pointer. */
void hls_item_unref(struct hls_item **item);

/* A part of a segment, of low latency. */
struct hls_part {
	struct hls_part *next;
	struct hls_item *file;
	int64_t duration_ms;
	bool is_independent; /* begins with a key frame, or has sound alone */
};

struct hls_segment {
	struct hls_segment *next;
	struct hls_item *file, *init, *key; /* init and key: or NULL; file: NULL while it is open */
	struct hls_part *parts;             /* the first one */
	int part_count;
	int64_t number, duration_ms;
	int64_t wall_ms; /* of its beginning, since 1970; 0: not known */
	size_t bytes;    /* of its file */
	bool is_discontinuous;
	int64_t gone_ms; /* monotonic; behind it nobody asks for it any more */
};

struct hls_list {
	struct hls_segment *first, *last; /* listed */
	struct hls_segment *old;          /* not listed any more, oldest first */
	int64_t count, duration_ms, longest_ms;
	int64_t discontinuities; /* removed from the front */
	int64_t target_s;        /* 0: not told yet */
	bool is_ended, has_dates;
	int64_t clock_ms; /* the wall clock minus the encoder's time, for whoever reads the file */
	/* Of low latency. */
	int64_t part_ms;          /* no part is longer; 0: there are none */
	struct hls_segment *open; /* not ended yet; NULL */
	char *hint;               /* URI of the part that comes next; NULL */
	const char *prefix;       /* in front of each segment; "" */
};

/* Takes the segment. What exceeds the window leaves the front, as far as three target durations are
 * left. */
void hls_list_add(struct hls_list *l, struct hls_segment *s, int64_t window_ms, int64_t now_ms);
/* All that is listed leaves the list: what comes does not follow from it. */
void hls_list_retire(struct hls_list *l, int64_t now_ms);
/* The next one that nobody asks for any more, or NULL; the caller owns it. */
struct hls_segment *hls_list_expired(struct hls_list *l, int64_t now_ms);
/* The last one in the way it is sent to players; for a file, without what will not be there long; and without
 * the older segments, which a player knows already (false: there are none to leave out). */
void hls_list_write(const struct hls_list *l, struct buf *out);
void hls_list_write_plain(const struct hls_list *l, struct buf *out);
bool hls_list_write_delta(const struct hls_list *l, struct buf *out);
/* Takes the item. */
void hls_segment_add_part(struct hls_segment *s, struct hls_item *file, int64_t duration_ms,
			  bool is_independent);

/* How many bits a second its segments have at most and in all (EXT-X-STREAM-INF); 1 while there are none. */
struct hls_bandwidth {
	int64_t peak, average;
};
struct hls_bandwidth hls_list_bandwidth(const struct hls_list *l);
/* Takes the oldest segment out of the list, unless no more than three target durations would be left; or what
 * has left it already. The caller owns it; NULL: there is none to be had. */
struct hls_segment *hls_list_shrink(struct hls_list *l);
void hls_segment_free(struct hls_segment **s);
