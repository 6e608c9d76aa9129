/* Rules between the blocks 'stream_caster'. */
#include "conf/check_casters.h"
#include "base/addr.h"
#include "base/log.h"

#include <string.h>

static void ports_differ(const struct conf_caster *a, const struct conf_caster *b,
			 struct conf_place place, struct conf_report *report)
{
	const char *const mine[] = {a->listen, a->sip.enabled ? a->sip.listen : ""};
	const char *const other[] = {b->listen, b->sip.enabled ? b->sip.listen : ""};
	struct hostport x, y;
	for (int i = 0; i < 4; i++)
		if (hostport_listen(&x, mine[i / 2]) && hostport_listen(&y, other[i % 2]) &&
		    hostport_clash(&x, &y))
			report_error(report, place,
				     "'stream_caster %s' listens on '%s', which 'stream_caster %s' "
				     "has already: "
				     "each needs ports of its own, for SIP and for media",
				     log_quote(b->name), log_quote(other[i % 2]),
				     log_quote(a->name));
}

void check_casters(const struct conf *c, struct conf_place place, struct conf_report *report)
{
	for (int i = 0; i < c->caster_count; i++) {
		const struct conf_caster *b = &c->casters[i];
		if (strlen(b->name) >= CASTER_NAME_MAX)
			report_error(report, place,
				     "the name '%s' of a 'stream_caster' is too long",
				     log_quote(b->name));
		for (int k = 0; k < i && b->enabled; k++) {
			const struct conf_caster *a = &c->casters[k];
			if (a->enabled && strcmp(a->name, b->name) == 0)
				report_error(report, place,
					     "two blocks 'stream_caster' have the same name, '%s'; "
					     "name them "
					     "differently, as in 'stream_caster north { … }'",
					     log_quote(b->name));
			if (a->enabled)
				ports_differ(a, b, place, report);
		}
	}
	if (c->caster_count > CASTERS_MAX)
		report_error(report, place, "there are %d blocks 'stream_caster'; %d are too many",
			     c->caster_count, CASTERS_MAX + 1);
}
