#include "main/loopback.h"
#include "net/listen.h"
#include "service/http_service.h"
#include "service/rtmp_service.h"

#include <stdio.h>
#include <unistd.h>

static struct listener *rtmp, *api; /* for the successor, and whoever looks after this one */
static struct http_port api_port;

static err open_one(struct listener **out, struct server *server, bool is_api)
{
	struct listen_opts opts = {.what = is_api ? "the former API" : "the former RTMP"};
	snprintf(opts.at.host, sizeof(opts.at.host), "127.0.0.1");
	opts.on_accept = is_api ? http_service_accept : rtmp_service_accept;
	opts.ctx = is_api ? (void *)&api_port : server;
	TRY(listener_open(out, &opts));
	listener_start(*out);
	return OK;
}

err loopback_open(struct serve *serve)
{
	struct server *server = &serve->server;
	api_port = (struct http_port){
		.server = server, .router = &serve->router, .ports = HTTP_PORT_API};
	if (!rtmp)
		TRY(open_one(&rtmp, server, false));
	if (!api)
		TRY(open_one(&api, server, true));
	return OK;
}

char *loopback_text(char text[static LOOPBACK_TEXT])
{
	snprintf(text, LOOPBACK_TEXT, "%d 127.0.0.1:%d 127.0.0.1:%d", (int)getpid(),
		 listener_port(rtmp), listener_port(api));
	return text;
}

int loopback_api(void)
{
	return listener_port(api);
}

void loopback_close(void)
{
	listener_close(&rtmp);
	listener_close(&api);
}
