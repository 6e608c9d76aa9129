/* The difference of two snapshots, and what becomes of it: member by member as the table lists them.
 * Values are compared as texts: slow, but a reload is rare, and what is compared is what is shown. */
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/items.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_TEXT_MAX = 64 * 1024 };

struct diff {
	struct buf *out;
	struct buf from, to;
	bool *restart;
};

static const char *apply_text(enum row_apply apply)
{
	switch (apply) {
	case APPLY_NOW:
		return "applied now";
	case APPLY_NEW:
		return "for new sessions";
	default:
		return "needs a restart";
	}
}

static const char *shown(const struct row *row, struct buf *text)
{
	const char *s = buf_text(text);
	return !*s ? "(none)" : row->hidden ? "(hidden)" : s;
}

/* Values of `owner`, which stands in the line as `label` ("vhost live.example.com: ") instead of its path. */
static void diff_row(struct diff *d, const struct row *row, const struct row *owner,
		     const char *label, const void *from, const void *to)
{
	buf_clear(&d->from);
	buf_clear(&d->to);
	value_text(&d->from, row, from);
	value_text(&d->to, row, to);
	if (strcmp(buf_text(&d->from), buf_text(&d->to)) == 0)
		return;
	buf_printf(d->out, "%s%s", label, row->path + (owner ? strlen(owner->path) + 1 : 0));
	buf_printf(d->out, ": %s -> %s (%s)\n", shown(row, &d->from), shown(row, &d->to),
		   apply_text(row->apply));
	if (row->apply == APPLY_RESTART)
		*d->restart = true;
}

static void diff_rows(struct diff *d, const struct row *owner, const char *label, const void *from,
		      const void *to);

/* Items have their order or, where they have one, their name in common. */
static const void *other_of(const void *base, const struct row *row, const void *item, int i)
{
	if (row->may_repeat && i < items_count(base, row) &&
	    strcmp(item_name(items_at_const(base, row, i)), item_name(item)) == 0)
		return items_at_const(base, row, i);
	return items_find(base, row, item_name(item));
}

static void diff_items(struct diff *d, const struct row *row, const char *label, const void *from,
		       const void *to)
{
	for (int i = 0; i < items_count(from, row); i++) {
		const void *old = items_at_const(from, row, i), *new = other_of(to, row, old, i);
		char *own = mem_printf("%s%s %s: ", label, row_name(row), item_name(old));
		if (new)
			diff_rows(d, row, own, old, new);
		else
			buf_printf(d->out, "%spresent -> removed (%s)\n", own,
				   apply_text(*label ? APPLY_NOW : APPLY_NEW));
		free(own);
	}
	for (int i = 0; i < items_count(to, row); i++) {
		const void *new = items_at_const(to, row, i);
		if (!other_of(from, row, new, i))
			buf_printf(d->out, "%s%s %s: absent -> added (%s)\n", label, row_name(row),
				   item_name(new), apply_text(*label ? APPLY_NOW : APPLY_NEW));
	}
}

static void diff_rows(struct diff *d, const struct row *owner, const char *label, const void *from,
		      const void *to)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		/* two spellings of one member: the first one speaks for both */
		bool twin = row->kind == ROW_ENUM && !row->value;
		if (row_is_value(row) && row_owner(row) == owner && !twin)
			diff_row(d, row, owner, label, from, to);
	}
	for (const struct row *row = schema_first(); row; row = schema_next(row))
		if (row->items.size && row_owner(row) == owner)
			diff_items(d, row, label, from, to);
}

static void keep_rows(void *base, bool vhost, const void *running)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row))
		if (row_is_value(row) && row->apply == APPLY_RESTART &&
		    (vhost ? row_is_vhost(row) : !row_owner(row)))
			value_copy(base, row, running);
}

void conf_keep(struct conf *conf, const struct conf *running)
{
	keep_rows(conf, false, running);
	for (int i = 0; i < conf->vhost_count; i++) {
		struct conf_vhost *vhost = &conf->vhosts[i];
		const struct conf_vhost *old = conf_vhost_named(running, vhost->name);
		if (old)
			keep_rows(vhost, true, old);
	}
}

void conf_diff(struct buf *out, const struct conf *from, const struct conf *to, bool *restart)
{
	struct diff d = {.out = out,
			 .from = {.max = VALUE_TEXT_MAX},
			 .to = {.max = VALUE_TEXT_MAX},
			 .restart = restart};

	*restart = false;
	diff_rows(&d, NULL, "", from, to);
	buf_free(&d.from);
	buf_free(&d.to);
}
