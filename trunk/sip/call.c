/* Client transactions. A request ends with its final answer; an INVITE lives on for SIP_TRANSACTION_MS, since its
 * final answer is repeated until the ACK has come. One that nobody wants any more lives as long, so that a peer
 * which takes it nevertheless is told that it is over: else a camera would stream for ever. */
#include "base/mem.h"
#include "sip/call_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { CALL_KEY_MAX = SIP_ID_MAX + SIP_METHOD_MAX + 16, CSEQ_MAX = INT32_MAX };

static void on_timer(struct timer *timer);

struct sip_call *sip_call_new(struct sip_endpoint *ep, struct sip_flow *flow,
			      const struct sip_dialog *dialog, const char *method,
			      const char *branch)
{
	struct sip_call *call = mem_new(struct sip_call);
	call->refs = 1;
	call->endpoint = ep;
	call->flow = sip_flow_ref(flow);
	call->dialog = *dialog;
	call->timer.fn = on_timer;
	call->is_invite = strcmp(method, "INVITE") == 0;
	snprintf(call->method, sizeof(call->method), "%s", method);
	snprintf(call->branch, sizeof(call->branch), "%s", branch);
	snprintf(call->uri, sizeof(call->uri), "%s", dialog->target);
	return call;
}

void sip_call_unref(struct sip_call *call)
{
	if (--call->refs > 0)
		return;
	buf_free(&call->text);
	buf_free(&call->ack);
	sip_flow_unref(&call->flow);
	free(call);
}

/* ---- where they are found ---- */

static void branch_key(char out[static CALL_KEY_MAX], struct span method, struct span branch)
{
	snprintf(out, CALL_KEY_MAX, "%.*s %.*s", (int)span_head(method, SIP_METHOD_MAX).n,
		 (const char *)method.p, (int)span_head(branch, SIP_BRANCH_MAX).n,
		 (const char *)branch.p);
}

static void call_key(char out[static CALL_KEY_MAX], struct span method, uint32_t cseq,
		     struct span call_id)
{
	snprintf(out, CALL_KEY_MAX, "%.*s %u %.*s", (int)span_head(method, SIP_METHOD_MAX).n,
		 (const char *)method.p, cseq, (int)span_head(call_id, SIP_ID_MAX).n,
		 (const char *)call_id.p);
}

static void insert(struct sip_call *call)
{
	struct sip_endpoint *ep = call->endpoint;
	char key[CALL_KEY_MAX];
	branch_key(key, span_str(call->method), span_str(call->branch));
	(void)map_set(ep->by_branch, key, call);
	call_key(key, span_str(call->method), call->dialog.cseq, span_str(call->dialog.call_id));
	(void)map_set(ep->by_call, key, call);
	DL_APPEND(ep->calls, call);
	ep->counts.calls++;
}

static void remove_key(struct map *map, const char *key, const struct sip_call *call)
{
	if (map_get(map, key) == call)
		(void)map_remove(map, key);
}

void sip_call_finish(struct sip_call *call)
{
	struct sip_endpoint *ep = call->endpoint;
	char key[CALL_KEY_MAX];
	timer_cancel(&call->timer);
	branch_key(key, span_str(call->method), span_str(call->branch));
	remove_key(ep->by_branch, key, call);
	call_key(key, span_str(call->method), call->dialog.cseq, span_str(call->dialog.call_id));
	remove_key(ep->by_call, key, call);
	DL_DELETE(ep->calls, call);
	ep->counts.calls--;
	call->state = SIP_OVER;
	call->endpoint = NULL;
	sip_call_unref(call);
}

/* By the branch; a device that changes Via has kept the other two. */
static struct sip_call *find(const struct sip_endpoint *ep, const struct sip_message *m)
{
	char key[CALL_KEY_MAX];
	branch_key(key, m->cseq_method_name, m->via.branch);
	struct sip_call *call = map_get(ep->by_branch, key);
	if (call)
		return call;
	call_key(key, m->cseq_method_name, m->cseq, m->call_id);
	return map_get(ep->by_call, key);
}

static bool waits(const struct sip_call *call)
{
	return call->state == SIP_TRYING || call->state == SIP_PROCEEDING;
}

/* ---- sending ---- */

static void schedule(struct sip_call *call)
{
	timer_set(&call->timer,
		  call->repeat_ms < call->deadline_ms ? call->repeat_ms : call->deadline_ms);
}

