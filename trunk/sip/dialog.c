#include "sip/dialog.h"
#include "sip/random.h"

#include <stdio.h>

static bool fits(const char *text)
{
	return strlen(text) < SIP_ID_MAX;
}

static void copy(char out[static SIP_ID_MAX], struct span text)
{
	if (text.n)
		memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

err sip_dialog_begin(struct sip_dialog *out, const char *local_uri, const char *remote_uri)
{
	uint16_t cseq;
	*out = (struct sip_dialog){0};
	if (!fits(local_uri) || !fits(remote_uri))
		return err_fail(ERR_LIMIT, "a SIP URI of %d bytes or more", SIP_ID_MAX);
	TRY(sip_word(out->call_id));
	TRY(sip_word(out->local_tag));
	TRY(sip_random(&cseq, sizeof(cseq)));
	out->cseq = cseq;
	copy(out->local_uri, span_str(local_uri));
	copy(out->remote_uri, span_str(remote_uri));
	copy(out->target, span_str(remote_uri));
	return OK;
}

err sip_dialog_take(struct sip_dialog *dialog, const struct sip_message *answer)
{
	struct span target = answer->contact.text;
	if (answer->to.tag.n >= SIP_ID_MAX || (answer->has_contact && target.n >= SIP_ID_MAX))
		return err_fail(ERR_LIMIT, "a tag or a contact of %d bytes or more", SIP_ID_MAX);
	copy(dialog->remote_tag, answer->to.tag);
	if (answer->has_contact)
		copy(dialog->target, target);
	return OK;
}

bool sip_dialog_has(const struct sip_dialog *dialog, const struct sip_message *request)
{
	return span_is(request->call_id, dialog->call_id) &&
	       span_is(request->from.tag, dialog->remote_tag) &&
	       span_is(request->to.tag, dialog->local_tag);
}
