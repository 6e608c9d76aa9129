/* head - the lines of an HTTP head, in any cuts, into texts. Layer: http, for its own files only.
 * RFC 9112, strictly: two parties that disagree about where a line or a message ends see different
 * messages (request smuggling), so what the grammar leaves to taste is refused: bare LF or CR, folded
 * lines, blanks before a colon, control characters. */
#pragma once
#include "http/parse.h"

struct http_head {
	enum http_parse_kind kind;
	struct buf
		text; /* the texts, each with its NUL; from `line` on the one that is being read */
	size_t line, bytes;
	bool started, after_cr, done;
	int refusal; /* the status to answer with, after an error */
	/* offsets into text */
	uint32_t method, target;
	struct {
		uint32_t name, value;
	} at[HTTP_HEADERS_MAX];
	int header_count;
	int status, minor;
};

void http_head_init(struct http_head *head, enum http_parse_kind kind);
void http_head_fini(struct http_head *head);
/* Takes bytes of the head; *used is how many. head->done when the empty line was among them. */
err http_head_feed(struct http_head *head, struct span in, size_t *used);
/* ERR_LIMIT for 413 and 431, else ERR_PROTOCOL; the sentence is the trail. */
err http_refuse(int *refusal, int status, const char *sentence);
/* What a line may hold. */
static inline bool http_is_text(uint8_t c)
{
	return (c >= 0x20 || c == '\t') && c != 0x7f;
}
/* RFC 9110's token, of which methods and the names of headers consist. */
bool http_is_token(const char *text);

/* message.c: the message of a head that is done. */
err http_message_make(struct http_message **out, struct http_head *head);
