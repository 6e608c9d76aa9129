#include "main/drainage.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/elsewhere.h"
#include "codec/url.h"
#include "main/signals.h"
#include "session/request.h"

#include <limits.h>
#include <stdlib.h>
#include <utlist.h>

enum {
	STEP_MS = 200,
	ASK_SLICE = 64,      /* clients looked at before others can run */
	PACE_MS = 10,        /* between two encoders that are asked, */
	PACE_ALL_MS = 10000, /* and until all of them are, at most */
	FRESH_MS = 200,      /* a server is asked so long behind a start of its stream at most, */
	FRESH_STEP_MS = 20,
	FRESH_MAX_MS = 3000,   /* or when it has been waited for so long */
	REPORT_MS = 1000,      /* until the first line of how many are left; then doubled, */
	REPORT_MAX_MS = 60000, /* up to this */
	THIN_SHARE = 4,        /* in the last quarter of the limit players are ended, */
	THIN_MAX_MS = 30000,   /* in its last so many ms at most */
};

static struct drain *drain_of(struct serve *serve)
{
	return &serve->server.drain;
}

static int left(const struct serve *serve)
{
	return serve->server.stat.client_count;
}

/* ---- asking clients to connect anew ---- */

/* The address of another server with that stream's app; NULL: there is none now. malloc'ed. The request may be gone
 * once the coworkers have been asked, and so is nothing of it used then. */
static char *find_elsewhere(struct serve *serve, const struct request *r)
{
	struct coworker_answer *to = mem_new(struct coworker_answer);
	struct conf *conf = conf_ref(r->conf); /* which has its vhost */
	struct target target = target_copy(r->target);
	bool tls = r->tls;
	err e = elsewhere_find(serve->server.cluster, r->vhost, &target, to);
	const char *address = tls ? to->rtmps : to->rtmp;
	char *app = url_name(target.app), *url = NULL;
	if (e == OK && *address)
		url = mem_printf("rtmp%s://%s/%s", tls ? "s" : "", address, app);
	free(app);
	target_fini(&target);
	conf_unref(&conf);
	free(to);
	return url;
}

/* A server of the cluster knows where else it can go, another client is told. malloc'ed; "": where it has
 * come from, behind which a balancer may have another server. */
static char *url_elsewhere(struct serve *serve, const struct request *r)
{
	bool same = drain_of(serve)->state == DRAIN_HANDED;
	char *url = r && !same && !r->is_relay ? find_elsewhere(serve, r) : NULL;
	return url ? url : mem_strdup("");
}

/* Another server, which fetches the stream, goes on at the next one without a hole if no start of the stream comes
 * while it is on its way: it is asked just behind one. A stream that is published here leaves with its publisher. */
static bool is_good_moment(const struct client *c, int64_t began_ms)
{
	const struct source *s = c->relay && !c->publish ? c->source : NULL;
	if (!s || !s->log.has_start || source_is_published(s))
		return true;
	int64_t now = clock_ms(), wait = starts_wait_ms(&s->starts);
	return now - s->log.start_ms <= FRESH_MS ||
	       now - began_ms >= (wait < FRESH_MAX_MS ? wait : FRESH_MAX_MS);
}

/* One walk after the other asks clients to connect anew. */
struct asking {
	struct serve *serve;
	int64_t began_ms, of_ms; /* of the drain, by which another one is told apart */
	int burst;               /* encoders that are asked without a pause */
	int asked;               /* encoders */
};

static int encoders(const struct serve *serve)
{
	const struct client *c;
	int n = 0;
	DL_FOREACH (serve->server.stat.clients, c)
		n += c->publish;
	return n;
}

/* All are asked within the first half of the time that there is. */
static struct asking asking_begin(struct serve *serve)
{
	const struct drain *d = drain_of(serve);
	int64_t now = clock_ms(), rest = (d->deadline_ms - now) / 2;
	int64_t pauses = (rest < PACE_ALL_MS ? rest : PACE_ALL_MS) / PACE_MS;
	return (struct asking){.serve = serve,
			       .began_ms = now,
			       .of_ms = d->since_ms,
			       .burst = pauses > 0 ? 1 + (int)(encoders(serve) / pauses) : INT_MAX};
}

