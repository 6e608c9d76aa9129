/* gb_demand - cameras that are called when somebody watches: the maker of their streams (node/maker.h). Layer:
 * service. */
#pragma once
#include "service/gb_hub.h"

extern const struct maker_ops gb_demand_ops;
