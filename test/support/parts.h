/* parts - what main makes of a server's parts before routes are mounted, for tests of the API and of all of HTTP.
 * Layer: test. */
#pragma once
#include "output/dvr.h"
#include "service/srt_hub.h"
#include "session/hooks.h"
#include "support/rtc_guest.h"
#include "support/test_server.h"
#include "task/tasks.h"

static inline struct server *parts_server(const char *conf)
{
	struct server *server = test_server_new(conf);
	server->hooks = hooks_new(server);
	figures_init(&server->figures, &server->stat, &server->registry);
	server->tasks = tasks_new(server);
	server->dvr = dvr_new(server);
	server->srt = srt_hub_new(server);
	rtc_guest_open_hub(server);
	return server;
}