static bool is_asking(const struct asking *a)
{
	const struct drain *d = drain_of(a->serve);
	return !co_stopping() && d->state != DRAIN_OFF && d->since_ms == a->of_ms;
}

/* A stream pauses for its viewers from the moment its encoder has moved until the edges have followed it. All at once
 * they would hold one another up, and each would pause for as long as all of them need. */
static void keep_pace(struct asking *a)
{
	if (++a->asked % a->burst == 0)
		(void)co_sleep(PACE_MS);
}

/* To look for a place may take a while, in which the client can leave: the cursor stands at another one then. */
static void ask(struct asking *a, struct client_cursor *cursor)
{
	const struct client *asked = cursor->at;
	bool publishes = asked->publish;
	char *url = url_elsewhere(a->serve, asked->request);
	if (cursor->at == asked && client_reconnect(client_cursor_next(cursor), url)) {
		drain_of(a->serve)->asked++;
		if (publishes)
			keep_pace(a);
	}
	free(url);
}

/* A player that has come since then may be one that was asked, and has found no better place than this one. */
static bool is_to_be_asked(const struct asking *a, const struct client *c)
{
	return !c->asked_to_leave && !c->told_to_end && (c->publish || c->since_ms <= a->began_ms);
}

/* All of them once, encoders that come meanwhile at the end. False: for some the moment has not come. */
static bool ask_all(struct asking *a)
{
	struct stats *stat = &a->serve->server.stat;
	struct client_cursor cursor;
	bool all = true;
	client_cursor_begin(&cursor, stat);
	for (int n = 1; cursor.at && is_asking(a); n++) {
		bool wanted = is_to_be_asked(a, cursor.at);
		if (wanted && is_good_moment(cursor.at, a->began_ms)) {
			ask(a, &cursor);
		} else {
			all = all && !wanted;
			(void)client_cursor_next(&cursor);
		}
		if (n % ASK_SLICE == 0)
			co_yield ();
	}
	client_cursor_end(&cursor, stat);
	return all;
}

static void ask_main(void *arg)
{
	struct asking a = asking_begin(arg);
	while (!ask_all(&a) && is_asking(&a) && co_sleep(FRESH_STEP_MS) == OK)
		;
	log_info("drain: %d clients were asked to connect anew", drain_of(arg)->asked);
}

/* ---- the steps ---- */

void drainage_begin(struct serve *serve, int64_t limit_ms)
{
	struct drain *d = drain_of(serve);
	const struct conf *conf = serve->server.conf;
	if (d->state != DRAIN_OFF)
		return;
	int64_t limit = limit_ms >= 0 ? limit_ms : conf->drain_timeout_ms;
	*d = (struct drain){
		.state = DRAIN_ANNOUNCED,
		.since_wall_ms = clock_wall_ms(),
		.since_ms = clock_ms(),
		.deadline_ms = limit > 0 || limit_ms >= 0 ? clock_after(limit) : CLOCK_NEVER,
	};
	serve->drainage = (struct drainage){.report_ms = REPORT_MS};
	log_say("graceful quit: %d clients may stay until they leave%s", left(serve),
		d->deadline_ms == CLOCK_NEVER ? "" : ", or the limit has come");
}

static void ask_clients(struct serve *serve)
{
	if (!co_start_in(&serve->server.services, "drain", ask_main, serve))
		log_error("no memory to ask clients to connect anew");
}

void drainage_hand_over(struct serve *serve)
{
	int64_t limit = serve->server.conf->drain_timeout_ms;
	*drain_of(serve) = (struct drain){
		.state = DRAIN_HANDED,
		.since_wall_ms = clock_wall_ms(),
		.since_ms = clock_ms(),
		.deadline_ms = limit > 0 ? clock_after(limit) : CLOCK_NEVER,
	};
	serve->drainage = (struct drainage){.report_ms = REPORT_MS};
	ask_clients(serve);
	signals_poke();
}

