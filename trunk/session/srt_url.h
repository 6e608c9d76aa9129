/* srt_url - "srt://host:port?streamid=…&latency=…": whom to call by SRT, and how. Layer: session. */
#pragma once
#include "base/addr.h"
#include "srt/options.h"

struct srt_url {
	struct hostport at;
	char stream_id[513];
	char passphrase[SRT_PASSPHRASE_MAX + 1]; /* where the options' may stand */
	/* What is taken of the transport stream that is fetched, from 1; 0: none was named. */
	int program, audio;
};

/* Reads it; its parameters change the options: streamid, passphrase, pbkeylen, latency (milliseconds), maxbw. program
 * and audio are kept here, others mean nothing. `options->passphrase` may point into *out then. ERR_CONFIG says what is
 * wrong. */
err srt_url_parse(struct srt_url *out, struct srt_options *options, const char *url);
bool srt_url_is(const char *url);
