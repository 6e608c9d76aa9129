/* Encrypts and sends the packets of a WebRTC stream to whoever has sent a datagram there: each receiver has a key of its
 * own, each picture goes out in one call for many receivers, and is cut into its packets by the kernel (GSO).
 *
 * The stream is that of rtc_publisher.c: pictures with a key frame of eight times the size every two seconds, and a
 * packet of sound each 20 ms. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	RECEIVERS_MAX = 20000,
	AT_ONCE = 16, /* receivers of one system call */
	PICTURE_US = 33333,
	SOUND_US = 20000,
	GOP = 60, /* pictures */
	KEY_FACTOR = 8,
	PACKET = 1160, /* bytes of a payload */
	HEADER = 12,
	TAG = 16,
	SOUND_BYTES = 80,
	GSO_PACKETS = 48, /* of one message: below 64 KB */
	SOUND_PT = 111,
	PICTURE_PT = 108,
};

struct receiver {
	struct sockaddr_in to;
	EVP_CIPHER_CTX *ctx;
	uint16_t seq[2];
};

static struct receiver receivers[RECEIVERS_MAX];
static int count;
static int fd;
static size_t picture_bytes;
static uint8_t payload[1 << 20];
static uint8_t out[AT_ONCE][GSO_PACKETS * (HEADER + PACKET + TAG)];
static struct mmsghdr messages[AT_ONCE];
static struct iovec iovs[AT_ONCE];
static uint8_t controls[AT_ONCE][CMSG_SPACE(sizeof(uint16_t))];
static int waiting;

static bool prepare(double kbps, double period_ms)
{
	(void)period_ms;
	picture_bytes = (size_t)(kbps * 125 / 30 * GOP / (GOP - 1 + KEY_FACTOR));
	memset(payload, 0x55, sizeof(payload));
	return picture_bytes > 0 && picture_bytes * KEY_FACTOR < sizeof(payload);
}

/* ---- receivers ---- */

static void take(const struct sockaddr_in *from, uint32_t index)
{
	struct receiver *r = &receivers[index];
	uint8_t key[16];
	if (index >= RECEIVERS_MAX)
		return;
	r->to = *from;
	if (r->ctx)
		return;
	memset(key, (int)index, sizeof(key));
	r->ctx = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(r->ctx, EVP_aes_128_gcm(), NULL, key, NULL);
	count = (int)index >= count ? (int)index + 1 : count;
}

static void take_all(void)
{
	struct sockaddr_in from;
	uint8_t data[64];
	for (;;) {
		socklen_t n = sizeof(from);
		uint32_t index;
		ssize_t got = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &n);
		if (got < 0)
			return;
		memcpy(&index, data, sizeof(index));
		if (got == sizeof(index))
			take(&from, index);
	}
}

/* ---- packets ---- */

/* One packet as SRTP has it (RFC 7714): the header is authenticated, the payload encrypted, a tag behind it. */
static size_t put_packet(struct receiver *r, uint8_t *p, int track, const uint8_t *bytes, size_t n,
			 bool marker)
{
	uint8_t iv[12] = {0};
	int len;
	uint16_t seq = r->seq[track]++;
	uint8_t head[HEADER] = {0x80,
				(uint8_t)((track ? PICTURE_PT : SOUND_PT) | (marker ? 0x80 : 0)),
				(uint8_t)(seq >> 8),
				(uint8_t)seq,
				0,
				0,
				0,
				0,
				0,
				0,
				0,
				(uint8_t)track};
	memcpy(p, head, HEADER);
	memcpy(iv + 10, head + 2, 2);
	iv[0] = (uint8_t)track;
	EVP_EncryptInit_ex(r->ctx, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(r->ctx, NULL, &len, head, HEADER);
	EVP_EncryptUpdate(r->ctx, p + HEADER, &len, bytes, (int)n);
	EVP_EncryptFinal_ex(r->ctx, p + HEADER + n, &len);
	EVP_CIPHER_CTX_ctrl(r->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, p + HEADER + n);
	return HEADER + n + TAG;
}

static void flush(void)
{
	for (int sent = 0; sent < waiting;) {
		int n = sendmmsg(fd, messages + sent, (unsigned)(waiting - sent), 0);
		sent += n > 0 ? n : 1;
	}
	waiting = 0;
}

/* Packets of `each` bytes, the last one may be shorter: one message. */
static void put_message(struct receiver *r, size_t size, size_t each)
{
	struct msghdr *m = &messages[waiting].msg_hdr;
	iovs[waiting] = (struct iovec){out[waiting], size};
	*m = (struct msghdr){.msg_name = &r->to,
			     .msg_namelen = sizeof(r->to),
			     .msg_iov = &iovs[waiting],
			     .msg_iovlen = 1};
	if (size > each) {
		uint16_t segment = (uint16_t)each;
		m->msg_control = controls[waiting];
		m->msg_controllen = sizeof(controls[waiting]);
		struct cmsghdr *c = CMSG_FIRSTHDR(m);
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	}
	if (++waiting == AT_ONCE)
		flush();
}

static void send_unit(struct receiver *r, int track, size_t n)
{
	size_t pieces = (n + PACKET - 1) / PACKET, each = (n + pieces - 1) / pieces, at = 0;
	while (at < n) {
		size_t size = 0;
		for (int i = 0; i < GSO_PACKETS && at < n; i++) {
			size_t piece = n - at < each ? n - at : each;
			size += put_packet(r, out[waiting] + size, track, payload + at, piece,
					   at + piece == n);
			at += piece;
		}
		put_message(r, size, HEADER + each + TAG);
	}
}

static void send_all(int track, size_t n)
{
	for (int i = 0; i < count; i++)
		if (receivers[i].ctx)
			send_unit(&receivers[i], track, n);
	flush();
}

/* ---- the clock ---- */

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void open_socket(int port)
{
	int size = 8 << 20;
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		perror("floor");
		exit(1);
	}
}

static void run(int port)
{
	int64_t picture = now_us(), sound = picture;
	open_socket(port);
	for (unsigned number = 0;;) {
		int64_t now = now_us(), next = picture < sound ? picture : sound;
		if (now < next) {
			struct timespec t = {.tv_nsec = (next - now) * 1000};
			nanosleep(&t, NULL);
		}
		take_all();
		now = now_us();
		for (; sound <= now; sound += SOUND_US)
			send_all(0, SOUND_BYTES);
		for (; picture <= now; picture += PICTURE_US)
			send_all(1, picture_bytes * (number++ % GOP ? 1 : KEY_FACTOR));
	}
}

const struct floor floor_rtc = {.name = "rtc", .prepare = prepare, .run = run};
