#include "node/access_log.h"
#include "base/log.h"
#include "base/log_form.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts of clients are cut, so that the line has room for all of them: with quotes each byte may take two. */
enum { LINE_MAX = 8000, TEXT_MAX = 1024 };

/* ---- members ---- */

struct line {
	struct buf *out;
	bool json;
	int members;
};

static void put_name(struct line *l, const char *name)
{
	const char *before = l->members++ ? (l->json ? "," : " ") : (l->json ? "{" : "");
	buf_printf(l->out, l->json ? "%s\"%s\":" : "%s%s=", before, name);
}

static void put_text(struct line *l, const char *name, const char *text)
{
	size_t n = strnlen(text, TEXT_MAX);
	put_name(l, name);
	if (text[n]) /* not within a character of UTF-8 */
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	log_form_quote(l->out, text, n);
}

/* A word of the program's own, which needs no quotes where people read. */
static void put_word(struct line *l, const char *name, const char *word)
{
	put_name(l, name);
	buf_printf(l->out, l->json ? "\"%s\"" : "%s", word);
}

static void put_number(struct line *l, const char *name, int64_t n)
{
	put_name(l, name);
	buf_printf(l->out, "%lld", (long long)n);
}

/* ---- a client ---- */

/* A URL may hold what lets one in: what stands behind "?" is left out. */
static void put_stream(struct line *l, const struct client *c)
{
	char *text = mem_strndup(c->url ? c->url : "", strcspn(c->url ? c->url : "", "?"));
	put_text(l, "url", c->source ? c->source->key : text);
	free(text);
}

static void put_who(struct line *l, const struct client *c)
{
	char ip[ADDR_TEXT_MAX];
	client_ip(ip, c);
	put_word(l, "id", c->id);
	put_word(l, "trace", client_trace(c));
	put_word(l, "role", c->publish ? "publish" : "play");
	put_word(l, "type", c->type);
	put_word(l, "ip", ip);
	if (c->relay)
		put_word(l, "relay", c->hop && *c->hop->relay ? c->hop->relay : "-");
	put_stream(l, c);
	if (*c->page_url)
		put_text(l, "page", c->page_url);
}

static void put_what(struct line *l, const struct client *c)
{
	struct traffic t = c->source ? client_traffic(c) : (struct traffic){0};
	put_number(l, "ms", clock_ms() - client_asked_ms(c));
	put_number(l, "recv", t.recv);
	put_number(l, "send", t.send);
	if (c->first_ms)
		put_number(l, "first_ms", c->first_ms - client_asked_ms(c));
	if (client_skips(c) >= 0)
		put_number(l, "skips", client_skips(c));
	put_word(l, "end", c->ended ? err_slug(c->ended) : "done");
	put_text(l, "why", client_why(c));
}

void access_log_write(struct buf *out, const struct client *c, bool json)
{
	struct line l = {.out = out, .json = json};
	char time[LOG_TIME_MAX];
	log_form_time(time, clock_wall_ms());
	put_word(&l, "ts", time);
	put_who(&l, c);
	put_what(&l, c);
	buf_printf(out, json ? "}\n" : "\n");
}

/* One area for all: a line is written without a switch of coroutines, and would be large on a stack. */
static void write_line(struct client_observer *o, struct client *c)
{
	static struct buf line = {.max = LINE_MAX};
	const struct access_log *log = container_of(o, struct access_log, observer);
	buf_clear(&line);
	access_log_write(&line, c, log->json);
	if (buf_ok(&line))
		log_access((const char *)line.p, line.n);
	else
		log_warn("the line of the access log about %s is too long", c->id);
}

void access_log_init(struct access_log *log, struct stats *stat, bool json)
{
	*log = (struct access_log){0};
	if (!log_has_access())
		return;
	log->stat = stat;
	log->json = json;
	log->observer = (struct client_observer){.on_leave = write_line, .on_refuse = write_line};
	stat_observe(stat, &log->observer);
}

void access_log_fini(struct access_log *log)
{
	if (log->stat)
		stat_unobserve(log->stat, &log->observer);
	log->stat = NULL;
}
