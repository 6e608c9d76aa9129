/* json - the one place that includes jansson; small helpers around it. Layer: service. */
#pragma once
#include <jansson.h>
