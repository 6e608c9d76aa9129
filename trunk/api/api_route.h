/* api_route - one call of the HTTP API, for api.c and the api_*.c that answer it. Layer: api. */
#pragma once
#include "base/budget.h"
#include "http/http.h"
#include "node/json.h"
#include "node/server.h"
#include "service/http_router.h"

/* The error codes of SRS. */
enum api_code {
	API_OK = 0,
	API_ERRORS_DEMO = 100,
	API_RAW_UNKNOWN = 1060,
	API_RAW_OFF = 1061,
	API_BUSY_STREAM = 1028,
	API_BUSY = 1074,
	API_NO_VHOST = 2014,
	API_NO_STREAM = 2048,
	API_NO_CLIENT = 2049,
	API_BAD_BODY = 3008,
	API_BAD_CALLBACK = 4058,
};

struct api_list;

struct api_call {
	struct server *server;
	const struct conf *conf;
	const struct http_message *request;
	const struct addr *peer;
	unsigned ports;        /* HTTP_PORT_…, what the port has that was asked */
	int method;            /* HTTP_METHOD_…; JSONP may say another one than the request */
	const char *tail;      /* of the path, behind the route: an id; "" */
	json_t *answer;        /* an object, for the members */
	struct api_list *list; /* the last member, if that is a long list; NULL */
	struct quota quota;    /* what it takes until it is a text, where that is limited */
};

enum {
	ROUTE_BARE = 1,   /* without the members that all answers have in common */
	ROUTE_SIGNED = 2, /* where there is a secret, only servers that share it may ask */
	ROUTE_PUBLIC = 4, /* on the port of files, too */
	ROUTE_OPEN = 8,   /* asks for no name and password */
	ROUTE_ACTS = 16,  /* its POST changes something */
	ROUTE_KICKS = 32, /* what it changes are clients */
};

/* One call: a row of the router, whose `arg` it is. */
struct api_route {
	const char *path; /* a pattern of http_router.h */
	int methods;      /* HTTP_GET, … */
	enum api_code (*fn)(struct api_call *call);
	const char *help; /* for the index; NULL keeps it out */
	unsigned flags;   /* ROUTE_… */
};

/* A parameter of the query, decoded; "" when it is missing. malloc'ed, the caller's. */
char *api_query(const struct api_call *call, const char *name);
/* A parameter that is a number, within bounds. */
int api_query_int(const struct api_call *call, const char *name, int preset, int min, int max);

struct relay_facts;
/* Parts of a client's and of a stream's object: how to follow them to the next server. */
void api_put_trace(json_t *object, const struct client *client);
void api_put_hop(json_t *relay, const struct relay_facts *facts);
/* "video" and "audio" of a stream, each null until its codec is known. */
void api_put_codecs(json_t *object, const struct source *source);
/* "relay" of a stream that is pulled or pushed; NULL: no such member. */
void api_put_relay(json_t *object, const struct relay_facts *facts);

enum api_code api_versions(struct api_call *call);
enum api_code api_authors(struct api_call *call);
enum api_code api_features(struct api_call *call);
enum api_code api_requests(struct api_call *call);
enum api_code api_errors(struct api_call *call);
enum api_code api_page(struct api_call *call);
enum api_code api_vhosts(struct api_call *call);
enum api_code api_streams(struct api_call *call);
enum api_code api_clients(struct api_call *call);
enum api_code api_clusters(struct api_call *call);
enum api_code api_cluster_streams(struct api_call *call) BLOCKS;
enum api_code api_cluster_nodes(struct api_call *call) BLOCKS;
enum api_code api_cluster_clients(struct api_call *call) BLOCKS;
enum api_code api_recordings(struct api_call *call) BLOCKS;
enum api_code api_drain(struct api_call *call);
enum api_code api_children(struct api_call *call);
enum api_code api_raw(struct api_call *call);
enum api_code api_rtc(struct api_call *call);
enum api_code api_srt(struct api_call *call);
enum api_code api_gb_devices(struct api_call *call);
enum api_code api_gb_publish(struct api_call *call);
enum api_code api_certificates(struct api_call *call);
/* What summaries tell, as members of `data`. */
void api_put_summaries(json_t *data, const struct server *server);
enum api_code api_summaries(struct api_call *call);
enum api_code api_rusages(struct api_call *call);
enum api_code api_self_proc_stats(struct api_call *call);
enum api_code api_system_proc_stats(struct api_call *call);
enum api_code api_meminfos(struct api_call *call);
