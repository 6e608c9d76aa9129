/* inside - what the files of this layer share. Layer: srt. Not with base/log.h: libsrt brings syslog's names. */
#pragma once
#include "srt/library.h"
#include "srt/link.h"

enum { OLDEST_PEER = 0x010300 /* before, there were no stream ids */ };

/* A socket that waits for nothing, with what has to be said of it before it is bound. */
err socket_open(SRTSOCKET *out, const struct srt_options *options);
/* Sets what may be set until it is connected. On any thread. NULL, or the option that was refused. */
const char *socket_set_options(SRTSOCKET socket, const struct srt_options *options);
/* The same for one that is to call. */
err socket_prepare_call(SRTSOCKET socket, const struct srt_options *options);
/* Closes what calls have kept open; before the library is cleaned up. */
void link_forget_callers(void);
/* The link of a socket that is connected, or being so; takes it, also on failure. */
err link_of_socket(struct srt_link **out, SRTSOCKET socket, const struct addr *peer);
