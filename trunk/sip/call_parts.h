/* call_parts - a request of ours, as its files know it. Layer: sip, for its own files. */
#pragma once
#include "sip/inside.h"
#include "sip/random.h"

enum { SIP_BRANCH_MAX = 48, SIP_METHOD_MAX = 32 };

enum sip_call_state {
	SIP_TRYING,
	SIP_PROCEEDING, /* a provisional answer has come */
	SIP_ANSWERED,   /* an INVITE: the final one has */
	SIP_ABANDONED,  /* an INVITE: none has, and nobody waits for it */
	SIP_OVER,       /* it waits for nothing: its owner may still hold it */
};

struct sip_call {
	int refs; /* one is ours until it is over, one the owner's */
	struct sip_endpoint *endpoint;
	struct sip_flow *flow;
	struct sip_call *prev, *next;
	enum sip_call_state state;
	bool is_invite, is_held;
	bool is_taken; /* by a 2xx */
	bool is_cancelled, cancel_was_sent;
	char method[SIP_METHOD_MAX], branch[SIP_BRANCH_MAX];
	char uri[SIP_ID_MAX];     /* of the request */
	struct sip_dialog dialog; /* as it was when it was sent, then with the peer's side */
	struct buf text, ack;
	struct timer timer;
	int64_t repeat_ms, interval_ms, deadline_ms;
	void (*on_answer)(void *ctx, const struct sip_message *answer);
	void (*on_failure)(void *ctx, err why);
	void *ctx;
};

/* ---- call_send.c ---- */

err sip_branch(char out[static SIP_BRANCH_MAX]);
/* Writes the request into call->text; ERR_LIMIT. */
err sip_call_write(struct sip_call *call, const struct sip_request *request);
/* The ACK, written when it is sent first: of a 2xx, or of another final answer. */
err sip_call_send_ack(struct sip_call *call);

/* ---- call.c ---- */

/* Not sent yet, with a reference that is the caller's. */
struct sip_call *sip_call_new(struct sip_endpoint *endpoint, struct sip_flow *flow,
			      const struct sip_dialog *dialog, const char *method,
			      const char *branch);
/* Sends it, and waits for an answer. Takes the reference, also on failure. */
err sip_call_start(struct sip_call *call, const struct sip_request *request);
void sip_call_unref(struct sip_call *call);
/* Nothing more comes of it. */
void sip_call_finish(struct sip_call *call);
