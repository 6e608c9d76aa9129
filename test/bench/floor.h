/* floor - what the floors share: the least that a task of a live server can cost, done by a program
 * that has no protocol.
 *
 *   floor.c          options, listeners, the clock: each period is divided among groups of connections
 *   floor_write.c    writes one stream to everybody who connects: players
 *   floor_tls.c      the same, encrypted
 *   floor_receive.c  reads what everybody sends, and throws it away: publishers
 *   floor_rtc.c      encrypts packets and sends them to everybody who has sent one: players of WebRTC
 *   floor_relay.c    reads from each of N senders and writes that to one receiver: a relay */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CLIENTS_MAX = 100000, BLOCK_MAX = 16 << 20 };

struct clients {
	int fd[CLIENTS_MAX];
	int count;
};

/* A floor: what to do when somebody has connected to port + `listener`, and with the i-th of its
 * connections, once a period. */
struct floor {
	const char *name;
	int listeners;
	bool (*prepare)(double kbps, double period_ms);
	void (*accepted)(int listener, int fd);
	int (*count)(void);
	void (*serve)(int i);
	void (*run)(int port); /* instead of all that: it has no connections; NULL */
};
extern const struct floor floor_write, floor_tls, floor_receive, floor_relay, floor_rtc;

/* Closes the i-th; the last one takes its place. */
void clients_drop(struct clients *clients, int i);
