/* status - the objects in which a server says how something went. Layer: rtmp, for its own files. */
#pragma once
#include "codec/amf0.h"

/* {level, code, description}; the caller's. */
struct amf *rtmp_info(const char *level, const char *code, const char *description);
