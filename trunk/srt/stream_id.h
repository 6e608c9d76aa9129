/* stream_id - the text by which an SRT caller says what it wants. Layer: srt. Pure, and fit for any thread: no
 * errors of `err`, no memory.
 *
 *   #!::r=live/cam,m=publish,h=vhost,token=x   the convention of libsrt (docs/features/access-control.md)
 *   live/cam?token=x, cam                      plain: in the default mode, and of the default app
 *   publish:live/cam:user:password, read:…     as MediaMTX has it
 *   (nothing)                                  what is configured for that
 *
 * A publisher may name what is taken of its transport stream: program=2, audio=2.
 *
 * Pairs end at ',', '&', ';' and '?', keys at the first '=', so that values may contain '='. */
#pragma once
#include <stdbool.h>

enum { STREAM_ID_BYTES = 512, STREAM_ID_NAME = 256, STREAM_ID_QUERY = 3 * STREAM_ID_BYTES + 16 };

enum stream_id_mode { STREAM_ID_REQUEST, STREAM_ID_PUBLISH };

struct stream_id_defaults {
	const char *stream_id;    /* in place of an empty one */
	const char *app;          /* of a name without '/' */
	enum stream_id_mode mode; /* of a plain id */
};

struct stream_id {
	enum stream_id_mode mode;
	char vhost[STREAM_ID_NAME]; /* "": none was named */
	char app[STREAM_ID_NAME];
	char stream[STREAM_ID_BYTES + 1];
	char query[STREAM_ID_QUERY]; /* "a=b&c=d", percent-encoded; "" */
	/* Of what is published: the number of the program, and which of its sounds, from 1; 0: none was named. */
	int program, audio;
};

enum stream_id_fault {
	STREAM_ID_OK,
	STREAM_ID_TOO_LONG,
	STREAM_ID_CHARACTERS, /* it is no text, or has control characters */
	STREAM_ID_SYNTAX,
	STREAM_ID_NO_STREAM, /* it names none, or one with empty parts, "." or ".." */
	STREAM_ID_MODE,      /* neither publish nor request */
	STREAM_ID_NUMBER,    /* program or audio of a publisher is no number that there can be */
	STREAM_ID_FAULTS,
};

enum stream_id_fault stream_id_parse(struct stream_id *out, const char *text,
				     const struct stream_id_defaults *defaults);
/* The end of a sentence, "the stream id …". */
const char *stream_id_fault_text(enum stream_id_fault fault);
