/* url - tcUrl, stream names and HTTP URLs (srs rules). Layer: codec. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum { URL_MAX = 2048 };
/* The port of a server that is named without one. */
enum { PORT_RTMP = 1935, PORT_HTTP = 80, PORT_HTTPS = 443, PORT_API = 1985 };

/* The vhost, app and stream that a session asks for. All text is owned by the target, never NULL and at most
 * URL_MAX bytes: what is longer is ERR_LIMIT. */
struct target {
	bool is_rtmp; /* its URL is one of RTMP or RTMPS */
	int port;
	char *host;   /* as the client wrote it */
	char *vhost;  /* vhost= or domain= of the query, else the host; lower case, no last dot */
	char *app;    /* may hold slashes; percent-decoded */
	char *stream; /* without query; percent-decoded */
	char *param;  /* "?k=v&…" or "" */
};

/* From connect's tcUrl and the name given to play or publish (either may carry a query; the
 * rules are those of SRS: ...vhost...X, query behind the app, _definst_, a default app, blanks
 * removed, vhost=/domain= override; unlike SRS, the names are percent-decoded, as those of HTTP
 * are, so what was decoded already has to be escaped). A user in front of the host is ignored,
 * see url_take_user(). `stream` may be empty. Untouched on failure. */
err target_parse(struct target *out, const char *tc_url, const char *stream);
/* The vhost that a request over HTTP is for, by the same rules: of its Host, "host[:port]", and its query. malloc'ed,
 * the caller's; NULL when that is no host. */
char *http_vhost(const char *host, const char *query);
/* With texts of its own. */
struct target target_copy(const struct target *target);
/* Releases the texts; zeroed memory is fine. */
void target_fini(struct target *target);
/* The key of a stream: "[vhost]/app/stream" without the default vhost. malloc'ed, the caller's. */
char *stream_key(const char *vhost, const char *app, const char *stream);
/* The name without its extension when that is one of media files (".flv", ".m3u8", …); NULL when there is
 * nothing to cut. Whoever looks for a stream tries the exact name first. malloc'ed, the caller's. */
char *stream_cut(const char *stream);
/* Takes "user:password@" out of a URL. Both are percent-decoded and the caller's, who frees them; NULL
 * when no user is named. */
void url_take_user(char *url, char **user, char **password);
/* The value of one parameter of "?a=b&c=d" (percent-decoded), or false. */
bool param_get(char *out, size_t cap, const char *param, const char *name);
/* `param` without one parameter, "" when nothing is left. */
void param_remove(char out[static URL_MAX], const char *param, const char *name);
/* Percent-encodes what could mean something in a query or a path: everything but letters, digits
 * and -._~:/@, . */
void url_escape(struct buf *b, const char *s);
/* A name with those '%' escaped that would be read as an escape: for names that are sent to RTMP servers,
 * which may decode them or not. malloc'ed, the caller's. */
char *url_name(const char *plain);
/* The byte that "%41" at the beginning stands for; -1 when it is no escape. */
int url_escaped_byte(struct span s);
/* Percent-decodes in place of a copy; '+' stays. ERR_PROTOCOL for a bad escape or a NUL. */
err url_unescape(char *out, size_t cap, struct span s);

/* "http://host:port/path?query", for redirects and clients. */
struct http_url {
	char schema[8];
	char host[256];
	int port;
	char path[URL_MAX]; /* with the query; "/" when empty */
};
err http_url_parse(struct http_url *out, const char *text);
#define DEFAULT_VHOST "__defaultVhost__"
#define DEFAULT_APP "__defaultApp__"
