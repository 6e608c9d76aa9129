/* Preloaded into a server under test: pwrite() waits as long as the file that STALL_WHILE names is there, as on
 * a disk that hangs. Not a part of the tests' archive: a case compiles it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
		(ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
	const char *file = getenv("STALL_WHILE");
	while (file && access(file, F_OK) == 0)
		usleep(10000);
	return real(fd, data, n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
	return pwrite(fd, data, n, offset);
}
