#include "main/privileges.h"
#include "base/log.h"
#include "main/readable.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GROUPS_MAX = 256 };

struct identity {
	char name[64];
	uid_t uid;
	gid_t gid;
};

static bool is_root(void)
{
	return geteuid() == 0;
}

/* "name" or "name:group". */
static err identity_of(struct identity *id, const char *user)
{
	size_t n = strcspn(user, ":");
	if (n >= sizeof(id->name))
		return err_fail(ERR_CONFIG, "there is no user %s (`user`)", log_quote(user));
	snprintf(id->name, sizeof(id->name), "%.*s", (int)n, user);
	const struct passwd *pw = getpwnam(id->name);
	if (!pw)
		return err_fail(ERR_CONFIG, "there is no user %s (`user`)", log_quote(id->name));
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	if (!user[n])
		return OK;
	const struct group *gr = getgrnam(user + n + 1);
	if (!gr)
		return err_fail(ERR_CONFIG, "there is no group %s (`user`)",
				log_quote(user + n + 1));
	id->gid = gr->gr_gid;
	return OK;
}

/* ---- looking ahead ---- */

/* Opens them as that user would, and is root again. */
static err try_as(const struct identity *id, const struct conf *conf)
{
	gid_t groups[GROUPS_MAX], gid = getegid();
	int count = getgroups(GROUPS_MAX, groups);
	if (count < 0 || initgroups(id->name, id->gid) != 0 || setegid(id->gid) != 0 ||
	    seteuid(id->uid) != 0)
		return err_sys(ERR_SYSTEM, "cannot become user %s (`user`)", id->name);
	err e = readable_check(conf, id->name);
	if (seteuid(0) != 0 || setegid(gid) != 0 || setgroups((size_t)count, groups) != 0)
		return err_sys(ERR_SYSTEM, "cannot be root again");
	return e;
}

err privileges_check(const struct conf *conf)
{
	struct identity id;
	TRY(readable_check(conf, ""));
	if (!*conf->user) {
		if (is_root())
			fprintf(stderr,
				"srs: warning: the server runs as root; `user NAME;` gives that "
				"up once its ports are open\n");
		return OK;
	}
	TRY(identity_of(&id, conf->user));
	if (!is_root()) {
		if (id.uid != geteuid())
			fprintf(stderr,
				"srs: warning: `user %s` has no effect: only root can become "
				"another user\n",
				log_quote(id.name));
		return OK;
	}
	return try_as(&id, conf);
}

/* ---- giving up ---- */

static err keep_one(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	data[0].permitted = data[0].effective = 1U << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &head, data) != 0)
		return err_sys(ERR_SYSTEM, "cannot give up root's capabilities");
	return OK;
}

/* The log is opened again, and the pid file removed, by that user. */
static void hand_over(const struct identity *id, const char *path)
{
	if (*path && chown(path, id->uid, id->gid) != 0 && errno != ENOENT)
		log_warn("%s stays root's: %s", log_quote(path), strerror(errno));
}

static err become(const struct identity *id)
{
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || initgroups(id->name, id->gid) != 0 ||
	    setgid(id->gid) != 0 || setuid(id->uid) != 0)
		return err_sys(ERR_SYSTEM, "cannot become user %s (`user`)", id->name);
	TRY(keep_one());
	if (id->uid != 0 && setuid(0) == 0)
		return err_fail(ERR_SYSTEM, "root could not be given up");
	return OK;
}

err privileges_drop(const struct conf *conf)
{
	struct identity id;
	if (!*conf->user || !is_root())
		return OK;
	TRY(identity_of(&id, conf->user));
	if (conf->srs_log_tank == LOG_TANK_FILE)
		hand_over(&id, conf->srs_log_file);
	hand_over(&id, conf->pid);
	TRY(become(&id));
	log_info("runs as user %s from here on", id.name);
	return OK;
}
