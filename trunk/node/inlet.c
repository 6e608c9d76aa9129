#include "node/inlet.h"
#include "base/mem.h"

static struct inlet *inlet_of(struct feeder *feeder)
{
	return container_of(feeder, struct inlet, feeder);
}

/* Somebody watches now: what lies in the socket is read at once. */
static void on_audience(struct feeder *feeder)
{
	struct inlet *in = inlet_of(feeder);
	if (in->sock)
		sock_set_merge(in->sock, false);
}

static void on_read(struct feeder *feeder)
{
	struct inlet *in = inlet_of(feeder);
	if (in->sock)
		sock_look(in->sock);
	else
		source_caught_up(feeder->source, feeder, true);
}

void inlet_init(struct inlet *in, enum feeder_kind kind, void (*on_lost)(struct feeder *feeder))
{
	*in = (struct inlet){
		.feeder =
			{
				.kind = kind,
				.on_lost = on_lost,
				.on_audience = on_audience,
				.on_read = on_read,
			},
	};
}

void inlet_open(struct inlet *in, struct sock *sock)
{
	in->sock = sock;
}

void inlet_close(struct inlet *in)
{
	if (in->sock)
		sock_set_merge(in->sock, false);
	in->sock = NULL;
}

void inlet_caught_up(struct inlet *in, struct source *source, bool all)
{
	source_caught_up(source, &in->feeder, all);
}

void inlet_pace(struct inlet *in, const struct source *source, bool hurry)
{
	bool is_ours = source->feeder == &in->feeder;
	if (in->sock)
		sock_set_merge(in->sock, is_ours && source_is_paced(source) && !hurry);
}
