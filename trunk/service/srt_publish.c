/* An SRT publisher. */
#include "base/mem.h"
#include "service/srt_session.h"
#include "session/srt_feed.h"

#include <stdlib.h>

err srt_publish_run(struct srt_session *s)
{
	struct srt_feed *feed = mem_new(struct srt_feed);
	feed->link = s->link;
	feed->opts = s->taken;
	s->feed = feed;
	err e = srt_feed_run(feed, &s->request);
	s->feed = NULL;
	free(feed);
	return e;
}
