#include "main/readable.h"
#include "base/log.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct file_reading {
	const struct row *row;
	const char *vhost; /* whose block it is in; NULL */
	const char *user;  /* who could not read it; "" for the one that the process is */
	int folder;        /* where relative paths begin */
	err e;             /* the first that cannot be read */
};

static void try_file(const char *path, void *ctx)
{
	struct file_reading *r = ctx;
	if (r->e || !*path)
		return;
	int fd = openat(r->folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
	else
		r->e = err_fail(ERR_CONFIG, "`%s%s%s` %s cannot be read%s%s: %s", r->row->path,
				r->vhost ? " of vhost " : "", r->vhost ? r->vhost : "",
				log_quote(path), *r->user ? " by user " : "", r->user,
				strerror(errno));
}

/* A block that is off names files that nobody needs. `base` has to be what the row is of. */
static bool is_on(const void *base, const struct row *row)
{
	char path[128];
	struct buf value = {.max = 16};
	snprintf(path, sizeof(path), "%.*senabled", (int)(row_name(row) - row->path), row->path);
	const struct row *enabled = strchr(row->path, '.') ? schema_find(path) : NULL;
	if (!enabled)
		return true;
	value_text(&value, enabled, base);
	bool on = strcmp(buf_text(&value), "on") == 0;
	buf_free(&value);
	return on;
}

static err try_rows(struct file_reading *r, const void *base, bool vhost)
{
	for (r->row = schema_first(); r->row && !r->e; r->row = schema_next(r->row))
		if (r->row->is_file && (vhost ? row_is_vhost(r->row) : !row_owner(r->row)) &&
		    is_on(base, r->row))
			value_each(base, r->row, try_file, r);
	return r->e;
}

err readable_check(const struct conf *conf, const char *user)
{
	static const struct row file = {.path = "the configuration"};
	struct file_reading r = {.row = &file, .user = user, .folder = AT_FDCWD};
	try_file(conf->file, &r);
	TRY(r.e);
	r.folder = open(conf->work_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.folder < 0)
		return err_sys(ERR_CONFIG, "cannot work in %s (`work_dir`, SRS_WORK_DIR)",
			       conf->work_dir);
	err e = try_rows(&r, conf, false);
	for (int i = 0; !e && i < conf->vhost_count; i++) {
		r.vhost = conf->vhosts[i].name;
		e = try_rows(&r, &conf->vhosts[i], true);
	}
	close(r.folder);
	return e;
}
