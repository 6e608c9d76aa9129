/* Any bytes as a request or a response: the first byte says which and how they are cut. A path that
 * is handed out is absolute and stays inside. */
#include "base/check.h"
#include "base/mem.h"
#include "http/parse.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Feeds a copy, since bodies are decoded in place. False at its end. */
static bool feed_cut(struct http_parse *parse, struct http_message **head, const uint8_t *p,
		     size_t *n)
{
	size_t used = 0, got = 0, all = *n;
	uint8_t *copy = mem_alloc(all);
	memcpy(copy, p, all);
	err e = *head ? http_parse_body(parse, copy, all, &used, &got)
		      : http_parse_head(parse, span_of(copy, all), &used, head);
	check(e != OK || (used <= all && got <= used));
	check(e == OK || http_parse_status(parse) >= 400);
	free(copy);
	*n = used;
	return e == OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	size_t step = data[0] / 2 ? (size_t)data[0] / 2 : n;
	struct http_parse *parse = http_parse_new((enum http_parse_kind)(data[0] % 2));
	struct http_message *head = NULL;
	bool more = true;
	for (size_t at = 1; more && at < n && !http_parse_done(parse);) {
		size_t cut = n - at < step ? n - at : step;
		more = feed_cut(parse, &head, data + at, &cut);
		at += cut;
	}
	check(!head || head->status || (head->path[0] == '/' && !strstr(head->path, "/../")));
	if (more)
		(void)http_parse_eof(parse);
	http_message_free(&head);
	http_parse_free(&parse);
	return 0;
}
