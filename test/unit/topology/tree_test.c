/* What other servers say, as far as there is room for it, and the sums. */
#include "base/mem.h"
#include "topology/tree.h"

#include <stdlib.h>

#include "support/unit.h"

/* A tree whose root has so many relays, each with one of its own. */
static json_t *said(int relays)
{
	json_t *list = json_array();
	for (int i = 0; i < relays; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:i, s:[{s:b, s:i, s:i}]}", "node",
						"edge", "known", 1, "viewers", 2, "relays", "known",
						1, "viewers", 3, "left_out", 0));
	return json_pack("{s:s, s:s, s:{s:s, s:b, s:i, s:o}}", "stream", "/live/x", "odd", "odd",
			 "origin", "node", "root", "known", 1, "viewers", 1, "relays", list);
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_t *copy(int relays, struct tree_room *room, int *left_out)
{
	json_t *theirs = said(relays), *tree = tree_copy(theirs, room, left_out);
	json_decref(theirs);
	if (tree)
		tree_sum(tree);
	return tree;
}

static void a_tree_is_copied_whole_when_there_is_room(void **state)
{
	(void)state;
	int left_out = 0;
	struct tree_room room = {.depth = 8};
	json_t *tree = copy(10, &room, &left_out);
	assert_null(json_object_get(tree, "odd"));
	assert_int_equal(number(tree, "nodes"), 21);
	assert_int_equal(number(tree, "viewers_total"), 51);
	assert_int_equal(number(tree, "viewers_claimed"), 0);
	assert_int_equal(number(tree, "left_out"), 0);
	assert_int_equal(left_out, 0);
	json_decref(tree);
}

static void what_has_no_room_is_counted(void **state)
{
	(void)state;
	int left_out = 0;
	struct budget b = {.max = TREE_BYTES + 7 * NODE_BYTES};
	struct tree_room room = {.ours = {.from = &b}, .depth = 8};
	json_t *tree = copy(10, &room, &left_out);
	assert_int_equal(number(tree, "nodes"), 8);
	/* Three relays and what is below them, and the one below the fourth. */
	assert_int_equal(number(json_object_get(tree, "origin"), "left_out"), 6);
	assert_int_equal(number(tree, "left_out"), 7);
	assert_null(copy(0, &room, &left_out));
	assert_int_equal(left_out, 1);
	json_decref(tree);
	quota_empty(&room.ours);
	assert_int_equal(b.used, 0);
}

static void what_others_have_left_out_is_passed_on(void **state)
{
	(void)state;
	int left_out = 0;
	struct tree_room room = {.depth = 2};
	json_t *tree = copy(3, &room, &left_out);
	assert_int_equal(number(tree, "left_out"), 3); /* each had one that is too deep */
	json_t *again = tree_copy(tree, &room, &left_out);
	tree_sum(again);
	assert_int_equal(number(again, "left_out"), 3);
	json_decref(again);
	json_decref(tree);
}

/* Also where what has no room here is added to what they have left out. */
static void no_number_is_too_large_to_be_summed_up(void **state)
{
	(void)state;
	int left_out = 0;
	struct budget b = {.max = TREE_BYTES + 3 * NODE_BYTES};
	struct tree_room room = {.ours = {.from = &b}, .depth = 2};
	json_t *theirs = said(4), *origin = json_object_get(theirs, "origin");
	json_t *relays = json_object_get(origin, "relays");
	for (size_t i = 0; i <= json_array_size(relays); i++) {
		json_t *node = i ? json_array_get(relays, i - 1) : origin;
		json_object_set_new(node, "viewers", json_integer(INT64_MAX));
		json_object_set_new(node, "left_out", json_integer(INT64_MAX));
	}
	json_t *tree = tree_copy(theirs, &room, &left_out);
	tree_sum(tree);
	assert_int_equal(number(tree, "nodes"), 4);
	assert_true(number(tree, "viewers_total") > 1000 * 1000 * 1000);
	assert_true(number(tree, "left_out") > 1000 * 1000 * 1000);
	json_decref(tree);
	json_decref(theirs);
	quota_empty(&room.ours);
}

static void a_graft_takes_from_the_quota_of_its_kind(void **state)
{
	(void)state;
	struct budget b = {.max = 100 * NODE_BYTES, .untrusted_max = 4 * NODE_BYTES};
	struct tree_room room = {
		.ours = {.from = &b},
		.untrusted = {.from = &b, .untrusted = true},
		.depth = 8,
	};
	json_t *theirs = said(10);
	for (int stranger = 0; stranger < 2; stranger++) {
		struct tree_relay r = {.node = json_object(), .untrusted = stranger};
		quota_empty(&room.ours);
		tree_graft(&r, json_object_get(theirs, "origin"), &room);
		assert_int_equal(json_array_size(json_object_get(r.node, "relays")),
				 stranger ? 2 : 10);
		assert_int_equal(number(r.node, "left_out"), stranger ? 8 : 0);
		assert_true(r.has_said);
		json_decref(r.node);
		quota_empty(&room.ours);
	}
	json_decref(theirs);
	quota_empty(&room.untrusted);
}

static void rubbish_is_no_tree(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"1", "{}", "[]", "{\"stream\":1,\"origin\":{}}", "{\"stream\":\"x\",\"origin\":[]}",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int left_out = 0;
		struct tree_room room = {.depth = 8};
		json_t *theirs = json_loads(texts[i], JSON_DECODE_ANY, NULL);
		assert_non_null(theirs);
		assert_null(tree_copy(theirs, &room, &left_out));
		assert_int_equal(left_out, 0);
		json_decref(theirs);
	}
}

/* A server knows the ports that it listens on, and we where it is. */
static void what_is_no_port_gets_no_address(void **state)
{
	static const struct {
		const char *said, *shown;
	} cases[] = {{":1985", "10.0.0.1:1985"},
		     {":65535", "10.0.0.1:65535"},
		     {":65536", ":65536"},
		     {":0", ":0"},
		     {":-1", ":-1"},
		     {":99999999999999999999", ":99999999999999999999"},
		     {"b:1", "b:1"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *node = json_pack("{s:s}", "api", cases[i].said);
		tree_place(node, "10.0.0.1:80");
		assert_string_equal(json_string_value(json_object_get(node, "api")),
				    cases[i].shown);
		json_decref(node);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_copied_whole_when_there_is_room),
		cmocka_unit_test(what_has_no_room_is_counted),
		cmocka_unit_test(what_others_have_left_out_is_passed_on),
		cmocka_unit_test(no_number_is_too_large_to_be_summed_up),
		cmocka_unit_test(a_graft_takes_from_the_quota_of_its_kind),
		cmocka_unit_test(rubbish_is_no_tree),
		cmocka_unit_test(what_is_no_port_gets_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
