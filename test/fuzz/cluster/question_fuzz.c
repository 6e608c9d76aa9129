/* Any AMF0 objects as a question about a client and as its answer: what was read is signed and reads back as it was,
 * nothing else is good, and what is no answer allows nothing. */
#include "base/check.h"
#include "cluster/question.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char vhost_name[] = "a", secret[] = "a secret of sixteen", none[] = "";

static struct server server_of(const char *id)
{
	static struct conf_vhost vhost = {.name = vhost_name,
					  .cluster = {.secret = secret, .secret_file = none}};
	static struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	struct server s = {.signer = signer_new(id)};
	check(signer_load(s.signer, &conf) == OK);
	return s;
}

static void send_on(const struct question *q, struct server *here)
{
	struct server edge = server_of("edge");
	struct question read;
	struct buf first = {.max = CLAIM_MAX}, second = {.max = CLAIM_MAX};
	struct amf *object = question_write(q, &edge, vhost_name, "here");
	check(question_read(&read, object));
	question_claim(&first, q);
	question_claim(&second, &read);
	check(buf_ok(&first) == buf_ok(&second));
	check(!buf_ok(&first) || (first.n == second.n && memcmp(first.p, second.p, first.n) == 0));
	check((question_check(here, &read, object) == SIGN_GOOD) == buf_ok(&first));
	check(question_check(here, &read, object) != SIGN_GOOD); /* once is enough */
	read.publish = !read.publish;
	check(question_check(here, &read, object) != SIGN_GOOD);
	amf_free(&object);
	buf_free(&first);
	buf_free(&second);
	signer_free(&edge.signer);
}

static void ask(const struct amf *object)
{
	struct server here = server_of("here");
	struct question q;
	if (question_read(&q, object)) {
		check(*q.app && *q.stream && q.hops >= 0);
		check(question_check(&here, &q, object) != SIGN_GOOD);
		send_on(&q, &here);
	}
	signer_free(&here.signer);
}

static void answer(const struct amf *object)
{
	struct question_answer a;
	question_answer_read(&a, object);
	check(a.good_ms >= 0 && a.good_ms <= 10000);
	check(!a.allowed || amf_get_number(object, "allowed", 0) == 1);
	struct amf *written = question_answer_write(&a);
	struct question_answer again;
	question_answer_read(&again, written);
	check(again.allowed == a.allowed && again.good_ms == a.good_ms);
	check(strcmp(again.code, a.code) == 0 && strcmp(again.description, a.description) == 0);
	amf_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cur c = cur_of(data, n);
	struct amf *v = NULL;
	while (cur_left(&c) && amf_read(&v, &c) == OK) {
		ask(v);
		answer(v);
		amf_free(&v);
	}
	return 0;
}
