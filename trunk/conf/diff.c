/* The difference of two snapshots, and what becomes of it: member by member as the table lists them.
 * Values are compared as texts: slow, but a reload is rare, and what is compared is what is shown. */
#include "conf/conf.h"
#include "conf/schema.h"
#include "conf/value.h"

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

static void diff_row(struct diff *d, const struct row *row, const char *vhost, const void *from,
		     const void *to)
{
	buf_clear(&d->from);
	buf_clear(&d->to);
	value_text(&d->from, row, from);
	value_text(&d->to, row, to);
	if (strcmp(buf_text(&d->from), buf_text(&d->to)) == 0)
		return;
	/* "vhost live.example.com.play.atc" would be hard to read */
	if (vhost)
		buf_printf(d->out, "vhost %s: %s", vhost, row->path + strlen("vhost."));
	else
		buf_printf(d->out, "%s", row->path);
	buf_printf(d->out, ": %s -> %s (%s)\n", shown(row, &d->from), shown(row, &d->to),
		   apply_text(row->apply));
	if (row->apply == APPLY_RESTART)
		*d->restart = true;
}

static void diff_rows(struct diff *d, const char *vhost, const void *from, const void *to)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		/* two spellings of one member: the first one speaks for both */
		bool twin = row->kind == ROW_ENUM && !row->value;
		if (row_is_value(row) && row_is_vhost(row) == !!vhost && !twin)
			diff_row(d, row, vhost, from, to);
	}
}

static void keep_rows(void *base, bool vhost, const void *running)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row))
		if (row_is_value(row) && row_is_vhost(row) == vhost && row->apply == APPLY_RESTART)
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
	diff_rows(&d, NULL, from, to);
	for (int i = 0; i < from->vhost_count; i++) {
		const struct conf_vhost *old = &from->vhosts[i];
		const struct conf_vhost *new = conf_vhost_named(to, old->name);
		if (new)
			diff_rows(&d, old->name, old, new);
		else
			buf_printf(out, "vhost %s: present -> removed (for new sessions)\n",
				   old->name);
	}
	for (int i = 0; i < to->vhost_count; i++) {
		if (!conf_vhost_named(from, to->vhosts[i].name))
			buf_printf(out, "vhost %s: absent -> added (for new sessions)\n",
				   to->vhosts[i].name);
	}
	buf_free(&d.from);
	buf_free(&d.to);
}
