#include "node/signed_request.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNAUTHORIZED = 401 };

static err ask(const struct signer *signer, const char *vhost, const char *to,
	       struct http_request_opts opts, int *status, struct buf *body)
{
	char *lines = sign_lines(signer, opts.headers ? opts.headers : "", vhost, to,
				 &(struct sign_what){.method = opts.method,
						     .target = opts.target,
						     .body = opts.body});
	opts.headers = lines;
	err e = http_request(&opts, status, body);
	free(lines);
	return e;
}

/* Once, and again when the receiver says that it is another one than the request was signed for. */
static err ask_twice(struct signer *signer, const char *vhost, const struct http_request_opts *opts,
		     int *status, struct buf *body)
{
	struct http_field receiver = {.name = SIGN_RECEIVER};
	struct http_request_opts asked = *opts;
	char address[HOST_MAX + 8], to[SIGN_ID_MAX];
	hostport_text(address, &opts->host);
	snprintf(to, sizeof(to), "%s", sign_peer(signer, address));
	asked.field = &receiver;
	TRY(ask(signer, vhost, to, asked, status, body));
	/* The name that it gives proves nothing. When it lies, it can pass this one request on to the
	 * server that has the id: the question is still ours, and good there once. */
	if (*status != UNAUTHORIZED || !signer_on(signer))
		return OK;
	sign_learn(signer, address, receiver.value);
	if (strcmp(sign_peer(signer, address), to) == 0)
		return OK;
	return ask(signer, vhost, sign_peer(signer, address), asked, status, body);
}

err signed_request(struct signer *signer, const char *vhost, const struct http_request_opts *opts,
		   int *status, struct buf *body)
{
	struct tls_client *held = opts->tls ? tls_client_ref(opts->tls) : NULL;
	err e = ask_twice(signer, vhost, opts, status, body);
	tls_client_unref(&held);
	return e;
}

/* ---- the other end ---- */

enum sign_verdict signed_request_check(struct signer *signer, const struct http_message *request,
				       struct span what)
{
	return sign_check(signer,
			  &(struct sign_said){
				  .to = http_header_get(request, "X-Srs-To"),
				  .time = http_header_get(request, "X-Srs-Time"),
				  .nonce = http_header_get(request, "X-Srs-Nonce"),
				  .mac = http_header_get(request, "X-Srs-Sign"),
			  },
			  &(struct sign_what){.method = request->method_name,
					      .target = request->target,
					      .body = what},
			  clock_wall_ms());
}

/* Only one that knows a secret of ours learns who we are. */
err signed_request_refuse(struct sock *sock, const struct http_message *request,
			  enum sign_verdict verdict, const char *self, const char *cors)
{
	struct buf extra = {.max = 1024};
	char *body = mem_printf("{\"code\":%d,\"why\":\"%s\"}", CODE_DENIED, sign_why(verdict));
	if (verdict == SIGN_MISDIRECTED)
		http_write_header(&extra, SIGN_RECEIVER, self);
	buf_printf(&extra, "%s", cors);
	err e = http_respond(sock, request, UNAUTHORIZED, "application/json", span_str(body),
			     buf_text(&extra));
	free(body);
	buf_free(&extra);
	return e;
}
