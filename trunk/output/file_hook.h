/* file_hook - tells the web services of a vhost that a file of a stream is there: a recording (on_dvr), a segment
 * (on_hls; on_hls_notify, which fetches a URL for it). Layer: output. Bodies are those of SRS; nobody waits for the
 * services. */
#pragma once
#include "node/server.h"

/* Who publishes a stream, as it was when it was last looked: the last file is there when its publisher may have gone.
 * Zeroed memory is nobody. */
struct file_hook_publisher {
	char id[9], stream_id[12], ip[ADDR_TEXT_MAX];
	char *tc_url, *param; /* owned; NULL: nobody */
};
/* Looks, and leaves it as it was when nobody is there. */
void file_hook_look(struct file_hook_publisher *publisher, const struct source *source);
void file_hook_publisher_fini(struct file_hook_publisher *publisher);

/* The stream of a file. Texts are borrowed while file_hook_new() runs. */
struct file_hook_stream {
	struct server *server;
	struct conf *conf; /* the snapshot that `vhost` is of; a reference is taken */
	const struct conf_vhost *vhost;
	const char *app, *stream;
	const struct file_hook_publisher *publisher;
};

struct file_hook_segment {
	int64_t number, duration_ms;
	const char *list_file, *list_url, *url; /* paths below the folder of the outputs */
};

/* The files_done.ctx for a file; NULL when there is nobody to tell. */
struct file_hook;
struct file_hook *file_hook_dvr(const struct file_hook_stream *stream);
struct file_hook *file_hook_hls(const struct file_hook_stream *stream,
				const struct file_hook_segment *segment);
/* files_done.fn: tells them of the file with that path, unless it is NULL, and frees the hook. */
void file_hook_done(void *hook, const char *path);
