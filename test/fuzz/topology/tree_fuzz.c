/* Any text as another server's tree: the copy is bounded, has no more than it paid for, and can be summed. */
#include "base/check.h"
#include "topology/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct budget budget = {.max = 64 * NODE_BYTES, .untrusted_max = 16 * NODE_BYTES};
	struct tree_room room = {
		.depth = 8,
		.ours = {.from = &budget},
		.untrusted = {.from = &budget, .untrusted = true},
	};
	int left_out = 0;
	json_t *said = json_loadb((const char *)data, n, 0, NULL);
	json_t *copy = tree_copy(said, &room, &left_out);
	if (copy) {
		check(tree_sum(copy) >= 0);
		tree_place(json_object_get(copy, "origin"), "192.168.1.10:1985");
	}
	json_decref(copy);
	json_decref(said);
	quota_empty(&room.ours);
	quota_empty(&room.untrusted);
	check(budget.used == 0);
	return 0;
}
