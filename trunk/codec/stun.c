#include "codec/stun.h"
#include "base/cur.h"

#include <arpa/inet.h>

enum {
	COOKIE = 0x2112a442,
	COOKIE_AT = 4,
	ATTR_HEAD = 4,
	REQUIRED_BELOW = 0x8000, /* attributes that have to be understood */
	FINGERPRINT_XOR = 0x5354554e,
	FAMILY_V4 = 1,
	FAMILY_V6 = 2,
	V4_BYTES = 4,
	V6_BYTES = 16,
};

enum {
	USERNAME = 0x0006,
	INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED = 0x0020,
	FINGERPRINT = 0x8028,
};

/* ---- reading ---- */

bool stun_is_message(struct span d)
{
	struct cur c = cur_of(d.p, d.n);
	uint16_t type = cur_u16(&c), length = cur_u16(&c);
	uint32_t cookie = cur_u32(&c);
	return cur_ok(&c) && d.n >= STUN_HEAD && type < 0x4000 && length % 4 == 0 &&
	       cookie == COOKIE && STUN_HEAD + (size_t)length == d.n;
}

/* The address is masked by the cookie, and behind it by the transaction's id. */
static void unmask(uint8_t *p, size_t n, const uint8_t id[static STUN_ID])
{
	uint32_t cookie = htonl(COOKIE);
	uint8_t mask[V6_BYTES];
	memcpy(mask, &cookie, sizeof(cookie));
	memcpy(mask + sizeof(cookie), id, STUN_ID);
	for (size_t i = 0; i < n; i++)
		p[i] ^= mask[i];
}

static void read_mapped(struct stun *m, struct span value)
{
	struct cur c = cur_of(value.p, value.n);
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[V6_BYTES];
	cur_skip(&c, 1);
	uint8_t family = cur_u8(&c);
	uint16_t port = cur_u16(&c) ^ (COOKIE >> 16);
	size_t n = family == FAMILY_V6 ? V6_BYTES : V4_BYTES;
	struct span raw = cur_bytes(&c, n);
	if (!cur_ok(&c) || cur_left(&c) || (family != FAMILY_V4 && family != FAMILY_V6))
		return;
	memcpy(bytes, raw.p, n);
	unmask(bytes, n, m->id);
	m->has_mapped =
		inet_ntop(family == FAMILY_V6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text)) &&
		addr_literal(&m->mapped, text, port);
}

static void read_error(struct stun *m, struct span value)
{
	struct cur c = cur_of(value.p, value.n);
	cur_skip(&c, 2);
	unsigned hundreds = cur_u8(&c) & 7, rest = cur_u8(&c);
	if (cur_ok(&c) && hundreds >= 3 && hundreds <= 6 && rest <= 99)
		m->error_code = (uint16_t)(hundreds * 100 + rest);
}

static void note_unknown(struct stun *m, uint16_t type)
{
	if (type < REQUIRED_BELOW && m->unknown_count < STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count++] = type;
}

static err read_username(struct stun *m, struct span value)
{
	if (value.n > STUN_USERNAME_MAX)
		return err_fail(ERR_LIMIT, "a STUN user name of %zu bytes", value.n);
	m->username = value;
	return OK;
}

static err read_attribute(struct stun *m, uint16_t type, struct span value)
{
	struct cur c = cur_of(value.p, value.n);
	switch (type) {
	case USERNAME:
		return read_username(m, value);
	case STUN_PRIORITY:
		m->priority = cur_u32(&c);
		break;
	case STUN_USE_CANDIDATE:
		m->use_candidate = true;
		break;
	case STUN_ICE_CONTROLLING:
		m->role = STUN_CONTROLLING;
		break;
	case STUN_ICE_CONTROLLED:
		m->role = STUN_CONTROLLED;
		break;
	case ERROR_CODE:
		read_error(m, value);
		break;
	case XOR_MAPPED:
		read_mapped(m, value);
		break;
	case UNKNOWN_ATTRIBUTES:
		break;
	default:
		note_unknown(m, type);
	}
	return cur_ok(&c) ? OK : err_fail(ERR_PROTOCOL, "STUN attribute %04x is too short", type);
}

/* The two checks stand last. */
static err read_check(struct stun *m, uint16_t type, struct span value, size_t at)
{
	if (value.n != (type == INTEGRITY ? STUN_HMAC : 4))
		return err_fail(ERR_PROTOCOL, "STUN attribute %04x has %zu bytes", type, value.n);
	if (type == INTEGRITY && !m->integrity_at) {
		m->integrity_at = at;
		m->hmac = value;
	} else if (type == FINGERPRINT) {
		struct cur c = cur_of(value.p, value.n);
		m->fingerprint_at = at;
		m->fingerprint = cur_u32(&c);
	}
	return OK;
}

static err read_attributes(struct stun *m, struct cur *c, struct span datagram)
{
	for (int count = 0; cur_left(c) > 0; count++) {
		size_t at = datagram.n - cur_left(c);
		uint16_t type = cur_u16(c), length = cur_u16(c);
		struct span value = cur_bytes(c, length);
		cur_skip(c, (4 - length % 4) % 4);
		if (!cur_ok(c))
			return err_fail(ERR_PROTOCOL, "a STUN attribute is cut off");
		if (count == STUN_ATTRS_MAX)
			return err_fail(ERR_LIMIT, "more than %d STUN attributes", STUN_ATTRS_MAX);
		if (m->fingerprint_at)
			return err_fail(ERR_PROTOCOL, "something follows the STUN fingerprint");
		if (type == INTEGRITY || type == FINGERPRINT)
			TRY(read_check(m, type, value, at));
		else if (!m->integrity_at)
			TRY(read_attribute(m, type, value));
	}
	return OK;
}

