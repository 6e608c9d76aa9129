#include "session/srt_options.h"

static int latency(int64_t own, int64_t both)
{
	return (int)(own >= 0 ? own : both);
}

struct srt_options srt_options_of(const struct conf *conf, const struct conf_vhost *vhost)
{
	const struct conf_srt_server *c = &conf->srt_server;
	bool is_own = vhost && *vhost->srt.passphrase;
	return (struct srt_options){
		.maxbw = c->maxbw,
		.mss = c->mss,
		.payload_size = c->payloadsize,
		.connect_timeout_ms = (int)c->connect_timeout_ms,
		.peer_idle_timeout_ms = (int)c->peer_idle_timeout_ms,
		.recv_latency_ms = latency(c->recvlatency_ms, c->latency_ms),
		.peer_latency_ms = latency(c->peerlatency_ms, c->latency_ms),
		.tsbpd = c->tsbpdmode,
		.tlpktdrop = c->tlpktdrop,
		.send_buffer = c->sendbuf,
		.recv_buffer = c->recvbuf,
		.passphrase = is_own ? vhost->srt.passphrase : c->passphrase,
		.key_bytes = c->pbkeylen,
	};
}
