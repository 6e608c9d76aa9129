/* stored - what stands in the file of a recording: how much of it is whole, and what has to be known to go
 * on behind it. Layer: output. For a helper thread: it reads the disk. */
#pragma once
#include "codec/flv_index.h"

struct stored {
	int64_t bytes;  /* of whole pieces; 0: nothing that could be played */
	int64_t end_ms; /* where it ends */
	/* FLV. */
	struct flv_index index;
	struct flv_facts facts;
	struct amf *metadata; /* NULL: there is no room for an index in front */
	/* MP4, of fragments: init is empty for another kind. */
	struct buf init;
	uint32_t sequence;
};

/* Reads the file tag by tag, respectively box by box, into zeroed memory. */
void stored_read_flv(struct stored *s, int fd, int64_t size);
void stored_read_mp4(struct stored *s, int fd, int64_t size);
/* The same of a file that was ended as it should be, from the index in front of it. False: it was not. */
bool stored_read_flv_index(struct stored *s, int fd, int64_t size);
void stored_fini(struct stored *s);

/* The file of this name is taken away under a temporary one, to be written on. NULL: there is none, or it is not
 * one that could be gone on with, and stays as it is. The name is owned by the caller, like what stored_fini()
 * releases. */
char *stored_take(struct stored *s, const char *path);