/* Only datagrams are lost. */
err sip_call_start(struct sip_call *call, const struct sip_request *request)
{
	err e = sip_call_write(call, request);
	if (!e)
		e = sip_flow_send(call->endpoint, call->flow, buf_span(&call->text));
	if (e) {
		sip_call_unref(call);
		return e;
	}
	call->interval_ms = SIP_T1_MS;
	call->repeat_ms = call->flow->transport == SIP_UDP ? clock_after(SIP_T1_MS) : CLOCK_NEVER;
	call->deadline_ms =
		clock_after(request->timeout_ms ? request->timeout_ms : SIP_TRANSACTION_MS);
	insert(call);
	schedule(call);
	return OK;
}

err sip_send(struct sip_endpoint *ep, struct sip_flow *flow, struct sip_dialog *dialog,
	     const struct sip_request *request, struct sip_call **out)
{
	char branch[SIP_BRANCH_MAX];
	if (ep->is_ending || !sip_flow_is_open(flow))
		return err_fail(ERR_CLOSED, "there is no connection to the peer");
	if (ep->counts.calls >= ep->opts.calls_max)
		return err_fail(ERR_FULL, "%d requests are under way", ep->counts.calls);
	if (dialog->cseq >= CSEQ_MAX || strlen(request->method) >= SIP_METHOD_MAX)
		return err_fail(ERR_LIMIT, "a method or a count that is too long");
	TRY(sip_branch(branch));
	dialog->cseq++;
	struct sip_call *call = sip_call_new(ep, flow, dialog, request->method, branch);
	call->on_answer = request->on_answer;
	call->on_failure = request->on_failure;
	call->ctx = request->ctx;
	call->is_held = out != NULL;
	call->refs += call->is_held;
	err e = sip_call_start(call, request);
	if (e && out)
		sip_call_unref(call);
	else if (out)
		*out = call;
	return e;
}

static void send_cancel(struct sip_call *call)
{
	call->cancel_was_sent = true;
	(void)!sip_call_start(
		sip_call_new(call->endpoint, call->flow, &call->dialog, "CANCEL", call->branch),
		&(struct sip_request){0});
}

/* The call was answered after it had been given up. */
static void hang_up(struct sip_call *call)
{
	char branch[SIP_BRANCH_MAX];
	(void)!sip_call_send_ack(call);
	if (sip_branch(branch) != OK)
		return;
	struct sip_dialog dialog = call->dialog;
	dialog.cseq++;
	(void)!sip_call_start(sip_call_new(call->endpoint, call->flow, &dialog, "BYE", branch),
			      &(struct sip_request){0});
}

/* ---- how they end ---- */

static void linger(struct sip_call *call, enum sip_call_state state)
{
	call->state = state;
	call->repeat_ms = CLOCK_NEVER;
	call->deadline_ms = clock_after(SIP_TRANSACTION_MS);
	schedule(call);
}

/* CANCEL may follow the request only when the peer is known to have that. */
static void abandon(struct sip_call *call)
{
	call->is_cancelled = true;
	if (call->state == SIP_PROCEEDING && !call->cancel_was_sent)
		send_cancel(call);
	linger(call, SIP_ABANDONED);
}

static void give_up(struct sip_call *call, err why)
{
	void (*fn)(void *ctx, err why) = call->on_failure;
	void *ctx = call->ctx;
	call->on_answer = NULL;
	call->on_failure = NULL;
	if (call->is_invite && why != ERR_STOPPED)
		abandon(call);
	else
		sip_call_finish(call);
	if (fn)
		fn(ctx, why);
}

static void repeat(struct sip_call *call)
{
	call->interval_ms *= 2;
	if (!call->is_invite && call->interval_ms > SIP_T2_MS)
		call->interval_ms = SIP_T2_MS;
	call->repeat_ms = clock_after(call->interval_ms);
	(void)!sip_flow_send(call->endpoint, call->flow, buf_span(&call->text));
	schedule(call);
}

static void on_timer(struct timer *timer)
{
	struct sip_call *call = container_of(timer, struct sip_call, timer);
	bool is_late = clock_ms() >= call->deadline_ms;
	if (waits(call) && !sip_flow_is_open(call->flow)) {
		give_up(call, ERR_CLOSED);
	} else if (waits(call) && is_late) {
		call->endpoint->counts.timeouts++;
		give_up(call, ERR_TIMEOUT);
	} else if (is_late) {
		sip_call_finish(call);
	} else {
		repeat(call);
	}
}

