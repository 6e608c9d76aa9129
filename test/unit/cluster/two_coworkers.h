/* two_coworkers - a server whose two coworkers say what a test has them say. */
#pragma once
#include "cluster/coworker.h"
#include "cluster/inside.h"
#include "cluster/members.h"
#include "cluster/peer.h"
#include "cluster/rival.h"
#include "http/client.h"
#include "support/api_stub.h"
#include "support/test_server.h"

#include "support/co_unit.h"

static struct server *server;
static struct api_stub a, b;

static char host[] = "h", vhost_name[] = "h", app[] = "live", stream[] = "x", param[] = "";
static const struct target target = {true, 1935, host, vhost_name, app, stream, param};

/* Of two values of a directive the first counts: what a test says comes first. */
static inline void begin(const char *body_a, const char *body_b, const char *more)
{
	api_open(&a, body_a);
	api_open(&b, body_b);
	char *content = mem_printf("cluster { mode local; origin_cluster on; coworkers %s %s; "
				   "%s query_timeout 8000; }",
				   a.name, b.name, more);
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	members_follow(server->cluster);
	free(content);
	free(conf);
}

static inline int tear_down(void **state)
{
	test_server_free(&server);
	http_client_pool_close();
	api_close(&a);
	api_close(&b);
	return co_teardown(state);
}

static inline const struct conf_vhost *vhost(void)
{
	return &server->conf->vhosts[0];
}
