#include "live/headers.h"
#include "base/mem.h"

#include <stdlib.h>

struct headers *headers_ref(struct headers *h)
{
	if (h)
		h->refs++;
	return h;
}

void headers_unref(struct headers **h)
{
	struct headers *old = *h;
	*h = NULL;
	if (!old || --old->refs > 0)
		return;
	for (int i = 0; i < old->count; i++)
		msg_unref(&old->v[i]);
	free(old);
}

bool headers_wants(const struct msg *m)
{
	return m->frame.is_header || m->frame.is_meta;
}

static bool same_slot(const struct msg *a, const struct msg *b)
{
	return a->type == b->type && a->frame.track == b->frame.track &&
	       a->frame.is_meta == b->frame.is_meta &&
	       a->frame.is_encoder_time == b->frame.is_encoder_time;
}

const struct msg *headers_find(const struct headers *h, const struct msg *like)
{
	for (int i = 0; h && i < h->count; i++)
		if (same_slot(h->v[i], like))
			return h->v[i];
	return NULL;
}

/* Metadata, the encoder's time, audio, video; of each kind, sequence headers before other state. */
static int rank(const struct msg *m)
{
	if (m->type == MSG_DATA)
		return m->frame.is_encoder_time;
	return (m->type == MSG_AUDIO ? 2 : 4) + m->frame.is_meta;
}

static bool fits(const struct headers *h, const struct msg *msg)
{
	const struct msg *former = headers_find(h, msg);
	size_t bytes = msg->n;
	for (int i = 0; h && i < h->count; i++)
		bytes += h->v[i] == former ? 0 : h->v[i]->n;
	return bytes <= HEADERS_BYTES_MAX && (former || !h || h->count < HEADERS_MAX);
}

bool headers_put(struct headers **h, struct msg *msg)
{
	const struct headers *old = *h;
	int n = old ? old->count : 0;
	if (!fits(old, msg))
		return false;
	struct headers *set = mem_zalloc(sizeof(*set) + (size_t)(n + 1) * sizeof(set->v[0]));
	set->refs = 1;
	bool placed = false;
	for (int i = 0; i < n; i++) {
		if (same_slot(old->v[i], msg)) {
			set->v[set->count++] = msg_ref(msg);
			placed = true;
			continue;
		}
		if (!placed && rank(old->v[i]) > rank(msg)) {
			set->v[set->count++] = msg_ref(msg);
			placed = true;
		}
		set->v[set->count++] = msg_ref(old->v[i]);
	}
	if (!placed)
		set->v[set->count++] = msg_ref(msg);
	headers_unref(h);
	*h = set;
	return true;
}
