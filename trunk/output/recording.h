/* recording - one file that grows, in some format. Layer: output, for recorder.c and its formats. */
#pragma once
#include "co/co.h"
#include "live/headers.h"
#include "output/files.h"
#include "output/rewriter.h"
#include "output/stored.h"

struct recording;

/* The functions of a format. None may fail: data that it cannot express is left out. */
struct recording_format {
	const char *ending; /* of the file */
	size_t state_size;
	/* The file begins, with the headers in effect. `before`, unless NULL: what stands in it already, of which
	 * may be taken what is needed. */
	void (*begin)(struct recording *r, const struct headers *headers, struct stored *before);
	/* A message. False: the file must end before it, and another one begin. */
	bool (*take)(struct recording *r, struct msg *msg);
	/* What was taken and can be written is appended. */
	void (*finish)(struct recording *r);
};

extern const struct recording_format recording_flv, recording_mp4;
/* By the ending of a path; FLV for all but ".mp4". */
const struct recording_format *recording_format_of(const char *path);

struct recording {
	const struct recording_format *format;
	void *state;
	struct files *files;       /* borrowed */
	struct rewriter *rewriter; /* that makes it a whole one; NULL: none */
	struct files_done done;
	char *path, *temporary;
	struct buf pending; /* not given to `files` yet */
	int64_t written;    /* given to `files` */
	int64_t base;       /* on the source's timeline: `offset_ms` in the file */
	int64_t offset_ms;  /* how long the file was before */
	bool has_media, was_there;
	bool is_sequel; /* begins with whatever follows the file before, which need not be a key frame */
};

/* Begins the file; the path is taken. */
struct recording *recording_new(const struct recording_format *format, struct files *files,
				char *path, const struct headers *headers);
/* The same behind what stands in the file of that path already, which is not to be seen meanwhile; begins a file
 * where there is none that could be gone on with. */
struct recording *recording_append(const struct recording_format *format, struct files *files,
				   char *path, const struct headers *headers) BLOCKS;
/* Ends it and gives it its name; the pointer is cleared. NULL is fine. */
void recording_close(struct recording **recording);
bool recording_take(struct recording *r, struct msg *msg);
/* How long the file is if it ends before this message. */
int64_t recording_ms_at(const struct recording *r, const struct msg *msg);

/* ---- for formats ---- */

/* Gives what is pending to `files`, when it is enough or `all` is set. */
void recording_flush(struct recording *r, bool all);
/* The codecs do not fit the file that is gone on with: that gets its name back, and another file begins. */
void recording_part(struct recording *r);
/* Bytes that replace others which were given before. */
void recording_patch(struct recording *r, int64_t at, struct buf *bytes);
