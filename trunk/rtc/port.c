/* Datagrams that are sent wait in one batch for all peers, and go out together: by the port's own coroutine,
 * which whoever has filled it wakes, or at once when it is full. */
#include "rtc/port.h"
#include "base/map.h"
#include "base/mem.h"
#include "rtc/path_table.h"
#include "rtc/stream.h"

#include <stdlib.h>

enum {
	BATCH = 2 * UDP_BATCH,
	UFRAG_TEXT_MAX = ICE_UFRAG_MAX + 1,
	/* RFC 7983: kinds by the first byte */
	STUN_LAST = 3,
	DTLS_FIRST = 20,
	DTLS_LAST = 63,
	MEDIA_FIRST = 128,
	MEDIA_LAST = 191,
};

struct outgoing {
	struct rtc_path path;
	uint8_t bytes[RTC_DATAGRAM_MAX];
};

struct rtc_port {
	int refs;
	struct udp *udp;
	struct co *co;     /* that serves it; NULL: none does */
	struct map *names; /* links by our ufrag */
	struct path_table paths;
	struct rtc_port_counts counts;
	struct crossing *others[RTC_SIDES]; /* borrowed; NULL: none */
	int count;                          /* waiting in: */
	struct outgoing *batch;
	struct udp_out out[BATCH];
};

struct rtc_port *rtc_port_new(struct udp *udp)
{
	struct rtc_port *p = mem_new(struct rtc_port);
	p->refs = 1;
	p->udp = udp;
	p->names = map_new();
	p->batch = mem_alloc(BATCH * sizeof(*p->batch));
	return p;
}

struct rtc_port *rtc_port_ref(struct rtc_port *port)
{
	port->refs++;
	return port;
}

void rtc_port_unref(struct rtc_port **port)
{
	struct rtc_port *p = *port;
	*port = NULL;
	if (!p || --p->refs > 0)
		return;
	rtc_port_flush(p);
	udp_close(&p->udp);
	map_free(&p->names);
	path_table_fini(&p->paths);
	free(p->batch);
	free(p);
}

int rtc_port_number(const struct rtc_port *port)
{
	return udp_port(port->udp);
}

const struct rtc_port_counts *rtc_port_counts(const struct rtc_port *port)
{
	return &port->counts;
}

const struct udp_counts *rtc_port_udp_counts(const struct rtc_port *port)
{
	return udp_counts(port->udp);
}

int rtc_port_links(const struct rtc_port *port)
{
	return (int)map_count(port->names);
}

/* ---- whose it is ---- */

err rtc_port_add(struct rtc_port *p, const char *ufrag, struct rtc_link *link)
{
	if (map_get(p->names, ufrag))
		return err_fail(ERR_BUSY, "there is a peer with this ice-ufrag already");
	if (map_count(p->names) >= RTC_LINKS_MAX)
		return err_fail(ERR_LIMIT, "the port has %d peers", RTC_LINKS_MAX);
	map_set(p->names, ufrag, link);
	return OK;
}

void rtc_port_remove(struct rtc_port *p, const char *ufrag)
{
	(void)map_remove(p->names, ufrag);
}

void rtc_port_learn(struct rtc_port *p, const struct rtc_path *path, struct rtc_link *link)
{
	struct rtc_link *former = path_table_set(&p->paths, path, link);
	if (former)
		rtc_link_lose(former, path);
}

void rtc_port_forget(struct rtc_port *p, const struct rtc_path *path, const struct rtc_link *link)
{
	path_table_remove(&p->paths, path, link);
}

bool rtc_port_knows(const struct rtc_port *p, const struct rtc_path *path)
{
	return path_table_get(&p->paths, path) != NULL;
}

void rtc_port_lose(struct rtc_port *p, const struct rtc_path *path)
{
	struct rtc_link *link = path_table_get(&p->paths, path);
	if (!link)
		return;
	path_table_remove(&p->paths, path, link);
	rtc_link_lose(link, path);
}

/* ---- another process ---- */

void rtc_port_share(struct rtc_port *p, enum rtc_side side, struct crossing *crossing)
{
	p->others[side] = crossing;
}

err rtc_port_receive(struct rtc_port *p, bool on)
{
	return udp_receive(p->udp, on);
}

int rtc_port_fd(const struct rtc_port *p)
{
	return udp_fd(p->udp);
}

/* Never back to where it has come from. A stream is this process's alone. False: there is nobody else. */
static bool hand_on(const struct rtc_port *p, struct span datagram, const struct rtc_path *path,
		    enum rtc_side from)
{
	bool is_shared = false;
	for (enum rtc_side side = 0; side < RTC_SIDES && !path->stream; side++) {
		if (side == from || !p->others[side])
			continue;
		is_shared = true;
		crossing_put(p->others[side], datagram, path);
	}
	return is_shared;
}

