/* flv_play - a player over HTTP, from its request to its end. Layer: service. */
#pragma once
#include "service/http_session.h"
#include "session/request.h"

/* Plays the stream, or tells the client why not. OK: it was told, or the stream has ended. In all other
 * cases the connection is of no more use; if the stream has begun it is the stream's in any case. */
err flv_play(struct http_session *s, const struct request *request) BLOCKS;
