/* answers - what was answered to requests, for those that are repeated. Layer: sip, for its own files.
 * Each is kept for SIP_TRANSACTION_MS. */
#pragma once
#include "base/span.h"

struct sip_answers;
/* At most so many bytes in all; a quarter of that for answers to those who have proven nothing. */
struct sip_answers *sip_answers_new(size_t max);
void sip_answers_free(struct sip_answers **answers);
/* The answer, borrowed until the coroutine switches; an empty span: there is none. */
struct span sip_answers_get(const struct sip_answers *answers, const char *key);
/* Keeps a copy; the key is not there yet. False: there is no room. */
bool sip_answers_put(struct sip_answers *answers, const char *key, struct span bytes,
		     bool untrusted);
int sip_answers_count(const struct sip_answers *answers);
