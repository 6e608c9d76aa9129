#include "output/file_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_facts(struct file_facts *out, const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*out = (struct file_facts){.bytes = st.st_size, .modified_s = st.st_mtime};
	return true;
}

bool file_read(struct file_facts *out, const char *path, struct buf *content)
{
	int fd = file_facts(out, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0)
		return false;
	uint8_t *to = buf_grow(content, (size_t)out->bytes);
	bool is_good = to && pread(fd, to, (size_t)out->bytes, 0) == out->bytes;
	close(fd);
	return is_good;
}
