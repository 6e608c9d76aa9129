/* Calls about the program itself and about the request: versions, authors, features, echo. */
#include "api/api_route.h"
#include "base/mem.h"
#include "base/version.h"

#include <stdlib.h>
#include <strings.h>

/* Which build this is, beside the version of SRS that it is compatible with. */
static void put_build(json_t *data)
{
	json_t *build = json_put_object(data, "build");
	json_put_text(build, "version", version_number);
	json_put_text(build, "commit", version_commit);
	json_put_text(build, "date", version_date);
}

enum api_code api_versions(struct api_call *call)
{
	json_t *data = json_put_object(call->answer, "data");
	json_put_int(data, "major", SRS_VERSION_MAJOR);
	json_put_int(data, "minor", SRS_VERSION_MINOR);
	json_put_int(data, "revision", SRS_VERSION_REVISION);
	json_put_text(data, "version", SRS_VERSION);
	put_build(data);
	return API_OK;
}

enum api_code api_authors(struct api_call *call)
{
	json_t *data = json_put_object(call->answer, "data");
	json_put_text(data, "license", "");
	json_put_text(data, "contributors", "");
	return API_OK;
}

enum api_code api_features(struct api_call *call)
{
	static const struct {
		const char *name;
		bool have;
	} known[] = {
		{"ssl", true},         {"hls", false},        {"hds", false},
		{"callback", false},   {"api", true},         {"httpd", true},
		{"dvr", false},        {"transcode", false},  {"ingest", false},
		{"stat", true},        {"caster", false},     {"complex_send", true},
		{"tcp_nodelay", true}, {"so_sendbuf", false}, {"mr", true},
	};
	json_t *data = json_put_object(call->answer, "data");
	json_put_text(data, "options", "");
	json_put_text(data, "options2", "");
	char *build = mem_printf("%s, %s", version_date, SERVER_NAME);
	char *commit = mem_printf("%s (%s)", version_number, version_commit);
	json_put_text(data, "build", build);
	json_put_text(data, "build2", commit);
	free(build);
	free(commit);
	json_t *list = json_put_object(data, "features");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		json_put_bool(list, known[i].name, known[i].have);
	return API_OK;
}

/* The request as the server understood it. */
enum api_code api_requests(struct api_call *call)
{
	const struct http_message *m = call->request;
	json_t *data = json_put_object(call->answer, "data");
	json_put_text(data, "uri", m->target);
	json_put_text(data, "path", m->path);
	json_put_text(data, "METHOD", m->method_name);
	json_t *headers = json_put_object(data, "headers");
	for (int i = 0; i < m->header_count; i++)
		if (strcasecmp(m->headers[i].name, "Authorization") != 0)
			json_put_text(headers, m->headers[i].name, m->headers[i].value);
	json_t *server = json_put_object(data, "server");
	json_put_text(server, "sigature", SERVER_SIG);
	json_put_text(server, "version", SRS_VERSION);
	json_put_text(server, "link", "");
	json_put_int(server, "time", clock_wall_ms());
	return API_OK;
}

enum api_code api_errors(struct api_call *call)
{
	(void)call;
	return API_ERRORS_DEMO;
}
