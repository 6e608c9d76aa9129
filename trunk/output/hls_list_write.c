/* The text of a playlist (RFC 8216; parts, hints and delta updates: RFC 8216bis 4.4). */
#include "base/clock.h"
#include "output/hls_list.h"

enum { MS = 1000, SKIP_TARGETS = 6, PART_TARGETS = 3, HOLD_PARTS = 3 };

static void put_seconds(struct buf *out, int64_t ms)
{
	buf_printf(out, "%lld.%03d", (long long)(ms / MS), (int)(ms % MS));
}

static const char *prefix_of(const struct hls_list *l)
{
	return l->prefix ? l->prefix : "";
}

/* "2026-11-29T10:00:00.123Z" */
static void write_date(int64_t wall_ms, struct buf *out)
{
	char text[CLOCK_TEXT_MAX];
	clock_text(text, wall_ms, true);
	*strchr(text, ' ') = 'T';
	buf_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%sZ\n", text);
}

/* Writes the lines that have to stand in front of a segment, or of a part of it. */
static void write_front(const struct hls_list *l, const struct hls_segment *s,
			const struct hls_segment *before, struct buf *out)
{
	if (s->is_discontinuous)
		buf_printf(out, "#EXT-X-DISCONTINUITY\n");
	bool is_new_init = s->init && (!before || before->init != s->init);
	const struct hls_item *key = before ? before->key : NULL;
	/* A key is for initialization segments behind it too, and those are not encrypted. */
	if (key && (!s->key || is_new_init)) {
		buf_printf(out, "#EXT-X-KEY:METHOD=NONE\n");
		key = NULL;
	}
	if (is_new_init)
		buf_printf(out, "#EXT-X-MAP:URI=\"%s\"\n", s->init->uri);
	if (s->key && s->key != key)
		buf_printf(out, "#EXT-X-KEY:%s\n", s->key->tag);
	if (l->has_dates && s->wall_ms > 0)
		write_date(s->wall_ms, out);
}

static void write_parts(const struct hls_list *l, const struct hls_segment *s, struct buf *out)
{
	for (const struct hls_part *p = s->parts; p; p = p->next) {
		buf_printf(out, "#EXT-X-PART:DURATION=");
		put_seconds(out, p->duration_ms);
		buf_printf(out, ",URI=\"%s%s\"%s\n", prefix_of(l), p->file->uri,
			   p->is_independent ? ",INDEPENDENT=YES" : "");
	}
}

static void write_file(const struct hls_list *l, const struct hls_segment *s, struct buf *out)
{
	buf_printf(out, "#EXTINF:");
	put_seconds(out, s->duration_ms);
	buf_printf(out, ", no desc\n%s%s\n", prefix_of(l), s->file->uri);
}

static void write_head(const struct hls_list *l, bool has_parts, struct buf *out)
{
	bool has_init = false;
	for (const struct hls_segment *s = l->first; s; s = s->next)
		has_init |= s->init != NULL;
	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n", has_parts ? 9 : has_init ? 7 : 3);
	buf_printf(out, "#EXT-X-MEDIA-SEQUENCE:%lld\n",
		   (long long)(l->first ? l->first->number : 0));
	if (l->discontinuities > 0)
		buf_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%lld\n",
			   (long long)l->discontinuities);
	buf_printf(out, "#EXT-X-TARGETDURATION:%lld\n", (long long)l->target_s);
	if (!has_parts)
		return;
	buf_printf(out,
		   "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%lld.0,"
		   "PART-HOLD-BACK=",
		   (long long)(SKIP_TARGETS * l->target_s));
	put_seconds(out, HOLD_PARTS * l->part_ms);
	buf_printf(out, "\n#EXT-X-PART-INF:PART-TARGET=");
	put_seconds(out, l->part_ms);
	buf_printf(out, "\n");
}

/* How many segments at the front end so long before the end of the list. */
static int64_t count_older(const struct hls_list *l, int64_t ms)
{
	int64_t behind = l->duration_ms, n = 0;
	for (const struct hls_segment *s = l->first; s; s = s->next, n++) {
		behind -= s->duration_ms;
		if (behind < ms)
			break;
	}
	return n;
}

static void write_end(const struct hls_list *l, const struct hls_segment *before, bool has_parts,
		      struct buf *out)
{
	if (l->is_ended) {
		buf_printf(out, "#EXT-X-ENDLIST\n");
		return;
	}
	if (has_parts && l->open) {
		write_front(l, l->open, before, out);
		write_parts(l, l->open, out);
	}
	if (has_parts && l->hint)
		buf_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s%s\"\n", prefix_of(l),
			   l->hint);
}

/* Without the first `skipped` segments. */
static void write_list(const struct hls_list *l, bool has_parts, int64_t skipped, struct buf *out)
{
	const struct hls_segment *before = NULL;
	int64_t parts_from = count_older(l, PART_TARGETS * l->target_s * MS), i = 0;
	write_head(l, has_parts, out);
	if (skipped > 0)
		buf_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%lld\n", (long long)skipped);
	for (const struct hls_segment *s = l->first; s; s = s->next, i++) {
		if (i >= skipped) {
			write_front(l, s, before, out);
			if (has_parts && i >= parts_from)
				write_parts(l, s, out);
			write_file(l, s, out);
		}
		before = s;
	}
	write_end(l, before, has_parts, out);
}

void hls_list_write(const struct hls_list *l, struct buf *out)
{
	write_list(l, l->part_ms > 0, 0, out);
}

void hls_list_write_plain(const struct hls_list *l, struct buf *out)
{
	write_list(l, false, 0, out);
	if (l->clock_ms)
		buf_printf(out, "#SRS-CLOCK:%lld\n", (long long)l->clock_ms);
}

bool hls_list_write_delta(const struct hls_list *l, struct buf *out)
{
	int64_t skipped = count_older(l, SKIP_TARGETS * l->target_s * MS);
	if (skipped == 0 || l->is_ended || l->part_ms == 0)
		return false;
	write_list(l, true, skipped, out);
	return true;
}
