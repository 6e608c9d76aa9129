/* api_list - answers that are long lists, made a few items at a time. Layer: api.
 * One of them is made at a time, and lets others have a turn between its items: what waits is a page that
 * was asked for, not values. So neither many questions nor a long one keeps anybody waiting. */
#pragma once
#include "api/api_route.h"

struct api_list {
	const char *name; /* of the member that it is */
	int skip, left;   /* the page, see api_list_page() */
	/* The next item of all, NULL behind the last. Others have had a turn since the one before. */
	json_t *(*next)(struct api_list *list, struct api_call *call);
	/* Passes over one item, for `skip`; false behind the last. */
	bool (*pass)(struct api_list *list, struct api_call *call);
	/* Around both: what was found first, and what is to be released. NULL: nothing. */
	void (*open)(struct api_list *list, struct api_call *call);
	void (*close)(struct api_list *list, struct api_call *call);
	struct client_cursor cursor; /* of a list of clients */
	struct listed *found;        /* of a list of streams */
	char **names;                /* of other lists: what was found first, owned */
	int count, room, at;
};

/* One more of the names, within the page if `paged`. Copies. */
void api_list_add_name(struct api_list *list, const char *name, bool paged);
/* The next one of them, NULL behind the last. */
const char *api_list_next_name(struct api_list *list);
/* For `close` of a list of names. */
void api_list_close_names(struct api_list *list, struct api_call *call);
/* The answer of the call ends with this list; ?start= and ?count= are read. The list belongs to the call. */
void api_list_begin(struct api_call *call, const struct api_list *list);
/* The whole answer as a text. A page ends early when it has become long. False: too many others wait, or
 * there is no room. */
bool api_list_write(struct buf *out, struct api_call *call) BLOCKS;
