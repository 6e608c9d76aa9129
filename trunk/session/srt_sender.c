#include "session/srt_sender.h"
#include "codec/ts.h"

#include <string.h>

enum {
	SLICE_MESSAGES = 256, /* then others have a turn */
	INPUT_MESSAGES = 16,  /* of the peer, which are dropped */
	POLL_MS = 20,         /* whether all has arrived */
};

void srt_sender_init(struct srt_sender *s, struct srt_link *link)
{
	size_t packets = (size_t)srt_link_payload_size(link) / TS_PACKET;
	s->link = link;
	s->message = (packets ? packets : 1) * TS_PACKET;
}

/* What comes next as one piece: mostly it lies together already. One buffer for all: nothing switches while it is
 * used. */
static struct span next_message(const struct srt_sender *s, struct cursor *cursor)
{
	static uint8_t joined[SRT_PAYLOAD_MAX];
	struct iovec iov[SEND_IOV];
	size_t n = 0;
	int count = cursor_gather(cursor, iov, SEND_IOV, s->message);
	if (count == 0)
		return (struct span){0};
	if (count == 1)
		return span_of(iov[0].iov_base, iov[0].iov_len);
	for (int i = 0; i < count; i++) {
		memcpy(joined + n, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	return span_of(joined, n);
}

err srt_sender_send(struct srt_sender *s, struct cursor *cursor, struct send_monitor *monitor,
		    int64_t *sent)
{
	monitor->left = LEFT_NOTHING;
	for (int i = 0; i < SLICE_MESSAGES; i++) {
		struct span message = next_message(s, cursor);
		if (message.n == 0)
			return OK;
		err e = srt_link_send(s->link, message.p, message.n);
		if (e == ERR_AGAIN) {
			monitor->left = LEFT_BLOCKED;
			return OK;
		}
		TRY(e);
		cursor_advance(cursor, message.n);
		*sent += (int64_t)message.n;
	}
	monitor->left = LEFT_MORE;
	return OK;
}

err srt_sender_take(struct srt_sender *s)
{
	static uint8_t unwanted[SRT_PAYLOAD_MAX];
	for (int i = 0; i < INPUT_MESSAGES; i++) {
		size_t n;
		err e = srt_link_recv(s->link, unwanted, sizeof(unwanted), &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

err srt_sender_check(const struct srt_sender *s, const struct send_monitor *monitor,
		     int64_t stalled_ms, int64_t *deadline)
{
	if (monitor->left != LEFT_BLOCKED || srt_link_is_writable(s->link))
		return OK;
	int64_t due = srt_link_sent_ms(s->link) + stalled_ms;
	if (clock_ms() >= due)
		return err_fail(ERR_STALLED, "took nothing for %lld ms", (long long)stalled_ms);
	*deadline = due < *deadline ? due : *deadline;
	return OK;
}

void srt_sender_finish(struct srt_sender *s, int64_t ms)
{
	int64_t end = clock_after(ms);
	struct srt_figures f = {.send_waiting = 1};
	while (f.send_waiting > 0 && clock_ms() < end && !srt_link_is_gone(s->link)) {
		srt_link_figures(s->link, &f);
		if (f.send_waiting > 0 && co_sleep(POLL_MS) != OK)
			return;
	}
	int64_t left = end - clock_ms();
	left = left < f.send_latency_ms ? left : f.send_latency_ms;
	if (left > 0 && !srt_link_is_gone(s->link))
		(void)co_sleep(left);
}
