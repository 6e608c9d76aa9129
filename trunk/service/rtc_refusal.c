#include "service/rtc_refusal.h"

/* Numbers of SRS. */
enum {
	CODE_OTHER = 400,
	CODE_NO_VHOST = 2014,
	CODE_NO_STREAM = 2048,
	CODE_DENIED_BY = 1102,
	CODE_SDP = 5012,
	CODE_NEGOTIATE = 5018,
	CODE_BUSY = 5020,
	CODE_DISABLED = 5021,
};

static const struct {
	int status, code;
} outcomes[OUTCOMES] = {
	[OUTCOME_NO_VHOST] = {404, CODE_NO_VHOST},
	[OUTCOME_BAD_NAME] = {400, CODE_OTHER},
	[OUTCOME_RELAY_REFUSED] = {403, CODE_DENIED_BY},
	[OUTCOME_FULL] = {503, CODE_OTHER},
	[OUTCOME_LOOP] = {403, CODE_OTHER},
	[OUTCOME_DENIED] = {403, CODE_DENIED_BY},
	[OUTCOME_UNDECIDED] = {503, CODE_OTHER},
	[OUTCOME_NO_ORIGIN] = {503, CODE_OTHER},
	[OUTCOME_NOT_FOUND] = {404, CODE_NO_STREAM},
	[OUTCOME_ELSEWHERE] = {404, CODE_NO_STREAM},
	[OUTCOME_BUSY] = {409, CODE_BUSY},
	[OUTCOME_DRAINING] = {503, CODE_OTHER},
	[OUTCOME_DRAINED] = {503, CODE_OTHER},
	[OUTCOME_KICKED] = {403, CODE_DENIED_BY},
	[OUTCOME_REPLACED] = {409, CODE_BUSY},
	[OUTCOME_RIVAL] = {409, CODE_BUSY},
	[OUTCOME_ENDED] = {404, CODE_NO_STREAM},
};

struct rtc_words rtc_refusal_words(enum rtc_refusal refusal, const struct rtc_session *s, err e)
{
	struct rtc_words w = {.status = 500, .code = CODE_OTHER};
	w.text = s && s->why ? s->why : err_trail(e);
	switch (refusal) {
	case RTC_DISABLED:
		w.status = 403;
		w.code = CODE_DISABLED;
		break;
	case RTC_MALFORMED:
		w.status = 400;
		w.code = CODE_SDP;
		break;
	case RTC_UNACCEPTABLE:
		w.status = 406;
		w.code = CODE_NEGOTIATE;
		break;
	case RTC_NO_ROOM:
		w.status = 503;
		break;
	case RTC_BY_OUTCOME:
		if (s && s->outcome && outcomes[s->outcome->code].status) {
			w.status = outcomes[s->outcome->code].status;
			w.code = outcomes[s->outcome->code].code;
			w.text = s->outcome->text;
		}
		break;
	default:
		break;
	}
	return w;
}