static void cancel(struct serve *serve)
{
	struct client *c;
	if (drain_of(serve)->state == DRAIN_OFF || drain_of(serve)->state == DRAIN_HANDED)
		return;
	*drain_of(serve) = (struct drain){0};
	DL_FOREACH (serve->server.stat.clients, c)
		c->asked_to_leave = false;
	serve->drainage.reopens = true;
	log_say("the graceful quit is called off");
}

void drainage_take_wish(struct serve *serve)
{
	struct drain *d = drain_of(serve);
	enum drain_wish wish = d->wish;
	d->wish = DRAIN_AS_IT_IS;
	if (wish == DRAIN_BEGIN)
		drainage_begin(serve, d->wished_limit_ms);
	else if (wish == DRAIN_CANCEL)
		cancel(serve);
}

int64_t drainage_due(const struct serve *serve)
{
	bool idle = serve->server.drain.state == DRAIN_OFF && !serve->drainage.reopens;
	return idle ? CLOCK_NEVER : clock_after(STEP_MS);
}

static void turn_on(struct serve *serve)
{
	drain_of(serve)->state = DRAIN_ON;
	serve_drain(serve);
	ask_clients(serve);
}

static bool is_to_go(const struct client *c)
{
	return !c->publish && !c->told_to_end;
}

/* Players come back as soon as they are ended: all at once would be a flood elsewhere. As many as have to go in this
 * step if all shall have gone at the limit; one that does not read needs a while, and is not told again. */
static void thin_out(struct serve *serve, int64_t now)
{
	const struct drain *d = drain_of(serve);
	int64_t rest = d->deadline_ms - now;
	int64_t spread = (d->deadline_ms - d->since_ms) / THIN_SHARE;
	spread = spread < THIN_MAX_MS ? spread : THIN_MAX_MS;
	if (d->deadline_ms == CLOCK_NEVER || rest <= 0 || rest > spread)
		return;
	int64_t players = 0;
	struct client *c, *next;
	DL_FOREACH (serve->server.stat.clients, c)
		players += is_to_go(c);
	int64_t due = players * STEP_MS / rest;
	DL_FOREACH_SAFE (serve->server.stat.clients, c, next)
		if (due > 0 && is_to_go(c)) {
			client_stop(c, ERR_DRAINED);
			due--;
		}
}

static void end_the_rest(struct serve *serve)
{
	struct client *c;
	if (serve->drainage.has_ended)
		return;
	serve->drainage.has_ended = true;
	log_say("drain: the limit has come, %d clients are ended", left(serve));
	DL_FOREACH (serve->server.stat.clients, c)
		client_stop(c, ERR_DRAINED);
}

static void report(struct serve *serve)
{
	struct drainage *d = &serve->drainage;
	if (clock_ms() < drain_of(serve)->since_ms + d->report_ms)
		return;
	int64_t next = 2 * d->report_ms;
	d->report_ms = next > d->report_ms + REPORT_MAX_MS ? d->report_ms + REPORT_MAX_MS : next;
	log_info("drain: %d clients are left", left(serve));
}

bool drainage_step(struct serve *serve)
{
	struct drain *d = drain_of(serve);
	const struct conf *conf = serve->server.conf;
	int64_t now = clock_ms();
	if (serve->drainage.reopens) {
		serve->drainage.reopens = false;
		serve_undrain(serve);
	}
	if (d->state == DRAIN_OFF)
		return false;
	if (d->state == DRAIN_ANNOUNCED && now >= d->since_ms + conf->grace_start_wait_ms)
		turn_on(serve);
	if (d->state < DRAIN_ON)
		return false;
	if (now >= d->deadline_ms)
		end_the_rest(serve);
	else
		thin_out(serve, now);
	report(serve);
	if (left(serve) > 0 || serve->server.former.state != GENERATION_NONE)
		serve->drainage.empty_ms = 0;
	else if (!serve->drainage.empty_ms)
		serve->drainage.empty_ms = now;
	return serve->drainage.empty_ms &&
	       now >= serve->drainage.empty_ms + conf->grace_final_wait_ms;
}
