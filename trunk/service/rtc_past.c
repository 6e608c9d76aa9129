#include "service/rtc_past.h"
#include "base/mem.h"
#include "service/rtc_session.h"

#include <stdio.h>
#include <stdlib.h>

static struct rtc_past ring[RTC_PAST_MAX];
static int next;

static void clear(struct rtc_past *p)
{
	free(p->stream);
	free(p->why);
	free(p->candidates);
	*p = (struct rtc_past){0};
}

void rtc_past_add(const struct rtc_session *s)
{
	struct rtc_past *p = &ring[next];
	next = (next + 1) % RTC_PAST_MAX;
	clear(p);
	snprintf(p->id, sizeof(p->id), "%s", s->id);
	addr_ip(p->ip, &s->ask.peer);
	p->type = s->request.type;
	p->stream = request_key(&s->request, &s->ask.target);
	p->why = mem_strdup(s->why);
	p->candidates = mem_strdup(s->candidates ? s->candidates : "");
	p->ended_wall_ms = clock_wall_ms();
	p->lasted_ms = clock_ms() - s->since_ms;
	p->connect_ms = s->connected_ms ? s->connected_ms - s->answered_ms : -1;
	p->checks = s->checks.checks;
	p->forged = s->checks.forged;
}

const struct rtc_past *rtc_past_get(int i)
{
	const struct rtc_past *p =
		i < RTC_PAST_MAX ? &ring[(next - 1 - i + 2 * RTC_PAST_MAX) % RTC_PAST_MAX] : NULL;
	return p && p->type ? p : NULL;
}

void rtc_past_clear(void)
{
	for (int i = 0; i < RTC_PAST_MAX; i++)
		clear(&ring[i]);
	next = 0;
}
