/* library - libsrt, loaded when SRT is first wanted: it brings the C++ library along, which a server without
 * SRT ought not to carry. Layer: srt.
 *
 * Its calls were measured on a stack of their own: none needs more than 8 KB (test/unit/srt/bridge_test.c
 * holds that), and none of those below waits when a socket is neither to be sent nor received
 * synchronously, so that coroutines may make them. */
#pragma once
#include <srt/srt.h>

#define LIBRARY_CALLS(X)                                                                           \
	X(srt_startup)                                                                             \
	X(srt_cleanup)                                                                             \
	X(srt_getversion)                                                                          \
	X(srt_create_socket)                                                                       \
	X(srt_bind)                                                                                \
	X(srt_bind_acquire)                                                                        \
	X(srt_listen)                                                                              \
	X(srt_listen_callback)                                                                     \
	X(srt_accept)                                                                              \
	X(srt_connect)                                                                             \
	X(srt_close)                                                                               \
	X(srt_recvmsg)                                                                             \
	X(srt_sendmsg)                                                                             \
	X(srt_setsockflag)                                                                         \
	X(srt_getsockflag)                                                                         \
	X(srt_getsockstate)                                                                        \
	X(srt_getsockname)                                                                         \
	X(srt_getlasterror)                                                                        \
	X(srt_getlasterror_str)                                                                    \
	X(srt_getrejectreason)                                                                     \
	X(srt_setrejectreason)                                                                     \
	X(srt_rejectreason_str)                                                                    \
	X(srt_bstats)                                                                              \
	X(srt_epoll_create)                                                                        \
	X(srt_epoll_set)                                                                           \
	X(srt_epoll_add_usock)                                                                     \
	X(srt_epoll_remove_usock)                                                                  \
	X(srt_epoll_uwait)                                                                         \
	X(srt_epoll_release)                                                                       \
	X(srt_setloghandler)                                                                       \
	X(srt_setlogflags)                                                                         \
	X(srt_setloglevel)

/* Members are called as the functions of the library: lib.srt_accept(). */
struct library {
#define X(f) __typeof__(f) *f;
	LIBRARY_CALLS(X)
#undef X
};
extern struct library lib;

/* Loads it, once; takes some milliseconds, and more stack than a coroutine has. NULL: it is there; else what is
 * missing. */
const char *library_load(void);
