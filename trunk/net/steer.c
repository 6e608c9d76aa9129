#include "net/steer.h"

#include <linux/filter.h>
#include <sys/socket.h>

enum { FIRST, SECOND }; /* as the kernel numbers the sockets of an address */

err steer_share(int fd, bool on)
{
	const int value = on;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof(value)) != 0)
		return err_sys(ERR_SYSTEM, "SO_REUSEPORT");
	return OK;
}

/* A datagram that is too short is the first one's: reading beyond its end returns 0. The difference of numbers is
 * unsigned, so what is below the range is far above it. */
err steer_begin(int fd, size_t offset, const struct steer_range *range)
{
	struct sock_filter code[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset},
		{BPF_ALU | BPF_SUB | BPF_K, 0, 0, range->first},
		{BPF_JMP | BPF_JGE | BPF_K, 1, 0, range->count},
		{BPF_RET | BPF_K, 0, 0, FIRST},
		{BPF_RET | BPF_K, 0, 0, SECOND},
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) != 0)
		return err_sys(ERR_SYSTEM, "SO_ATTACH_REUSEPORT_CBPF");
	return OK;
}