void sip_calls_look(struct sip_endpoint *endpoint)
{
	for (struct sip_call *call = endpoint->calls; call; call = call->next)
		if (waits(call) && !sip_flow_is_open(call->flow))
			timer_set(&call->timer, clock_ms());
}

void sip_calls_end(struct sip_endpoint *endpoint)
{
	while (endpoint->calls) {
		if (waits(endpoint->calls))
			give_up(endpoint->calls, ERR_STOPPED);
		else
			sip_call_finish(endpoint->calls);
	}
}

/* ---- answers ---- */

static void take_provisional(struct sip_call *call, const struct sip_message *m)
{
	if (call->state == SIP_TRYING) {
		call->state = SIP_PROCEEDING;
		call->interval_ms = SIP_T2_MS;
		if (call->is_invite)
			call->repeat_ms = CLOCK_NEVER;
		schedule(call);
	}
	if (call->is_cancelled && !call->cancel_was_sent && call->state != SIP_ANSWERED)
		send_cancel(call);
	if (call->state == SIP_PROCEEDING && call->on_answer)
		call->on_answer(call->ctx, m);
}

static void take_final(struct sip_call *call, const struct sip_message *m)
{
	void (*fn)(void *ctx, const struct sip_message *answer) = call->on_answer;
	void *ctx = call->ctx;
	sip_call_finish(call);
	if (fn)
		fn(ctx, m);
}

/* The answer may come along another way than the request went: that one is there. */
static void follow(struct sip_call *call, struct sip_flow *flow)
{
	if (sip_flow_is_open(call->flow))
		return;
	sip_flow_unref(&call->flow);
	call->flow = sip_flow_ref(flow);
}

static void take_first_of_invite(struct sip_call *call, const struct sip_message *m)
{
	void (*fn)(void *ctx, const struct sip_message *answer) = call->on_answer;
	bool is_wanted = call->state != SIP_ABANDONED;
	call->is_taken = m->status < 300;
	call->on_answer = NULL;
	call->on_failure = NULL;
	(void)!sip_dialog_take(&call->dialog, m);
	linger(call, SIP_ANSWERED);
	if (!call->is_taken)
		(void)!sip_call_send_ack(call);
	if (fn)
		fn(call->ctx, m);
	if (call->is_taken && !(is_wanted && call->is_held) && call->ack.n == 0)
		hang_up(call);
}

static void take_final_of_invite(struct sip_call *call, struct sip_flow *flow,
				 const struct sip_message *m)
{
	follow(call, flow);
	if (call->state != SIP_ANSWERED)
		take_first_of_invite(call, m);
	else if (call->ack.n)
		(void)!sip_call_send_ack(call);
}

bool sip_calls_take(struct sip_endpoint *endpoint, struct sip_flow *flow,
		    const struct sip_message *m)
{
	struct sip_call *call = find(endpoint, m);
	if (!call || m->to.tag.n >= SIP_ID_MAX || m->contact.text.n >= SIP_ID_MAX)
		return false;
	if (m->status < 200)
		take_provisional(call, m);
	else if (call->is_invite)
		take_final_of_invite(call, flow, m);
	else
		take_final(call, m);
	return true;
}

/* ---- for owners ---- */

err sip_call_ack(struct sip_call *call)
{
	if (call->state != SIP_ANSWERED || !call->is_taken)
		return err_fail(ERR_CLOSED, "there is nothing to acknowledge");
	return sip_call_send_ack(call);
}

void sip_call_cancel(struct sip_call *call)
{
	if (!call->is_invite || !waits(call))
		return;
	call->is_cancelled = true;
	if (call->state == SIP_PROCEEDING && !call->cancel_was_sent)
		send_cancel(call);
}

void sip_call_release(struct sip_call **call)
{
	struct sip_call *c = *call;
	*call = NULL;
	if (!c)
		return;
	c->is_held = false;
	c->on_answer = NULL;
	c->on_failure = NULL;
	if (c->is_invite && waits(c))
		abandon(c);
	else if (c->state == SIP_ANSWERED && c->is_taken && c->ack.n == 0)
		hang_up(c);
	sip_call_unref(c);
}
