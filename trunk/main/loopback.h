/* loopback - where a process that was replaced is reached by the next one: ports of the loopback interface for its
 * streams and its API. Layer: main. */
#pragma once
#include "main/serve.h"

enum { LOOPBACK_TEXT = 128 };

/* Opens them, if they are not open yet. */
err loopback_open(struct serve *serve);
/* "PID RTMP API", of this process; returns `text`. */
char *loopback_text(char text[static LOOPBACK_TEXT]);
/* The port of its API. */
int loopback_api(void);
/* At the end of the process. */
void loopback_close(void) BLOCKS;
