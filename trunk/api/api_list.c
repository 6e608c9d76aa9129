#include "api/api_list.h"
#include "base/mem.h"
#include "base/vec.h"
#include "co/gate.h"

#include <stdlib.h>

enum {
	COUNT_MIN = 10,
	COUNT_MAX = 10000,
	PAGE_BYTES = 4 << 20, /* then a page ends */
	ITEMS_PER_TURN = 16,
	SKIPS_PER_TURN = 4096,
	PATIENCE_MS = 10000,
};

static struct gate making = {.room = 1};

void api_list_begin(struct api_call *call, const struct api_list *list)
{
	call->list = mem_new(struct api_list);
	*call->list = *list;
	call->list->skip = api_query_int(call, "start", 0, 0, INT32_MAX);
	call->list->left = api_query_int(call, "count", COUNT_MIN, COUNT_MIN, COUNT_MAX);
}

void api_list_add_name(struct api_list *list, const char *name, bool paged)
{
	if (paged && list->skip > 0) {
		list->skip--;
		return;
	}
	if (paged && list->count >= list->left)
		return;
	vec_reserve(list->names, list->room, list->count + 1);
	list->names[list->count++] = mem_strdup(name);
	list->left = list->left > list->count ? list->left : list->count;
}

const char *api_list_next_name(struct api_list *list)
{
	return list->at < list->count ? list->names[list->at++] : NULL;
}

void api_list_close_names(struct api_list *list, struct api_call *call)
{
	(void)call;
	for (int i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
}

static void skip_items(struct api_list *list, struct api_call *call)
{
	for (int i = 1; list->pass && list->skip > 0 && list->pass(list, call); i++) {
		list->skip--;
		if (i % SKIPS_PER_TURN == 0)
			co_yield ();
	}
}

static bool write_items(struct buf *out, struct api_list *list, struct api_call *call)
{
	bool good = true;
	for (int i = 0; good && i < list->left && out->n < PAGE_BYTES && !co_stopping(); i++) {
		json_t *item = list->next(list, call);
		if (!item)
			break;
		if (i)
			buf_printf(out, ",");
		good = json_write_long(out, item);
		json_decref(item);
		if (i % ITEMS_PER_TURN == ITEMS_PER_TURN - 1)
			co_yield ();
	}
	return good;
}

static bool write_all(struct buf *out, struct api_list *list, struct api_call *call)
{
	if (!json_write_long(out, call->answer))
		return false;
	out->n--; /* the brace at its end */
	buf_printf(out, ",\"%s\":[", list->name);
	if (list->open)
		list->open(list, call);
	skip_items(list, call);
	bool good = write_items(out, list, call);
	if (list->close)
		list->close(list, call);
	buf_printf(out, "]}");
	return good && buf_ok(out);
}

bool api_list_write(struct buf *out, struct api_call *call)
{
	struct gate_pass pass = {0};
	err e = gate_enter(&making, &pass, clock_after(PATIENCE_MS));
	bool good = e == OK && write_all(out, call->list, call);
	gate_leave(&making, &pass);
	return good;
}
