/* neighbours - the APIs of the servers around this one, as questions to be asked. Layer: topology. */
#pragma once
#include "cluster/ask.h"
#include "topology/view.h"

enum neighbour { NEIGHBOUR_RELAY, NEIGHBOUR_COWORKER, NEIGHBOUR_ORIGIN };

/* Adds, for each neighbour that the question may go to in the directions of its scope, what is to be
 * asked: `path` with the question's parameters, in the scope that suits the kind of neighbour. Nobody
 * is asked the same twice. */
void neighbours_add(struct asks *asks, const char *path, const struct view_query *question) BLOCKS;
