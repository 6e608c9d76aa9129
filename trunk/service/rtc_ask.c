#include "service/rtc_ask.h"
#include "base/mem.h"
#include "rtc/offer.h"

#include <stdlib.h>
#include <strings.h>

static const char default_app[] = "live", default_stream[] = "livestream";

/* A parameter of the query; malloc'ed. */
static char *parameter(const char *query, const char *name, const char *preset)
{
	char *value = mem_zalloc(URL_MAX);
	if (!param_get(value, URL_MAX, query, name) || !*value) {
		free(value);
		return mem_strdup(preset);
	}
	char *text = mem_strdup(value);
	free(value);
	return text;
}

static char *header(const struct http_message *m, const char *name)
{
	const char *value = http_header_get(m, name);
	return mem_strdup(value ? value : "");
}

/* ---- what both forms have ---- */

static err read_codec(struct rtc_ask *a, const char *query)
{
	static const struct {
		const char *name;
		enum rtc_codec codec;
	} names[] = {
		{"h264", RTC_CODEC_H264}, {"avc", RTC_CODEC_H264}, {"hevc", RTC_CODEC_H265},
		{"h265", RTC_CODEC_H265}, {"av1", RTC_CODEC_AV1},  {"vp9", RTC_CODEC_VP9},
	};
	char *want = parameter(query, "codec", "");
	bool known = !*want;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(want, names[i].name) != 0)
			continue;
		a->video = names[i].codec;
		known = true;
	}
	free(want);
	return known ? OK : err_fail(ERR_PROTOCOL, "codec is h264, hevc, av1 or vp9");
}

/* A proxy in front may choose our credentials, to know whose datagrams are whose. */
static err read_words(struct rtc_ask *a, const char *query)
{
	a->ufrag = parameter(query, "ice-ufrag", "");
	a->pwd = parameter(query, "ice-pwd", "");
	if (!*a->ufrag && !*a->pwd)
		return OK;
	if (!ice_is_word(span_str(a->ufrag), 4, 32) || !ice_is_word(span_str(a->pwd), 22, 32))
		return err_fail(ERR_PROTOCOL,
				"ice-ufrag has 4 to 32 characters, and ice-pwd 22 to 32");
	return OK;
}

static void read_host(struct rtc_ask *a, const char *host)
{
	struct hostport hp;
	a->host = mem_strdup(hostport_parse(&hp, host, PORT_HTTP) == OK ? hp.host : "");
}

static err read_common(struct rtc_ask *a, const struct http_message *m, const char *offer)
{
	a->url = mem_strdup(m->path);
	a->page_url = header(m, "Referer");
	a->path = header(m, "X-SRS-Path");
	a->via = header(m, "X-SRS-Via");
	a->offer = mem_strdup(offer);
	a->address = parameter(m->query, "eip", "");
	if (!*a->address) {
		free(a->address);
		a->address = parameter(m->query, "candidate", "");
	}
	TRY(read_codec(a, m->query));
	return read_words(a, m->query);
}

/* ---- WHIP and WHEP ---- */

/* The key of an encoder, as RFC 9725 has it sent, is a parameter like any other for web services. */
static char *with_bearer(const struct http_message *m)
{
	const char *header_ = http_header_get(m, "Authorization");
	char *given = parameter(m->query, "token", "");
	char *query = NULL;
	if (header_ && !*given && strncasecmp(header_, "Bearer ", 7) == 0) {
		struct buf b = {.max = URL_MAX};
		buf_printf(&b, "%s%stoken=", m->query, *m->query ? "&" : "");
		url_escape(&b, header_ + 7);
		query = buf_ok(&b) ? mem_strdup(buf_text(&b)) : NULL;
		buf_free(&b);
	}
	free(given);
	return query ? query : mem_strdup(m->query);
}

static char *escaped(char *plain)
{
	struct buf b = {.max = 4 * URL_MAX};
	url_escape(&b, plain);
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	free(plain);
	return text;
}

static err read_target(struct rtc_ask *a, const struct http_message *m, const char *host)
{
	char *app = escaped(parameter(m->query, "app", default_app));
	char *stream = escaped(parameter(m->query, "stream", default_stream));
	char *query = with_bearer(m);
	char *name = mem_printf("%s%s%s", stream, *query ? "?" : "", query);
	a->tc_url = mem_printf("webrtc://%s/%s", host, app);
	err e = target_parse(&a->target, a->tc_url, name);
	free(app);
	free(stream);
	free(query);
	free(name);
	return e;
}

static char *host_of(const struct http_message *m, const struct addr *local)
{
	char text[ADDR_TEXT_MAX];
	addr_text(text, local);
	return mem_strdup(*m->host ? m->host : text);
}

err rtc_ask_read(struct rtc_ask *a, const struct http_message *m, const struct addr *peer,
		 const struct addr *local, bool publish)
{
	*a = (struct rtc_ask){.publish = publish, .trickle = true, .peer = *peer};
	char *host = host_of(m, local);
	err e = read_target(a, m, host);
	read_host(a, host);
	free(host);
	TRY(e);
	struct buf body = {.max = HTTP_BODY_MAX};
	buf_put(&body, m->body.p, m->body.n);
	e = read_common(a, m, buf_text(&body));
	buf_free(&body);
	return e;
}

/* ---- SRS's form ---- */

err rtc_ask_read_url(struct rtc_ask *a, const struct http_message *m, const struct addr *peer,
		     const struct addr *local, const char *url, const char *offer, bool publish)
{
	(void)local;
	*a = (struct rtc_ask){.publish = publish, .peer = *peer};
	const char *query = strchr(url, '?');
	size_t n = query ? (size_t)(query - url) : strlen(url);
	a->tc_url = mem_strndup(url, n);
	char *slash = strrchr(a->tc_url, '/');
	if (!slash || !strstr(a->tc_url, "://") || slash < strstr(a->tc_url, "://") + 3)
		return err_fail(ERR_PROTOCOL, "streamurl is \"webrtc://host/app/stream\"");
	char *name = mem_printf("%s%s%s", slash + 1, query ? query : "?",
				publish ? query ? "&upstream=rtc" : "upstream=rtc" : "");
	*slash = '\0';
	err e = target_parse(&a->target, a->tc_url, name);
	free(name);
	TRY(e);
	read_host(a, a->target.host);
	return read_common(a, m, offer);
}

void rtc_ask_fini(struct rtc_ask *a)
{
	target_fini(&a->target);
	free(a->tc_url);
	free(a->url);
	free(a->page_url);
	free(a->offer);
	free(a->host);
	free(a->address);
	free(a->ufrag);
	free(a->pwd);
	free(a->path);
	free(a->via);
	*a = (struct rtc_ask){0};
}
