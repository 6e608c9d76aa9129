#include "session/outcome.h"

#include <stdarg.h>
#include <stdio.h>

err outcome_err(enum outcome_code code)
{
	static const err errors[OUTCOMES] = {
		[OUTCOME_NO_VHOST] = ERR_NOTFOUND,
		[OUTCOME_BAD_NAME] = ERR_PROTOCOL,
		[OUTCOME_RELAY_REFUSED] = ERR_DENIED,
		[OUTCOME_MISDIRECTED] = ERR_DENIED,
		[OUTCOME_FULL] = ERR_FULL,
		[OUTCOME_LOOP] = ERR_LOOP,
		[OUTCOME_DENIED] = ERR_DENIED,
		[OUTCOME_NO_ORIGIN] = ERR_UPSTREAM,
		[OUTCOME_UNDECIDED] = ERR_UPSTREAM,
		[OUTCOME_NOT_FOUND] = ERR_NOTFOUND,
		[OUTCOME_ELSEWHERE] = ERR_REDIRECT,
		[OUTCOME_BUSY] = ERR_BUSY,
		[OUTCOME_DRAINING] = ERR_DRAINED,
		[OUTCOME_DRAINED] = ERR_DRAINED,
		[OUTCOME_KICKED] = ERR_KICKED,
		[OUTCOME_REPLACED] = ERR_BUSY,
		[OUTCOME_RIVAL] = ERR_BUSY,
		[OUTCOME_IDLE] = ERR_KICKED,
		[OUTCOME_SILENT] = ERR_TIMEOUT,
		[OUTCOME_TOO_MUCH] = ERR_LIMIT,
		[OUTCOME_ENDED] = ERR_ENDED,
		[OUTCOME_DURATION] = ERR_ENDED,
	};
	return errors[code];
}

__attribute__((format(printf, 3, 0))) static void set(struct outcome *o, enum outcome_code code,
						      const char *fmt, va_list ap)
{
	if (o->code)
		return;
	o->code = code;
	vsnprintf(o->text, sizeof(o->text), fmt, ap);
}

void outcome_set(struct outcome *o, enum outcome_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(o, code, fmt, ap);
	va_end(ap);
}

err outcome_refuse(struct outcome *o, enum outcome_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(o, code, fmt, ap);
	va_end(ap);
	return outcome_fail(o);
}

err outcome_fail(const struct outcome *o)
{
	return err_fail(outcome_err(o->code), "%s", o->text);
}
