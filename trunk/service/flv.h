/* flv - players of live streams over HTTP. Layer: service. */
#pragma once
#include "service/http_session.h"

/* For paths that end in ".flv". *found is false when no http_remux.mount fits the path; then nothing was
 * answered. A stream that is played takes the connection: it must be closed afterwards. */
err flv_serve(struct http_session *s, bool *found) BLOCKS;
