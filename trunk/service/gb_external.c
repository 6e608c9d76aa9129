#include "service/gb_external.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/gb_stream.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct gb_external {
	struct gb_external *prev, *next;
	struct gb_hub *hub;
	struct gb_stream *stream;
	struct timer timer; /* until media has come */
};

static void end(struct gb_external *x, const char *why)
{
	log_info("GB28181: the announced stream %s is over: %s", x->stream->name, why);
	timer_cancel(&x->timer);
	gb_stream_close(&x->stream, why);
	DL_DELETE(x->hub->externals, x);
	free(x);
}

static void on_timer(struct timer *timer)
{
	end(container_of(timer, struct gb_external, timer), "no media came");
}

static void on_begin(void *ctx)
{
	struct gb_external *x = ctx;
	timer_cancel(&x->timer);
}

static void on_end(void *ctx, const char *why)
{
	end(ctx, why);
}

static const struct gb_stream_ops ops = {on_begin, on_end};

static bool is_name(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_-", name[i]))
			return false;
	return n > 0 && n < GB_NAME_MAX;
}

err gb_external_open(struct gb_hub *hub, const char *name, uint32_t ssrc)
{
	if (!is_name(name))
		return err_fail(ERR_PROTOCOL, "no stream can have the name '%s'", name);
	struct gb_external *x = mem_new(struct gb_external);
	const struct gb_stream_opts opts = {.name = name, .ssrc = ssrc, .ops = &ops, .ctx = x};
	err e = gb_stream_open(&x->stream, hub, &opts);
	if (e) {
		free(x);
		return e;
	}
	x->hub = hub;
	x->timer.fn = on_timer;
	timer_set(&x->timer, clock_after(hub->caster->sip.timeout_ms));
	DL_APPEND(hub->externals, x);
	log_info("GB28181: the stream %s is announced, SSRC %010u", name, ssrc);
	return OK;
}

bool gb_external_close(struct gb_hub *hub, const char *name)
{
	struct gb_external *x;
	DL_FOREACH (hub->externals, x)
		if (strcmp(x->stream->name, name) == 0)
			break;
	if (x)
		end(x, "its program has ended it");
	return x != NULL;
}

void gb_external_end(struct gb_hub *hub, const char *why)
{
	while (hub->externals)
		end(hub->externals, why);
}
