/* /api/v1/children: the programs that run beside the server, and the streams that it fetches itself. */
#include "api/api_route.h"
#include "task/tasks.h"

#include <string.h>

/* What follows a '?' is often a password. */
static void put_hidden(json_t *object, const char *key, const char *text)
{
	struct buf b = {.max = 8192};
	while (*text) {
		size_t n = strcspn(text, "?");
		buf_put(&b, text, n);
		text += n;
		if (!*text)
			break;
		buf_printf(&b, "?...");
		text += strcspn(text, " ");
	}
	json_put_text(object, key, buf_text(&b));
	buf_free(&b);
}

static json_t *child_object(const struct child *child)
{
	struct child_facts f;
	json_t *o = json_object(), *lines = json_array();
	child_facts(child, &f);
	json_put_text(o, "kind", f.kind);
	json_put_text(o, "name", f.name);
	json_put_text(o, "state", child_state_name(f.state));
	json_put_int(o, "since", f.since_wall_ms);
	json_put_int(o, "pid", f.pid);
	put_hidden(o, "command", f.command);
	json_put_int(o, "starts", f.starts);
	json_put_int(o, "failures", f.failures);
	json_put_text(o, "last_end", f.last_end);
	for (int i = 0; i < f.line_count; i++) {
		json_t *line = json_object();
		put_hidden(line, "text", f.lines[i]);
		json_array_append(lines, json_object_get(line, "text"));
		json_decref(line);
	}
	json_object_set_new(o, "output", lines);
	return o;
}

static void put_ingest(const struct ingest_facts *f, void *ctx)
{
	json_t *o = json_object();
	json_put_text(o, "name", f->name);
	put_hidden(o, "url", f->url);
	json_put_text(o, "stream", f->key);
	json_put_text(o, "state", f->is_live ? "live" : "waiting");
	json_put_int(o, "since", f->since_wall_ms);
	json_put_int(o, "failures", f->failures);
	json_put_text(o, "reason", f->reason);
	json_array_append_new(ctx, o);
}

enum api_code api_children(struct api_call *call)
{
	const struct children *set = tasks_children(call->server->tasks);
	json_t *list = json_array(), *pulls = json_array();
	for (const struct child *c = child_next(set, NULL); c; c = child_next(set, c))
		json_array_append_new(list, child_object(c));
	tasks_each_ingest(call->server->tasks, put_ingest, pulls);
	json_object_set_new(call->answer, "children", list);
	json_object_set_new(call->answer, "ingests", pulls);
	json_put_int(call->answer, "starts", (int64_t)set->starts);
	json_put_int(call->answer, "failures", (int64_t)set->failures);
	return API_OK;
}
