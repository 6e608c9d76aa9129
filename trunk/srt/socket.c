#ifdef WITH_SRT
#include "srt/inside.h"

#include <stdint.h>
#include <string.h>

enum {
	IP_UDP_BYTES = 28, /* headers of a packet */
	WINDOW_MIN = 32,
	STOPPED_KM = SRT_KM_S_UNSECURED
};

struct flag {
	SRT_SOCKOPT option;
	int value;
	const char *name;
};

static const char *set_flags(SRTSOCKET s, const struct flag *flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lib.srt_setsockflag(s, flags[i].option, &flags[i].value, sizeof(int)) < 0)
			return flags[i].name;
	return NULL;
}

#define SET(s, flags) set_flags(s, flags, sizeof(flags) / sizeof((flags)[0]))

static const char *set_before_bind(SRTSOCKET s, const struct srt_options *o)
{
	/* The window bounds the buffer of what was received, and is set first. */
	int packet = o->mss - IP_UDP_BYTES;
	int window = packet > 0 ? o->recv_buffer / packet : 0;
	const struct flag flags[] = {
		{SRTO_RCVSYN, 0, "rcvsyn"},
		{SRTO_SNDSYN, 0, "sndsyn"},
		{SRTO_MSS, o->mss, "mss"},
		{SRTO_FC, window > WINDOW_MIN ? window : WINDOW_MIN, "fc"},
		{SRTO_RCVBUF, o->recv_buffer, "recvbuf"},
		{SRTO_SNDBUF, o->send_buffer, "sendbuf"},
		{SRTO_MINVERSION, OLDEST_PEER, "minversion"},
	};
	return SET(s, flags);
}

static const char *set_passphrase(SRTSOCKET s, const struct srt_options *o)
{
	size_t n = o->passphrase ? strlen(o->passphrase) : 0;
	if (n == 0)
		return NULL;
	if (lib.srt_setsockflag(s, SRTO_PBKEYLEN, &o->key_bytes, sizeof(o->key_bytes)) < 0)
		return "pbkeylen";
	return lib.srt_setsockflag(s, SRTO_PASSPHRASE, o->passphrase, (int)n) < 0 ? "passphrase"
										  : NULL;
}

const char *socket_set_options(SRTSOCKET s, const struct srt_options *o)
{
	const struct flag flags[] = {
		{SRTO_PAYLOADSIZE, o->payload_size, "payloadsize"},
		{SRTO_PEERIDLETIMEO, o->peer_idle_timeout_ms, "peer_idle_timeout"},
		{SRTO_RCVLATENCY, o->recv_latency_ms, "recvlatency"},
		{SRTO_PEERLATENCY, o->peer_latency_ms, "peerlatency"},
		{SRTO_TSBPDMODE, o->tsbpd, "tsbpdmode"},
		{SRTO_TLPKTDROP, o->tlpktdrop, "tlpktdrop"},
	};
	const char *bad = SET(s, flags);
	if (!bad && lib.srt_setsockflag(s, SRTO_MAXBW, &o->maxbw, sizeof(o->maxbw)) < 0)
		bad = "maxbw";
	return bad ? bad : set_passphrase(s, o);
}

static err failed(const char *option)
{
	return err_fail(ERR_CONFIG, "SRT option %s: %s", option, lib.srt_getlasterror_str());
}

err socket_open(SRTSOCKET *out, const struct srt_options *o)
{
	*out = lib.srt_create_socket();
	if (*out == SRT_INVALID_SOCK)
		return err_fail(ERR_SYSTEM, "srt_create_socket: %s", lib.srt_getlasterror_str());
	const char *bad = set_before_bind(*out, o);
	if (!bad)
		return OK;
	err e = failed(bad);
	lib.srt_close(*out);
	*out = SRT_INVALID_SOCK;
	return e;
}

err socket_prepare_call(SRTSOCKET s, const struct srt_options *o)
{
	const struct flag flags[] = {{SRTO_CONNTIMEO, o->connect_timeout_ms, "connect_timeout"}};
	const char *bad = SET(s, flags);
	if (!bad)
		bad = socket_set_options(s, o);
	return bad ? failed(bad) : OK;
}
#else
typedef int nothing;
#endif
