#include "srt/guard.h"

#include <linux/filter.h>
#include <sys/socket.h>

enum {
	UDP_HEADER = 8,
	MSS_AT = 28,
	WINDOW_AT = 32,
	CONTROL = 16, /* bits of the front that say what kind of packet it is */
};

err srt_guard(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, CONTROL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x8000, 0, 4), /* a handshake */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER + WINDOW_AT),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SRT_WINDOW_MAX, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER + MSS_AT),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SRT_MSS_MIN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
		return err_sys(ERR_SYSTEM, "SO_ATTACH_FILTER");
	return OK;
}
