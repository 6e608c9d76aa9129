/* gb_call - one camera that is called: from the INVITE to the BYE, and again while it is wanted. Layer: service. */
#pragma once
#include "service/gb_hub.h"
#include "service/gb_stream.h"

enum gb_call_state {
	GB_CALL_INVITING, /* no final answer yet */
	GB_CALL_ANSWERED, /* no media yet */
	GB_CALL_LIVE,
	GB_CALL_PAUSING, /* before it is called again */
};

struct gb_call {
	struct gb_call *prev, *next;
	struct gb_hub *hub;
	enum gb_call_state state;
	char device[GB_ID + 1], channel[GB_ID + 1], name[GB_NAME_MAX];
	bool on_demand;   /* while somebody watches; else as long as the device is there */
	bool is_over;     /* it is ended from outside, for that reason */
	bool is_handed;   /* when it ends, another process calls the device, and has the stream */
	bool starts_over; /* the device has registered anew, and knows nothing of this one */
	char why[128];    /* why it failed, or ended */
	int failures;     /* in a row */
	int status;       /* of the device's answer; 0: none */
	bool has_failed, has_begun, has_ended; /* of the attempt */
	struct sip_dialog dialog;
	bool in_dialog; /* a BYE is due */
	struct sip_call *invite;
	struct gb_answer answer;
	struct gb_stream *stream;
	struct making *waiting; /* those who wait for it */
	int64_t watched_ms;     /* when somebody was there the last time */
	int64_t since_wall_ms;
	struct co *co;
};

/* Calls that channel of the device, which becomes the stream of that name. NULL: it cannot be, since the server ends
 * or there are too many. */
struct gb_call *gb_call_start(struct gb_hub *hub, const struct gb_device *device,
			      const char *channel, const char *name, bool on_demand);
struct gb_call *gb_call_find(const struct gb_hub *hub, const char *channel);
/* Its device has registered; `is_new_life`: what was agreed before counts no more. */
void gb_call_registered(struct gb_call *call, bool is_new_life);
/* The device has said good-bye. */
void gb_call_hung_up(struct gb_call *call);
/* Ends it, for that reason. */
void gb_call_end(struct gb_call *call, const char *why);
/* "inviting", … */
const char *gb_call_state_text(enum gb_call_state state);
