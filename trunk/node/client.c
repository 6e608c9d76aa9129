#include "node/client.h"

void rate_add(struct rate *r, int64_t recv, int64_t send)
{
	r->recv[r->next] = (uint32_t)(recv / RATE_UNIT);
	r->send[r->next] = (uint32_t)(send / RATE_UNIT);
	r->at_ms[r->next] = (uint32_t)clock_ms();
	r->next = (uint8_t)((r->next + 1) % RATE_SAMPLES);
	r->count = (uint8_t)(r->count < RATE_SAMPLES ? r->count + 1 : RATE_SAMPLES);
}

static int kbps(const struct rate *r, const uint32_t *samples, int64_t now_bytes)
{
	int oldest = r->count == RATE_SAMPLES ? r->next : 0;
	uint32_t ms = (uint32_t)clock_ms() - r->at_ms[oldest];
	if (!r->count || !ms)
		return 0;
	int64_t units = (uint32_t)(now_bytes / RATE_UNIT) - samples[oldest];
	return (int)(units * RATE_UNIT * 8 / ms);
}

int rate_recv_kbps(const struct rate *r, int64_t recv_now)
{
	return kbps(r, r->recv, recv_now);
}

int rate_send_kbps(const struct rate *r, int64_t send_now)
{
	return kbps(r, r->send, send_now);
}

void client_ip(char out[static ADDR_TEXT_MAX], const struct client *c)
{
	addr_ip(out, c->peer);
}

struct traffic client_traffic(const struct client *c)
{
	return c->ops->count(c);
}

int64_t client_skips(const struct client *c)
{
	return c->ops && c->ops->skips ? c->ops->skips(c) : -1;
}

void client_stop(struct client *c, err why)
{
	c->told_to_end = true;
	c->ops->stop(c, why);
}

bool client_reconnect(struct client *c, const char *url)
{
	if (c->asked_to_leave)
		return false;
	c->asked_to_leave = true;
	return c->ops->reconnect && c->ops->reconnect(c, url);
}

const char *client_why(const struct client *c)
{
	return c->why ? c->why : c->ended ? err_text(c->ended) : "the client closed the stream";
}

const char *client_trace(const struct client *c)
{
	return c->hop && *c->hop->trace ? c->hop->trace : c->id;
}
