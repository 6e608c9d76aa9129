/* file_hook - tells the web services of a vhost that a file of a stream is there: a recording (on_dvr), a segment
 * (on_hls; on_hls_notify, which fetches a URL for it). Layer: output. Bodies are those of SRS; nobody waits for the
 * services. */
#pragma once
#include "node/server.h"

/* The stream of a file. Texts are borrowed while file_hook_new() runs. */
struct file_hook_stream {
	struct server *server;
	struct conf *conf; /* the snapshot that `vhost` is of; a reference is taken */
	const struct conf_vhost *vhost;
	const char *app, *stream;
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
