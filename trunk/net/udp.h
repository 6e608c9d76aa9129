/* udp - a datagram socket on the reactor: one for many peers. Layer: net.
 *
 * Packets are received and sent in batches: one system call for tens of them, and for packets of one
 * size to one peer one pass through the kernel's stack (GSO), where it can do that. Nothing here
 * waits but udp_wait(). */
#pragma once
#include "base/span.h"
#include "co/co.h"
#include "net/addr.h"

enum {
	UDP_BATCH = 64, /* packets of one udp_recv() */
	UDP_PACKET_MAX =
		2048, /* a longer one that comes is dropped and counted, but for packet_max */
	UDP_SEND_MAX = 65507,
};

struct udp;

struct udp_opts {
	struct hostport at; /* see hostport_listen() */
	bool reuse_port; /* share the port with other processes: the kernel spreads peers over them */
	int fd;          /* a bound descriptor that was inherited; 0: bind one */
	int recv_buffer, send_buffer; /* bytes for the kernel; 0: its own choice */
	size_t packet_max; /* more than UDP_PACKET_MAX: longer ones come too, one by one; 0: they do not */
	const char *what; /* "SRT", for messages */
};

/* One that came. */
struct udp_packet {
	struct span data; /* valid until the next udp_recv() of any socket */
	const struct addr *from;
	const struct addr *to; /* our address that it was sent to, with our port */
};

/* One to be sent. */
struct udp_out {
	struct span data;
	const struct addr *to;
	const struct addr
		*from; /* our address to send from, as a packet of that peer said it; NULL: any */
};

struct udp_counts {
	int64_t recv_packets, recv_bytes, recv_dropped; /* dropped: too long */
	int64_t send_packets, send_bytes,
		send_dropped; /* dropped: refused by the kernel, for that peer */
	int64_t send_calls;
};

/* Binds. An inherited descriptor is taken, also on failure. ERR_SYSTEM names the address. */
err udp_open(struct udp **out, const struct udp_opts *opts);
void udp_close(struct udp **udp);
/* The descriptor alone, the caller's from now on, without ancillary data; the socket is gone. */
int udp_release(struct udp **udp);
int udp_port(const struct udp *udp);
/* The descriptor, for options that have no function here; it stays the socket's. */
int udp_fd(const struct udp *udp);
const struct udp_counts *udp_counts(const struct udp *udp);
/* Whether packets are received here, as they are at first, or left to another process that has the socket too. To send
 * is possible in any case. */
err udp_receive(struct udp *udp, bool on);

/* Calls fn for each of the packets that are there, at most UDP_BATCH; fn must not switch. ERR_AGAIN when
 * there is none. */
err udp_recv(struct udp *udp, void (*fn)(void *ctx, const struct udp_packet *packet), void *ctx);
/* Sends as many as there is room for, in their order; what the kernel refuses for one peer (no route,
 * too long) is counted and left out. *sent of them are done with; ERR_AGAIN when not one was. */
err udp_send(struct udp *udp, const struct udp_out *packets, int count, int *sent);

/* Something may be there; something may be sent. */
bool udp_readable(const struct udp *udp);
bool udp_writable(const struct udp *udp);
/* Makes the running coroutine the one that events wake. */
void udp_attach(struct udp *udp);
/* Sleeps until readable, or woken, as co_wait(). */
err udp_wait(struct udp *udp, int64_t deadline) BLOCKS;
