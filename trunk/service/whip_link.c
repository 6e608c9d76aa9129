#include "service/whip_link.h"
#include "base/clock.h"
#include "rtc/turn.h"

#include <string.h>

enum { GOOD_S = 86400, SERVERS_MAX = 16 };

/* "turn:name:password@host:port" in its parts; nothing in them has to be quoted (value_check_ice_server). */
struct ice_server {
	struct span scheme, name, password, host; /* scheme: "turn:" */
};

static struct ice_server read_server(const char *text)
{
	struct span rest = span_str(text);
	size_t scheme = strcspn(text, ":") + 1, at = strcspn(text, "@");
	struct ice_server s = {.scheme = span_of(rest.p, scheme), .host = span_rest(rest, scheme)};
	if (at == rest.n)
		return s;
	size_t colon = scheme + strcspn(text + scheme, ":");
	s.name = span_of(rest.p + scheme, colon - scheme);
	s.password = span_of(rest.p + colon + 1, at - colon - 1);
	s.host = span_rest(rest, at + 1);
	return s;
}

static void put_words(struct buf *lines, struct span name, struct span password)
{
	buf_printf(lines, "; username=\"%.*s\"; credential=\"%.*s\"; credential-type=\"password\"",
		   (int)name.n, (const char *)name.p, (int)password.n, (const char *)password.p);
}

static void put_timed_words(struct buf *lines, const char *secret, const char *who)
{
	struct turn_words words;
	if (turn_words_make(&words, secret, who, clock_wall_ms() / 1000 + GOOD_S) == OK)
		put_words(lines, span_str(words.name), span_str(words.credential));
}

void whip_link_put(struct buf *lines, const struct conf_rtc_server *conf, const char *who)
{
	for (int i = 0; i < conf->ice_servers.count && i < SERVERS_MAX; i++) {
		const char *text = conf->ice_servers.v[i];
		struct ice_server s = read_server(text);
		bool is_turn = strncmp(text, "turn", 4) == 0;
		buf_printf(lines, "Link: <%.*s%.*s>; rel=\"ice-server\"", (int)s.scheme.n,
			   (const char *)s.scheme.p, (int)s.host.n, (const char *)s.host.p);
		if (s.name.n)
			put_words(lines, s.name, s.password);
		else if (is_turn && *conf->ice_secret)
			put_timed_words(lines, conf->ice_secret, who);
		buf_printf(lines, "\r\n");
	}
}
