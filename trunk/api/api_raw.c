/* /api/v1/raw, which changes this server: of all that SRS has there, the settings of the API itself and
 * the reload. */
#include "api/api_route.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* The numbers of SRS, for a reload's state and what went wrong. */
enum { RELOAD_INIT = 0, RELOAD_PARSING = 10, RELOAD_APPLYING = 30, RELOAD_FINISHED = 90 };
enum { CONFIG_INVALID = 1023 };

/* The last reload that was asked for here, and how many there had been before. */
static char reload_id[9];
static uint64_t reloads_before;

static enum api_code raw_settings(struct api_call *call)
{
	const struct conf_http_api *conf = &call->conf->http_api;
	json_t *api = json_put_object(call->answer, "http_api");
	/* SRS puts no server's names into this one. */
	json_object_del(call->answer, "server");
	json_object_del(call->answer, "service");
	json_object_del(call->answer, "pid");
	json_put_bool(api, "enabled", conf->enabled);
	json_put_text(api, "listen", conf->listen);
	json_put_bool(api, "crossdomain", conf->crossdomain);
	json_t *raw = json_put_object(api, "raw_api");
	json_put_bool(raw, "enabled", conf->raw_api.enabled);
	json_put_bool(raw, "allow_reload", conf->raw_api.allow_reload);
	json_put_bool(raw, "allow_query", false);
	json_put_bool(raw, "allow_update", false);
	return API_OK;
}

static enum api_code raw_reload(struct api_call *call)
{
	const struct conf_http_api *conf = &call->conf->http_api;
	if (!conf->raw_api.enabled || !conf->raw_api.allow_reload || !call->server->on_reload)
		return API_RAW_OFF;
	log_info("a reload is asked for through the API");
	co_new_id(reload_id);
	reloads_before = call->server->reload.count;
	call->server->on_reload(call->server);
	return API_OK;
}

static enum api_code raw_reload_fetch(struct api_call *call)
{
	const struct reload_result *last = &call->server->reload;
	bool asked = *reload_id, over = last->count > reloads_before;
	err code = asked && over ? last->code : OK;
	if (!call->conf->http_api.raw_api.enabled)
		return API_RAW_OFF;
	json_t *data = json_put_object(call->answer, "data");
	json_put_int(data, "err", code ? CONFIG_INVALID : 0);
	json_put_text(data, "msg", code ? last->why : "Success");
	json_put_int(data, "state",
		     !asked               ? RELOAD_INIT
		     : !over              ? RELOAD_PARSING
		     : code == OK         ? RELOAD_FINISHED
		     : code == ERR_CONFIG ? RELOAD_PARSING
					  : RELOAD_APPLYING);
	json_put_text(data, "rid", reload_id);
	return API_OK;
}

enum api_code api_raw(struct api_call *call)
{
	static const struct {
		const char *rpc;
		enum api_code (*fn)(struct api_call *call);
	} known[] = {
		{"raw", raw_settings},
		{"reload", raw_reload},
		{"reload-fetch", raw_reload_fetch},
	};
	char *rpc = api_query(call, "rpc");
	enum api_code code = API_RAW_UNKNOWN;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(rpc, known[i].rpc) == 0)
			code = known[i].fn(call);
	free(rpc);
	return code;
}
