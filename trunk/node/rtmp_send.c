#include "node/rtmp_send.h"

struct sender {
	struct cursor *cursor;
	int64_t *sent;
};

static int gather(void *ctx, struct iovec *iov)
{
	const struct sender *s = ctx;
	return cursor_gather(s->cursor, iov, SEND_IOV, SEND_SLICE_BYTES);
}

static void sent(void *ctx, size_t n)
{
	const struct sender *s = ctx;
	cursor_advance(s->cursor, n);
	*s->sent += (int64_t)n;
}

err rtmp_send_wire(struct send_monitor *o, struct rtmp_conn *conn, struct cursor *cursor,
		   int64_t *count)
{
	struct sender s = {cursor, count};
	if (conn->out.n) {
		cursor_inject(cursor, buf_span(&conn->out));
		buf_free(&conn->out);
	}
	TRY(send_monitor_slice(o, conn->sock, &s, gather, sent));
	if (cursor_overrun(cursor))
		return err_fail(ERR_LIMIT, "it asks for more than it reads");
	return OK;
}