err stun_parse(struct stun *m, struct span d)
{
	*m = (struct stun){0};
	if (!stun_is_message(d))
		return err_fail(ERR_PROTOCOL, "no STUN message");
	struct cur c = cur_of(d.p, d.n);
	m->type = cur_u16(&c);
	cur_skip(&c, 6);
	memcpy(m->id, cur_bytes(&c, STUN_ID).p, STUN_ID);
	return read_attributes(m, &c, d);
}

/* ---- the two checks ---- */

/* CRC-32 as of Ethernet and zlib, four bits at a time. */
static uint32_t crc32(struct span s)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~0u;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= s.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

bool stun_fingerprint_ok(const struct stun *m, struct span d)
{
	return m->fingerprint_at &&
	       (crc32(span_head(d, m->fingerprint_at)) ^ FINGERPRINT_XOR) == m->fingerprint;
}

static void put_length(uint8_t *head, size_t length)
{
	head[2] = (uint8_t)(length >> 8);
	head[3] = (uint8_t)length;
}

void stun_integrity_head(uint8_t out[static STUN_HEAD], const struct stun *m, struct span d)
{
	memcpy(out, d.p, STUN_HEAD);
	put_length(out, m->integrity_at + ATTR_HEAD + STUN_HMAC - STUN_HEAD);
}

/* ---- writing ---- */

/* The length in the head counts `more` bytes that are not written yet. */
static void set_length(struct buf *out, size_t more)
{
	if (buf_ok(out) && out->n >= STUN_HEAD)
		put_length(out->p, out->n + more - STUN_HEAD);
}

void stun_write_head(struct buf *out, enum stun_type type, const uint8_t id[static STUN_ID])
{
	buf_u16(out, (uint16_t)type);
	buf_u16(out, 0);
	buf_u32(out, COOKIE);
	buf_put(out, id, STUN_ID);
}

static void put_attribute(struct buf *out, uint16_t type, const void *p, size_t n)
{
	static const uint8_t zero[3];
	buf_u16(out, type);
	buf_u16(out, (uint16_t)n);
	buf_put(out, p, n);
	buf_put(out, zero, (4 - n % 4) % 4);
	set_length(out, 0);
}

void stun_write_username(struct buf *out, const char *name)
{
	put_attribute(out, USERNAME, name, strlen(name));
}

void stun_write_number(struct buf *out, uint16_t attribute, uint64_t value, size_t bytes)
{
	uint8_t be[8];
	for (size_t i = 0; i < bytes; i++)
		be[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	put_attribute(out, attribute, be, bytes);
}

void stun_write_mapped(struct buf *out, const uint8_t id[static STUN_ID], const struct addr *addr)
{
	bool v6 = addr->sa.ss_family == AF_INET6;
	size_t n = v6 ? V6_BYTES : V4_BYTES;
	uint16_t port = (uint16_t)(addr_port(addr) ^ (COOKIE >> 16));
	uint8_t value[4 + V6_BYTES] = {0, v6 ? FAMILY_V6 : FAMILY_V4, (uint8_t)(port >> 8),
				       (uint8_t)port};
	if (v6)
		memcpy(value + 4, &addr->sa.v6.sin6_addr, n);
	else
		memcpy(value + 4, &addr->sa.v4.sin_addr, n);
	unmask(value + 4, n, id);
	put_attribute(out, XOR_MAPPED, value, 4 + n);
}

void stun_write_error(struct buf *out, int code, const char *reason)
{
	struct buf value = {.max = STUN_WRITE_MAX};
	buf_u16(&value, 0);
	buf_u8(&value, (uint8_t)(code / 100));
	buf_u8(&value, (uint8_t)(code % 100));
	buf_put(&value, reason, strlen(reason));
	put_attribute(out, ERROR_CODE, value.p, value.n);
	buf_free(&value);
}

void stun_write_unknown(struct buf *out, const struct stun *request)
{
	uint8_t value[2 * STUN_UNKNOWN_MAX];
	for (int i = 0; i < request->unknown_count; i++) {
		value[2 * i] = (uint8_t)(request->unknown[i] >> 8);
		value[2 * i + 1] = (uint8_t)request->unknown[i];
	}
	put_attribute(out, UNKNOWN_ATTRIBUTES, value, 2 * (size_t)request->unknown_count);
}

void stun_before_integrity(struct buf *out)
{
	set_length(out, ATTR_HEAD + STUN_HMAC);
}

void stun_write_integrity(struct buf *out, const uint8_t hmac[static STUN_HMAC])
{
	put_attribute(out, INTEGRITY, hmac, STUN_HMAC);
}

void stun_write_fingerprint(struct buf *out)
{
	set_length(out, ATTR_HEAD + 4);
	uint32_t crc = buf_ok(out) ? crc32(buf_span(out)) : 0;
	stun_write_number(out, FINGERPRINT, crc ^ FINGERPRINT_XOR, 4);
}
