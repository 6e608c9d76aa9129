/* taken - publishers whose streams have gone over to the process that has taken over. Layer: main. */
#pragma once
#include "node/server.h"

/* Whoever publishes the stream of that key here 2 s from now has not left by itself, and is ended. Does not block. */
void taken_add(struct server *server, const char *key);
