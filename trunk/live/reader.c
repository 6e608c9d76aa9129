#include "live/reader.h"
#include "base/clock.h"
#include "live/source.h"

#include <utlist.h>

void reader_open(struct reader *r, struct source *s, const struct reader_opts *opts)
{
	struct msg_log *log = &s->log;
	bool at_start = opts->from_start && log->has_start;
	r->log = log;
	r->with_twin = opts->with_twin;
	s->repeats = 0;
	r->read_ms = clock_ms();
	r->key_due_ms = s->has_video && !at_start ? r->read_ms + log->key_wait_ms : 0;
	r->seq = at_start ? log->start : log->next;
	r->headers = headers_ref(at_start ? log->start_headers : s->headers);
	DL_APPEND(log->readers, r);
}

void reader_close(struct reader *r)
{
	if (!r->log)
		return;
	DL_DELETE(r->log->readers, r);
	msg_log_trim(r->log, clock_ms());
	headers_unref(&r->headers);
	headers_unref(&r->out_headers);
	*r = (struct reader){0};
}

int64_t reader_lag(const struct reader *r)
{
	const struct msg_log *log = r->log;
	return r->seq < log->next ? log->head_ts - msg_log_at(log, r->seq)->ts : 0;
}

static bool is_waited_past(struct reader *r, const struct msg *m)
{
	if (!r->key_due_ms || m->type != MSG_VIDEO || headers_wants(m))
		return false;
	if (m->frame.is_key || r->read_ms >= r->key_due_ms)
		r->key_due_ms = 0;
	return r->key_due_ms != 0;
}

bool reader_next(struct reader *r, struct reading *out)
{
	headers_unref(&r->out_headers);
	r->read_ms = clock_ms();
	while (r->seq < r->log->next) {
		uint64_t seq = r->seq++;
		struct msg *m = msg_log_at(r->log, seq);
		if (m->frame.is_encoder_time || (m->frame.is_twin && !r->with_twin) ||
		    is_waited_past(r, m))
			continue;
		*out = (struct reading){m, seq, r->headers, r->lost};
		r->out_headers = r->headers;
		r->headers = NULL;
		r->lost = 0;
		return true;
	}
	return false;
}
