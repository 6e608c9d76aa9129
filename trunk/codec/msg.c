/* Header and payload live in one block: a message is one allocation, and its bytes are next to
 * the facts about them. */
#include "codec/msg.h"
#include "base/check.h"
#include "codec/block.h"
#include "codec/media_memory.h"

#include <stdlib.h>

static long live;

struct msg *msg_new(enum msg_type type, int64_t ts, size_t n)
{
	check(n <= UINT32_MAX);
	struct msg *msg = NULL;
	if (!media_memory_take(sizeof(*msg) + n))
		return NULL;
	msg = block_new(sizeof(*msg) + n);
	if (!msg) {
		media_memory_give(sizeof(*msg) + n);
		return NULL;
	}
	*msg = (struct msg){.refs = 1, .type = (uint8_t)type, .ts = ts, .n = (uint32_t)n};
	live++;
	return msg;
}

struct msg *msg_resize(struct msg *msg, size_t n)
{
	check(msg->refs == 1 && n <= UINT32_MAX);
	size_t before = msg->n;
	if (n > before && !media_memory_take(n - before))
		return NULL;
	msg = block_resize(msg, sizeof(*msg) + before, sizeof(*msg) + n);
	if (!msg) {
		media_memory_give(n > before ? n - before : 0);
		return NULL;
	}
	media_memory_give(n < before ? before - n : 0);
	msg->n = (uint32_t)n;
	return msg;
}

void msg_classify(struct msg *m)
{
	if (m->is_classified)
		return;
	if (m->type == MSG_VIDEO)
		m->frame = frame_of_video(msg_span(m));
	else if (m->type == MSG_AUDIO)
		m->frame = frame_of_audio(msg_span(m));
	m->is_classified = true;
}

struct msg *msg_ref(struct msg *msg)
{
	check(msg->refs > 0);
	msg->refs++;
	return msg;
}

void msg_unref(struct msg **msg)
{
	struct msg *m = *msg;
	*msg = NULL;
	if (!m)
		return;
	check(m->refs > 0);
	if (--m->refs > 0)
		return;
	live--;
	size_t size = sizeof(*m) + m->n;
	if (block_keep(m, size))
		media_memory_give(size);
	else
		media_memory_free(m, size);
}

long msg_live(void)
{
	return live;
}
