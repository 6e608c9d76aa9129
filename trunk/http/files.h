/* http/files - static files below one directory. Layer: http. */
#pragma once
#include "http/http.h"

/* Answers GET and HEAD: content type by extension, single ranges (206, 416), index.html for a
 * directory, If-Modified-Since, 404. Never leaves `dir`, links included. Disk reads go through
 * co_offload(). The `extra` lines are added to the head. */
err http_send_file(struct sock *sock, const struct http_message *request, const char *dir, const char *extra) BLOCKS;
