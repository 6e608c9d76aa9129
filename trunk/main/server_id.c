#include "main/server_id.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ID_MAX = 64 };

/* "x.pid" has "x.id" beside it. */
static char *path_beside(const char *pid)
{
	static const char ending[] = ".pid";
	size_t n = strlen(pid);
	if (n > strlen(ending) && strcmp(pid + n - strlen(ending), ending) == 0)
		n -= strlen(ending);
	return mem_printf("%.*s.id", (int)n, pid);
}

/* The one word that the file holds; NULL when it is not there, or something else. */
static char *read_id(const char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	char text[ID_MAX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	size_t good = strspn(text, letters);
	if (good == 0 || good > ID_MAX || (text[good] && strcmp(text + good, "\n") != 0))
		return NULL;
	return mem_strndup(text, good);
}

/* By a rename, so that the file is whole or not there. */
static void write_id(const char *path, const char *id)
{
	char *fresh = mem_printf("%s.new", path), *line = mem_printf("%s\n", id);
	size_t n = strlen(line);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good = fd >= 0 && write(fd, line, n) == (ssize_t)n;
	if (fd >= 0)
		close(fd);
	if (!good || rename(fresh, path) != 0)
		log_warn("the server id cannot be kept in %s: %s; the next start makes another one "
			 "(`server_id`, SRS_SERVER_ID)",
			 path, strerror(errno));
	free(fresh);
	free(line);
}

char *server_id_get(const struct conf *conf)
{
	char random[9];
	if (*conf->server_id)
		return mem_strdup(conf->server_id);
	co_new_id(random);
	char *id = mem_printf("vid-%.7s", random);
	if (!*conf->pid)
		return id;
	char *path = path_beside(conf->pid), *kept = read_id(path);
	if (!kept)
		write_id(path, id);
	free(path);
	if (!kept)
		return id;
	free(id);
	return kept;
}
