/* http/files - static files below one directory. Layer: http. */
#pragma once
#include "http/http.h"

/* Answers GET and HEAD: content type by extension, single ranges (206, 416), index.html for a
 * directory ("/dir" is sent to "/dir/" by 302), If-None-Match and If-Modified-Since, 404; 405 for
 * other methods. Never leaves `dir`, links included; names that begin with a dot do not exist.
 * Disk reads go through co_offload(). The `extra` lines are added to the head. After an error the
 * answer may be incomplete: close the connection. */
err http_send_file(struct sock *sock, const struct http_message *request, const char *dir,
		   const char *extra) BLOCKS;

/* The same, but *found is false where the answer would be 404: then nothing was sent. */
err http_try_file(struct sock *sock, const struct http_message *request, const char *dir,
		  const char *extra, bool *found) BLOCKS;

/* For tests: do as if the kernel had no openat2(). */
extern bool http_files_no_openat2;
