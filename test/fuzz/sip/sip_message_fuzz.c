/* Any bytes as a message: what was parsed lies within them, what is answered to it is a message again, and a stream
 * that begins with them is cut where the parser ends. */
#include "base/check.h"
#include "sip/write.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { BODY_MAX = 4096, ANSWER_MAX = 2 * SIP_HEAD_MAX };

static const uint8_t *begin, *end;

static void check_span(struct span s)
{
	check(s.n == 0 || (s.p >= begin && s.p + s.n <= end));
	for (size_t i = 0; i < s.n; i++)
		check((s.p[i] >= ' ' || s.p[i] == '\t') && s.p[i] != 0x7f);
}

static void check_uri(const struct sip_uri *uri)
{
	check_span(uri->text);
	check_span(uri->user);
	check_span(uri->host);
	check(uri->port >= 0 && uri->port <= 65535);
}

static void check_answer(const struct sip_message *m)
{
	static struct sip_message again;
	struct buf out = {.max = ANSWER_MAX};
	struct addr peer;
	check(addr_literal(&peer, "192.0.2.1", 5060));
	sip_write_response(&out, m, &(struct sip_answer){.status = 200}, &peer, "tag", "agent");
	check(buf_ok(&out));
	err e = sip_parse(&again, out.p, out.n, 0);
	check(e == OK || e == ERR_LIMIT);
	check(e || (again.status == 200 && again.cseq == m->cseq && again.to.tag.n > 0));
	buf_free(&out);
}

static void check_message(const struct sip_message *m)
{
	check(m->header_count <= SIP_HEADERS_MAX && m->body.n <= BODY_MAX);
	for (int i = 0; i < m->header_count; i++) {
		check_span(m->headers[i].name);
		check_span(m->headers[i].value);
	}
	check_uri(&m->from.uri);
	check_uri(&m->to.uri);
	check_span(m->from.tag);
	check_span(m->call_id);
	check_span(m->via.branch);
	check(m->call_id.n > 0 && m->expires >= -1);
	if (m->has_contact)
		check_uri(&m->contact);
	if (m->is_request) {
		check_uri(&m->uri);
		check_answer(m);
	} else {
		check(m->status >= 100 && m->status <= 699);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sip_message m;
	struct sip_frame frame;
	uint8_t *bytes = malloc(n + 1);
	check(bytes);
	if (n)
		memcpy(bytes, data, n);
	begin = bytes;
	end = bytes + n;
	err framed = sip_frame(&frame, bytes, n, BODY_MAX);
	check(frame.skip <= n);
	err e = sip_parse(&m, bytes, n, BODY_MAX);
	if (e == OK) {
		check_message(&m);
		if (framed == OK && frame.length && frame.skip + frame.length <= n)
			check(m.body.n == 0 ||
			      m.body.p + m.body.n == bytes + frame.skip + frame.length);
	}
	free(bytes);
	return 0;
}
