/* gb_camera - a camera of GB/T 28181 as a test drives it: it says by SIP over UDP what it is told to. Layer: test. */
#pragma once
#include "net/udp.h"
#include "sip/message.h"

#define GB_CAMERA "34020000001320000001"

struct gb_camera {
	struct udp *udp;
	struct addr to;
	const char *id, *call_id;
	unsigned cseq;
	uint8_t in[4][8192]; /* messages that have come and were not asked for yet */
	size_t sizes[4];
	int count;
	uint8_t text[8192];
	struct sip_message m; /* the last one that was asked for */
};

/* One that speaks to that port of this host. */
void gb_camera_open(struct gb_camera *camera, const char *id, int port);
void gb_camera_close(struct gb_camera *camera);
/* A request of its own, with extra header lines. */
void gb_camera_ask(struct gb_camera *camera, const char *method, const char *lines,
		   const char *body);
/* The next message that came, in `m`; false: none came within so many milliseconds. */
bool gb_camera_get(struct gb_camera *camera, int64_t ms) BLOCKS;
/* Asks, and returns the status of the answer; 0 without one. */
int gb_camera_try(struct gb_camera *camera, const char *method, const char *lines,
		  const char *body) BLOCKS;
/* Registers, with the password that it is asked for. */
int gb_camera_register(struct gb_camera *camera, const char *password, int expires) BLOCKS;
/* Answers the message in `m`. */
void gb_camera_answer(struct gb_camera *camera, int status, const char *body);
/* Waits for a request of that method: in `m`, and answered with 200 unless it is an INVITE. */
bool gb_camera_await(struct gb_camera *camera, const char *method, int64_t ms) BLOCKS;
