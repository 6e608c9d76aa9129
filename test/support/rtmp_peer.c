#include "support/rtmp_peer.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD_MAX = 8 * 1024 * 1024 };

static void say(struct peer *peer)
{
	struct buf *b = &peer->say.out;
	for (size_t at = 0; at < b->n;) {
		size_t n = peer->feed == WHOLE      ? b->n
			   : peer->feed == BYTEWISE ? 1
						    : 1 + (size_t)rand() % 200;
		n = n < b->n - at ? n : b->n - at;
		if (sock_send(peer->sock, b->p + at, n) != OK)
			return;
		at += n;
		if (peer->feed != WHOLE)
			co_yield ();
	}
	if (peer->hang_up)
		shutdown(peer->sock->rfd.fd, SHUT_WR);
}

static void peer_main(void *arg)
{
	struct peer *peer = arg;
	enum { PART = 4096 };
	size_t n;
	say(peer);
	uint8_t *part = mem_alloc(PART);
	while (sock_recv(peer->sock, part, PART, &n) == OK)
		buf_put(&peer->heard, part, n);
	free(part);
	sock_close(&peer->sock);
}

struct peer *peer_new(enum feed feed)
{
	struct peer *peer = mem_new(struct peer);
	peer->feed = feed;
	peer->say.out.max = HEARD_MAX;
	peer->say.out_chunk_size = CHUNK_SIZE_DEFAULT;
	peer->heard.max = HEARD_MAX;
	return peer;
}

void peer_pair(struct sock **a, struct sock **b)
{
	int fds[2];
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	check(sock_wrap(a, fds[0]) == OK);
	check(sock_wrap(b, fds[1]) == OK);
}

struct sock *peer_start(struct peer *peer)
{
	struct sock *other = NULL;
	peer_pair(&peer->sock, &other);
	peer->co = co_start("peer", peer_main, peer);
	check(peer->co);
	return other;
}

void peer_join(struct peer *peer)
{
	co_join(&peer->co);
}

void peer_free(struct peer **peer)
{
	buf_free(&(*peer)->say.out);
	buf_free(&(*peer)->heard);
	free(*peer);
	*peer = NULL;
}

void peer_say_handshake(struct peer *peer)
{
	uint8_t *p = buf_grow(&peer->say.out, HANDSHAKE_SIZE);
	check(p);
	memset(p, 0x5A, HANDSHAKE_SIZE);
	p[0] = 3;
	memset(p + 1, 0, 8);
}

static void value_text(FILE *to, const struct amf *v);

static void members_text(FILE *to, const struct amf *v, const char *brackets)
{
	fputc(brackets[0], to);
	for (const struct amf *m = v->child; m; m = m->next) {
		if (m->key)
			fprintf(to, "%s=", m->key);
		value_text(to, m);
		if (m->next)
			fputc(' ', to);
	}
	fputc(brackets[1], to);
}

static void value_text(FILE *to, const struct amf *v)
{
	switch (v->kind) {
	case AMF_NULL:
		fputs("null", to);
		break;
	case AMF_UNDEFINED:
		fputs("undefined", to);
		break;
	case AMF_BOOL:
		fputs(v->number != 0 ? "true" : "false", to);
		break;
	case AMF_NUMBER:
	case AMF_DATE:
		fprintf(to, "%.17g", v->number);
		break;
	case AMF_STRING:
		fprintf(to, "'%s'", v->text);
		break;
	case AMF_OBJECT:
		members_text(to, v, "{}");
		break;
	case AMF_ECMA:
		members_text(to, v, "[]");
		break;
	case AMF_STRICT:
		members_text(to, v, "()");
		break;
	}
}

static void body_text(FILE *to, const struct rtmp_msg *m)
{
	struct span s = m->media ? msg_span(m->media) : buf_span(&m->body);
	struct cur c = cur_of(s.p, s.n);
	if (m->type != RTMP_COMMAND && m->type != RTMP_DATA) {
		fputc(' ', to);
		for (size_t i = 0; i < s.n && i < 16; i++)
			fprintf(to, "%02x", s.p[i]);
	}
	while ((m->type == RTMP_COMMAND || m->type == RTMP_DATA) && cur_left(&c)) {
		struct amf *v = NULL;
		if (amf_read(&v, &c) != OK) {
			fputs(" nonsense", to);
			break;
		}
		fputc(' ', to);
		value_text(to, v);
		amf_free(&v);
	}
}

/* As it goes through a reader, Set Chunk Size is felt and not seen. */
char *peer_text(struct span bytes)
{
	char *text = NULL;
	size_t text_n = 0;
	FILE *to = open_memstream(&text, &text_n);
	check(to);
	struct chunk_reader *reader = chunk_reader_new();
	struct cur c = cur_of(bytes.p, bytes.n);
	for (bool got = true; got;) {
		struct rtmp_msg m = {0};
		if (chunk_read(reader, &c, &m, &got) != OK) {
			fputs("no chunk\n", to);
			break;
		}
		if (!got)
			break;
		fprintf(to, "%u@%u", m.type, m.stream_id);
		body_text(to, &m);
		fputc('\n', to);
		rtmp_msg_fini(&m);
	}
	chunk_reader_free(&reader);
	fclose(to);
	return text;
}

int peer_setup(void **state)
{
	(void)state;
	srand(1);
	log_set_level(LOG_ERROR);
	return co_init() == OK ? 0 : -1;
}

int peer_teardown(void **state)
{
	(void)state;
	co_fini();
	return 0;
}
