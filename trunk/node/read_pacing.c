#include "node/read_pacing.h"
#include "base/mem.h"

static struct read_pacing *read_pacing_of(struct feeder *feeder)
{
	return container_of(feeder, struct read_pacing, feeder);
}

/* Somebody watches now: what lies in the socket is read at once. */
static void on_audience(struct feeder *feeder)
{
	struct read_pacing *in = read_pacing_of(feeder);
	if (in->sock)
		sock_set_rcvlowat(in->sock, false);
}

static void on_read(struct feeder *feeder)
{
	struct read_pacing *in = read_pacing_of(feeder);
	if (in->sock)
		sock_force_read(in->sock);
	else
		source_caught_up(feeder->source, feeder, true);
}

void read_pacing_init(struct read_pacing *in, enum feeder_kind kind,
		      void (*on_lost)(struct feeder *feeder))
{
	*in = (struct read_pacing){
		.feeder =
			{
				.kind = kind,
				.on_lost = on_lost,
				.on_audience = on_audience,
				.on_read = on_read,
			},
	};
}

void read_pacing_open(struct read_pacing *in, struct sock *sock)
{
	in->sock = sock;
}

void read_pacing_close(struct read_pacing *in)
{
	if (in->sock)
		sock_set_rcvlowat(in->sock, false);
	in->sock = NULL;
}

void read_pacing_caught_up(struct read_pacing *in, struct source *source, bool all)
{
	source_caught_up(source, &in->feeder, all);
}

void read_pacing_pace(struct read_pacing *in, const struct source *source, bool hurry)
{
	bool is_ours = source->feeder == &in->feeder;
	if (in->sock)
		sock_set_rcvlowat(in->sock, is_ours && source_is_paced(source) && !hurry);
}