/* The newest process alone has the port of TCP, so a session that is not here is of one before it. */
bool rtc_port_hand_stream(const struct rtc_port *p, int fd, struct span read,
			  const struct rtc_path *path)
{
	return p->others[RTC_FORMER] && crossing_put_stream(p->others[RTC_FORMER], fd, read, path);
}

/* ---- what comes ---- */

/* The name is "ours:theirs". */
static struct rtc_link *named(const struct rtc_port *p, struct span username)
{
	char name[UFRAG_TEXT_MAX];
	const uint8_t *colon = username.n ? memchr(username.p, ':', username.n) : NULL;
	size_t n = colon ? (size_t)(colon - username.p) : 0;
	if (n == 0 || n >= sizeof(name) || memchr(username.p, '\0', n))
		return NULL;
	memcpy(name, username.p, n);
	name[n] = '\0';
	return map_get(p->names, name);
}

/* We ask nothing, so nothing but requests is for us. */
static void take_stun(struct rtc_port *p, struct span d, const struct rtc_path *path,
		      enum rtc_side from)
{
	struct stun m;
	if (stun_parse(&m, d) != OK) {
		p->counts.malformed++;
		return;
	}
	bool is_check = m.type == STUN_BINDING_REQUEST;
	struct rtc_link *link = is_check ? named(p, m.username) : NULL;
	if (!link) {
		p->counts.unknown_name += !is_check || !hand_on(p, d, path, from);
		return;
	}
	p->counts.stun++;
	rtc_link_take_check(link, &m, d, path);
}

void rtc_port_take_from(struct rtc_port *p, enum rtc_side from, uint8_t *bytes, size_t n,
			const struct rtc_path *path)
{
	uint8_t first = n ? bytes[0] : MEDIA_LAST + 1;
	if (first <= STUN_LAST) {
		take_stun(p, span_of(bytes, n), path, from);
		return;
	}
	bool is_media = first >= MEDIA_FIRST && first <= MEDIA_LAST;
	bool is_dtls = first >= DTLS_FIRST && first <= DTLS_LAST;
	struct rtc_link *link = is_media || is_dtls ? path_table_get(&p->paths, path) : NULL;
	if (!is_media && !is_dtls) {
		p->counts.other++;
	} else if (!link) {
		p->counts.unknown_peer += !hand_on(p, span_of(bytes, n), path, from);
	} else if (is_media) {
		p->counts.media++;
		rtc_link_take_media(link, bytes, n, path);
	} else {
		p->counts.dtls++;
		rtc_link_take_dtls(link, span_of(bytes, n), path);
	}
}

void rtc_port_take(struct rtc_port *p, uint8_t *bytes, size_t n, const struct rtc_path *path)
{
	rtc_port_take_from(p, RTC_SIDES, bytes, n, path);
}

/* The bytes are the socket's own, of one batch, and media is decrypted where it stands. */
static void on_packet(void *ctx, const struct udp_packet *packet)
{
	struct rtc_path path = {.peer = *packet->from, .local = *packet->to};
	rtc_port_take(ctx, (uint8_t *)(uintptr_t)packet->data.p, packet->data.n, &path);
}

/* ---- what goes ---- */

uint8_t *rtc_port_room(struct rtc_port *p)
{
	if (p->count == BATCH)
		rtc_port_flush(p);
	return p->batch[p->count].bytes;
}

bool rtc_port_put(struct rtc_port *p, const struct rtc_path *path, size_t n)
{
	struct outgoing *o = &p->batch[p->count];
	if (path->stream)
		return rtc_stream_send(path->stream, span_of(o->bytes, n));
	o->path = *path;
	p->out[p->count++] = (struct udp_out){
		.data = span_of(o->bytes, n), .to = &o->path.peer, .from = &o->path.local};
	if (p->co)
		co_wake(p->co);
	return true;
}

/* A datagram that the kernel has no room for is lost, as it could be on any network: nothing waits for a slow peer. */
void rtc_port_flush(struct rtc_port *p)
{
	int done = 0;
	while (done < p->count) {
		int sent = 0;
		if (udp_send(p->udp, p->out + done, p->count - done, &sent) != OK || sent == 0)
			break;
		done += sent;
	}
	p->counts.send_dropped += p->count - done;
	p->count = 0;
}

/* ---- its coroutine ---- */

static err serve(struct rtc_port *p)
{
	for (;;) {
		err e = udp_recv(p->udp, on_packet, p);
		rtc_port_flush(p);
		if (e == OK) {
			co_yield ();
			continue;
		}
		if (e != ERR_AGAIN)
			return e;
		e = udp_wait(p->udp, CLOCK_NEVER);
		if (e)
			return e;
	}
}

err rtc_port_run(struct rtc_port *p)
{
	p->co = co_self();
	udp_attach(p->udp);
	err e = serve(p);
	p->co = NULL;
	rtc_port_flush(p);
	return e;
}
