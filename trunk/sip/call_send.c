#include "sip/call_parts.h"

#include <stdio.h>

#define MAGIC "z9hG4bK"
enum { HOST_TEXT_MAX = 300, TEXT_ROOM = 2 * SIP_HEAD_MAX };

err sip_branch(char out[static SIP_BRANCH_MAX])
{
	char word[SIP_WORD_MAX];
	TRY(sip_word(word));
	snprintf(out, SIP_BRANCH_MAX, MAGIC "%s", word);
	return OK;
}

static void own_address(const struct sip_call *call, char out[static HOST_TEXT_MAX])
{
	char local[ADDR_TEXT_MAX];
	const char *given = call->endpoint->opts.sent_by;
	addr_text(local, &call->flow->local);
	snprintf(out, HOST_TEXT_MAX, "%s", given ? given : local);
}

/* "sip:user@here", with the user of our own URI. */
static void own_contact(char *out, size_t cap, const char *local_uri, const char *here)
{
	struct sip_uri uri;
	if (sip_uri_parse(&uri, span_str(local_uri)) == OK && uri.user.n)
		snprintf(out, cap, "sip:%.*s@%s", (int)uri.user.n, (const char *)uri.user.p, here);
	else
		snprintf(out, cap, "sip:%s", here);
}

/* Headers that all requests of the call's dialog have in common. */
static void begin(struct sip_outline *out, const struct sip_call *call, const char *here)
{
	const struct sip_dialog *d = &call->dialog;
	*out = (struct sip_outline){
		.uri = call->uri,
		.transport = call->flow->transport,
		.sent_by = here,
		.branch = call->branch,
		.from_uri = d->local_uri,
		.from_tag = d->local_tag,
		.to_uri = d->remote_uri,
		.to_tag = d->remote_tag,
		.call_id = d->call_id,
		.cseq = d->cseq,
		.agent = call->endpoint->opts.agent,
	};
}

err sip_call_write(struct sip_call *call, const struct sip_request *request)
{
	char here[HOST_TEXT_MAX], contact[HOST_TEXT_MAX + SIP_ID_MAX];
	struct sip_outline outline;
	own_address(call, here);
	begin(&outline, call, here);
	own_contact(contact, sizeof(contact), call->dialog.local_uri, here);
	outline.method = call->method;
	outline.contact = request->contact ? request->contact : call->is_invite ? contact : NULL;
	outline.headers = request->headers;
	outline.content_type = request->content_type;
	outline.body = request->body;
	call->text.max = TEXT_ROOM + request->body.n;
	sip_write_request(&call->text, &outline);
	return buf_ok(&call->text) ? OK : err_fail(ERR_LIMIT, "a request that is too long");
}

/* Of a 2xx it is a transaction of its own, to where the dialog leads. */
static err write_ack(struct sip_call *call)
{
	char here[HOST_TEXT_MAX], branch[SIP_BRANCH_MAX];
	struct sip_outline outline;
	TRY(sip_branch(branch));
	own_address(call, here);
	begin(&outline, call, here);
	outline.method = "ACK";
	if (call->is_taken) {
		outline.uri = call->dialog.target;
		outline.branch = branch;
	}
	call->ack.max = TEXT_ROOM;
	sip_write_request(&call->ack, &outline);
	return OK;
}

err sip_call_send_ack(struct sip_call *call)
{
	if (call->ack.n == 0)
		TRY(write_ack(call));
	return sip_flow_send(call->endpoint, call->flow, buf_span(&call->ack));
}
