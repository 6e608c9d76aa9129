#include "session/srt_url.h"
#include "codec/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_SRT = 10080, NUMBER_MAX = 1000 * 1000 * 1000 };

static const char schema[] = "srt://";

bool srt_url_is(const char *url)
{
	return strncmp(url, schema, sizeof(schema) - 1) == 0;
}

/* A parameter as a number; the preset when there is none. False: it is no number. */
static bool read_number(int *out, const char *query, const char *name, long least, long most)
{
	char text[32], *end;
	if (!param_get(text, sizeof(text), query, name))
		return true;
	long n = strtol(text, &end, 10);
	if (end == text || *end || n < least || n > most)
		return false;
	*out = (int)n;
	return true;
}

static bool read_latency(struct srt_options *o, const char *query)
{
	int latency = -1;
	if (!read_number(&latency, query, "latency", 0, NUMBER_MAX))
		return false;
	if (latency >= 0)
		o->recv_latency_ms = o->peer_latency_ms = latency;
	return true;
}

static err read_parameters(struct srt_url *u, struct srt_options *o, const char *query)
{
	int maxbw = (int)o->maxbw;
	if (!param_get(u->stream_id, sizeof(u->stream_id), query, "streamid"))
		*u->stream_id = '\0';
	if (param_get(u->passphrase, sizeof(u->passphrase), query, "passphrase"))
		o->passphrase = u->passphrase;
	if (!read_latency(o, query) ||
	    !read_number(&o->key_bytes, query, "pbkeylen", 0, NUMBER_MAX) ||
	    !read_number(&maxbw, query, "maxbw", -1, NUMBER_MAX))
		return err_fail(ERR_CONFIG,
				"latency, pbkeylen and maxbw of an SRT URL are numbers");
	if (!read_number(&u->program, query, "program", 1, UINT16_MAX) ||
	    !read_number(&u->audio, query, "audio", 1, UINT16_MAX))
		return err_fail(ERR_CONFIG,
				"program and audio of an SRT URL are numbers from 1 to 65535");
	o->maxbw = maxbw;
	return OK;
}

err srt_url_parse(struct srt_url *out, struct srt_options *options, const char *url)
{
	char at[HOST_MAX + 8];
	*out = (struct srt_url){0};
	if (!srt_url_is(url))
		return err_fail(ERR_CONFIG, "an SRT URL is srt://host:port?streamid=…");
	url += sizeof(schema) - 1;
	size_t n = strcspn(url, "/?");
	if (n == 0 || n >= sizeof(at))
		return err_fail(ERR_CONFIG, "the SRT URL names no host");
	snprintf(at, sizeof(at), "%.*s", (int)n, url);
	TRY(hostport_parse(&out->at, at, PORT_SRT));
	const char *query = strchr(url, '?');
	return read_parameters(out, options, query ? query : "");
}
