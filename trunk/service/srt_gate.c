#include "service/srt_gate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "session/rules.h"
#include "session/srt_options.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct waiting {
	struct addr peer;
	int64_t since_ms;
};

struct srt_gate {
	pthread_mutex_t lock; /* for all of it */
	struct conf *conf;    /* the reference is the main thread's to give back */
	struct waiting waiting[SRT_WAITING_MAX];
	int count;
	int64_t full_until_ms;
	uint64_t refused;
	struct stream_id id; /* of the caller that is asked about: it is large */
};

struct stream_id_defaults srt_gate_defaults(const struct conf *conf)
{
	return (struct stream_id_defaults){
		.stream_id = conf->srt_server.default_streamid,
		.app = conf->srt_server.default_app,
		.mode = conf->srt_server.default_mode == SRT_MODE_PUBLISH ? STREAM_ID_PUBLISH
									  : STREAM_ID_REQUEST,
	};
}

struct srt_gate *srt_gate_new(struct conf *conf)
{
	struct srt_gate *g = mem_new(struct srt_gate);
	pthread_mutex_init(&g->lock, NULL);
	g->conf = conf_ref(conf);
	return g;
}

void srt_gate_free(struct srt_gate **gate)
{
	struct srt_gate *g = *gate;
	*gate = NULL;
	if (!g)
		return;
	conf_unref(&g->conf);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void srt_gate_set_conf(struct srt_gate *g, struct conf *conf)
{
	struct conf *old = g->conf;
	conf_ref(conf);
	pthread_mutex_lock(&g->lock);
	g->conf = conf;
	pthread_mutex_unlock(&g->lock);
	conf_unref(&old);
}

/* ---- those on their way ---- */

static bool same_ip(const struct addr *a, const struct addr *b)
{
	struct addr x = *a, y = *b;
	addr_set_port(&x, 0);
	addr_set_port(&y, 0);
	return addr_same(&x, &y);
}

static void remove_at(struct srt_gate *g, int i)
{
	g->waiting[i] = g->waiting[--g->count];
}

static void forget_old(struct srt_gate *g, int64_t now)
{
	for (int i = g->count - 1; i >= 0; i--)
		if (now - g->waiting[i].since_ms > SRT_WAITING_MS)
			remove_at(g, i);
}

static bool take_room(struct srt_gate *g, const struct addr *peer)
{
	int64_t now = clock_ms();
	int own = 0;
	forget_old(g, now);
	for (int i = 0; i < g->count; i++)
		own += same_ip(&g->waiting[i].peer, peer);
	bool is_much = own >= SRT_WAITING_PER_ADDRESS && !addr_is_loopback(peer);
	if (is_much || g->count == SRT_WAITING_MAX || now < g->full_until_ms)
		return false;
	g->waiting[g->count++] = (struct waiting){*peer, now};
	return true;
}

void srt_gate_taken(struct srt_gate *g, const struct addr *peer)
{
	pthread_mutex_lock(&g->lock);
	for (int i = 0; i < g->count; i++) {
		if (!addr_same(&g->waiting[i].peer, peer))
			continue;
		remove_at(g, i);
		break;
	}
	pthread_mutex_unlock(&g->lock);
}

void srt_gate_set_full(struct srt_gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->full_until_ms = clock_after(SRT_FULL_MS);
	pthread_mutex_unlock(&g->lock);
}

/* ---- one that asks ---- */

static int judge(struct srt_gate *g, const struct srt_caller *caller, struct srt_verdict *out)
{
	struct stream_id_defaults defaults = srt_gate_defaults(g->conf);
	enum stream_id_fault fault = stream_id_parse(&g->id, caller->stream_id, &defaults);
	if (fault)
		return fault == STREAM_ID_MODE ? SRT_REFUSE_MODE : SRT_REFUSE_SYNTAX;
	const struct conf_vhost *vhost = conf_vhost_find(g->conf, g->id.vhost);
	if (!vhost || !vhost->enabled)
		return SRT_REFUSE_HOST;
	if (!g->conf->srt_server.enabled || !vhost->srt.enabled)
		return SRT_REFUSE_FORBIDDEN;
	if (!security_allows(&vhost->security, g->id.mode == STREAM_ID_PUBLISH, caller->peer))
		return SRT_REFUSE_FORBIDDEN;
	out->options = srt_options_of(g->conf, vhost);
	/* A reload may let go of the configuration before the socket has its copy. */
	snprintf(out->passphrase, sizeof(out->passphrase), "%s", out->options.passphrase);
	out->options.passphrase = out->passphrase;
	return take_room(g, caller->peer) ? 0 : SRT_REFUSE_OVERLOAD;
}

void srt_gate_judge(void *gate, const struct srt_caller *caller, struct srt_verdict *out)
{
	struct srt_gate *g = gate;
	pthread_mutex_lock(&g->lock);
	out->refusal = judge(g, caller, out);
	g->refused += out->refusal != 0;
	pthread_mutex_unlock(&g->lock);
}

uint64_t srt_gate_refused(struct srt_gate *g)
{
	pthread_mutex_lock(&g->lock);
	uint64_t refused = g->refused;
	pthread_mutex_unlock(&g->lock);
	return refused;
}
