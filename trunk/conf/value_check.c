/* Checks of single words of the configuration. */
#include "base/addr.h"
#include "conf/value.h"

#include <string.h>

enum { DESTINATION_HOST_MAX = 300, ICE_SERVER_MAX = 400 };

const char *value_check_endpoint(const char *word)
{
	struct hostport at;
	return hostport_listen(&at, word) && at.port > 0 ? NULL : "[ip:]port";
}

const char *value_check_hostport(const char *word)
{
	return hostport_is_valid(word) ? NULL : "host[:port]";
}

const char *value_check_ipport(const char *word)
{
	struct hostport hp;
	struct addr ip;
	bool fits = hostport_is_valid(word) && hostport_parse(&hp, word, 0) == OK &&
		    addr_literal(&ip, hp.host, 0);
	return fits ? NULL : "ip[:port]";
}

const char *value_check_origin(const char *word)
{
	const char *host = strncmp(word, "http://", 7) == 0    ? word + 7
			   : strncmp(word, "https://", 8) == 0 ? word + 8
							       : "";
	return *host && hostport_is_valid(host) ? NULL : "http[s]://host[:port]";
}

const char *value_check_network(const char *word)
{
	return network_is_valid(word) ? NULL : "ip or ip/bits";
}

const char *value_check_mount(const char *word)
{
	static const char *const endings[] = {".flv", ".ts", ".mp4", ".aac", ".mp3"};
	const char *dot = strrchr(word, '.');
	for (size_t i = 0; dot && dot > word && i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(dot, endings[i]) == 0 && strchr(word, '/'))
			return NULL;
	return "a path that ends in .flv, .ts, .mp4, .aac or .mp3";
}

static bool is_action(const char *word, size_t n)
{
	return (n == 7 && memcmp(word, "publish", 7) == 0) ||
	       (n == 4 && memcmp(word, "play", 4) == 0);
}

static bool is_scope(const char *p, size_t n)
{
	static const char *const scopes[] = {"read", "kick", "config", "all"};
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (strlen(scopes[i]) == n && strncmp(scopes[i], p, n) == 0)
			return true;
	return false;
}

/* "name secret scopes"; a name with a colon could never be told from its password. */
const char *value_check_user(const char *rule)
{
	const char *scopes = strrchr(rule, ' ');
	bool fits = scopes && *rule && strcspn(rule, ":") >= strcspn(rule, " ");
	for (const char *p = scopes; fits && *p; p += strcspn(p, "+")) {
		p++;
		fits = is_scope(p, strcspn(p, "+"));
	}
	return fits ? NULL : "a name, a secret and read, kick, config (with + in between) or all";
}

const char *value_check_rule(const char *rule)
{
	const char *blank = strchr(rule, ' ');
	bool fits = blank && is_action(rule, (size_t)(blank - rule)) &&
		    (strcmp(blank + 1, "all") == 0 || network_is_valid(blank + 1));
	return fits ? NULL : "publish or play, and all, ip or ip/bits";
}

const char *value_check_url(const char *word)
{
	const char *host = strncmp(word, "http://", 7) == 0    ? word + 7
			   : strncmp(word, "https://", 8) == 0 ? word + 8
							       : "";
	return *host && *host != '/' ? NULL : "http://host[:port]/path or https://…";
}

const char *value_check_destination(const char *word)
{
	static const char srt[] = "srt://", *form = "host[:port], rtmp[s]://host[:port], "
						    "rtmp[s]://host[:port]/app/stream or "
						    "srt://host:port?streamid=…";
	char host[DESTINATION_HOST_MAX];
	bool is_srt = strncmp(word, srt, sizeof(srt) - 1) == 0;
	const char *begin = is_srt                              ? word + sizeof(srt) - 1
			    : strncmp(word, "rtmp://", 7) == 0  ? word + 7
			    : strncmp(word, "rtmps://", 8) == 0 ? word + 8
								: word;
	size_t n = begin == word ? strlen(word) : strcspn(begin, "/?");
	bool whole = is_srt || begin[n] == '\0' ||
		     (strchr(begin + n, '/') && strchr(begin + n + 1, '/'));
	memcpy(host, begin, n < sizeof(host) ? n : 0);
	host[n < sizeof(host) ? n : 0] = '\0';
	return whole && hostport_is_valid(host) ? NULL : form;
}

/* What stands behind the scheme of a STUN or TURN server; NULL: it is none. */
static const char *behind_ice_scheme(const char *word)
{
	static const char *const schemes[] = {"stun:", "stuns:", "turn:", "turns:"};
	for (int i = 0; i < 4; i++)
		if (strncmp(word, schemes[i], strlen(schemes[i])) == 0)
			return word + strlen(schemes[i]);
	return NULL;
}

static bool is_ice_host(const char *text)
{
	char host[ICE_SERVER_MAX];
	size_t n = strcspn(text, "?");
	const char *query = text + n;
	memcpy(host, text, n);
	host[n] = '\0';
	return hostport_is_valid(host) && (!*query || strcmp(query, "?transport=udp") == 0 ||
					   strcmp(query, "?transport=tcp") == 0);
}

/* A name and a password have nothing that would have to be quoted in a header. */
const char *value_check_ice_server(const char *word)
{
	const char *rest = strlen(word) < ICE_SERVER_MAX ? behind_ice_scheme(word) : NULL;
	const char *at = rest ? strchr(rest, '@') : NULL, *colon = at ? strchr(rest, ':') : NULL;
	bool has_words = at && *word == 't' && colon > rest && colon + 1 < at;
	bool fits = rest && (!at || has_words) && !strpbrk(word, "\"\\<> ") &&
		    is_ice_host(at ? at + 1 : rest);
	return fits ? NULL
		    : "stun:host[:port] or turn[s]:[name:password@]host[:port][?transport=udp|tcp]";
}
