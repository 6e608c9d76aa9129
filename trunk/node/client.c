#include "node/client.h"

void rate_add(struct rate *r, int64_t recv, int64_t send)
{
	r->recv[r->next] = recv;
	r->send[r->next] = send;
	r->at_ms[r->next] = clock_ms();
	r->next = (r->next + 1) % RATE_SAMPLES;
}

static int kbps(const struct rate *r, const int64_t *samples, int64_t now_bytes)
{
	int oldest = r->at_ms[r->next] ? r->next : 0;
	int64_t ms = clock_ms() - r->at_ms[oldest];
	if (!r->at_ms[oldest] || ms <= 0)
		return 0;
	return (int)((now_bytes - samples[oldest]) * 8 / ms);
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

void client_stop(struct client *c, err why)
{
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
