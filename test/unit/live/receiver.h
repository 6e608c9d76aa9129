/* receiver - a consumer with its position, and what it reads as FLV. Layer: test. */
#pragma once
#include "codec/flv.h"
#include "live/source.h"
#include "support/unit.h"
#include "unit/live/media.h"

#include <sys/uio.h>

struct receiver {
	struct consumer member;
	struct cursor cursor;
};

/* A relay takes the twin of the sound too. */
static inline void receiver_join(struct receiver *c, struct source *source,
				 const struct wire_format *format, enum consumer_kind kind)
{
	*c = (struct receiver){0};
	source_cursor_open(source, &c->cursor,
			   &(struct cursor_opts){.format = format,
						 .from_start = true,
						 .for_server = kind == CONSUMER_RELAY});
	consumer_open(&c->member, source, &(struct consumer_opts){.kind = kind, .co = co_self()});
}

static inline void receiver_leave(struct receiver *c)
{
	cursor_close(&c->cursor);
	consumer_close(&c->member);
}

/* What is there to read, a letter a message: h H headers of sound and video, m metadata, k key
 * frame, p picture, s sound, t its twin. */
static inline const char *receiver_reads(struct receiver *c)
{
	static char text[512];
	struct flv_reader *r = flv_reader_new(1 << 20);
	struct buf b = {.max = 64};
	struct iovec iov[8];
	size_t at = 0;
	int n;
	flv_write_header(&b, true, true);
	struct cur in = cur_of(b.p, b.n);
	struct msg *m;
	assert_int_equal(flv_read(r, &in, &m), OK);
	buf_free(&b);
	while ((n = cursor_gather(&c->cursor, iov, 8, 1 << 20)) > 0) {
		size_t size = 0;
		for (int i = 0; i < n; size += iov[i++].iov_len) {
			in = cur_of(iov[i].iov_base, iov[i].iov_len);
			while (cur_left(&in)) {
				assert_int_equal(flv_read(r, &in, &m), OK);
				if (!m)
					continue;
				const uint8_t *p = m->payload;
				text[at++] = m->type == MSG_DATA    ? 'm'
					     : p[0] == 0x95         ? 't'
					     : m->type == MSG_AUDIO ? (p[1] ? 's' : 'h')
					     : !p[1]                ? 'H'
					     : p[0] == 0x17         ? 'k'
								    : 'p';
				assert_true(at < sizeof(text));
				msg_unref(&m);
			}
		}
		cursor_advance(&c->cursor, size);
	}
	text[at] = '\0';
	flv_reader_free(&r);
	return text;
}
