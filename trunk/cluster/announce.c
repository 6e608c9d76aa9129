#include "cluster/announce.h"
#include "cluster/member_list.h"

#include <stdio.h>
#include <string.h>

int announce_port(const struct server *server)
{
	struct hostport at;
	const struct conf_http_api *api = &server->conf->http_api;
	return api->enabled && hostport_listen(&at, api->listen) ? at.port : 0;
}

void announce_put(struct amf *args, const struct server *server)
{
	int port = announce_port(server);
	amf_set(args, "srs_node", amf_string(server->service_id));
	if (port)
		amf_set(args, "srs_api", amf_number(port));
}

/* A name that does not look like one is none. */
static void read_id(char out[static SIGN_ID_MAX], const struct amf *args, const char *key)
{
	const char *text = amf_get_string(args, key, "");
	snprintf(out, SIGN_ID_MAX, "%s", sign_is_id(text) ? text : "");
}

void announce_hop(struct client_hop *hop, const char *relay, const char *trace)
{
	*hop = (struct client_hop){0};
	if (sign_is_id(relay) && strlen(relay) < sizeof(hop->relay))
		snprintf(hop->relay, sizeof(hop->relay), "%s", relay);
	if (sign_is_id(trace) && strlen(trace) < sizeof(hop->trace))
		snprintf(hop->trace, sizeof(hop->trace), "%s", trace);
	if (!*hop->trace)
		snprintf(hop->trace, sizeof(hop->trace), "%s", hop->relay);
}

static void at_port(char out[static ADDR_TEXT_MAX], const struct addr *peer, int port)
{
	struct addr addr = *peer;
	addr_set_port(&addr, port);
	addr_text(out, &addr);
}

/* What came here RESUME_SLACK_MS before a relay had its last frame may still have been on its way to it. */
enum { RESUME_MAX_MS = 60000, RESUME_SLACK_MS = 1000 };

int64_t announce_had_until(double ago_ms)
{
	if (!(ago_ms >= 1 && ago_ms <= RESUME_MAX_MS))
		return 0;
	int64_t until = clock_ms() - (int64_t)ago_ms - RESUME_SLACK_MS;
	return until > 0 ? until : 1;
}

void announce_read(struct announce *out, const struct amf *args, const struct addr *peer)
{
	double port = amf_get_number(args, "srs_api", 0);
	*out = (struct announce){0};
	read_id(out->node, args, "srs_node");
	announce_hop(&out->hop, amf_get_string(args, "srs_id", ""),
		     amf_get_string(args, "srs_trace", ""));
	out->had_until = announce_had_until(amf_get_number(args, "srs_resume", 0));
	if (*out->node && port >= 1 && port <= 65535)
		at_port(out->api, peer, (int)port);
}

void announce_api(char out[static ADDR_TEXT_MAX], const struct rtmp_peer *said,
		  const struct addr *peer)
{
	*out = '\0';
	if (said->api_port)
		at_port(out, peer, said->api_port);
}

/* ---- players ---- */

static const char players_command[] = "srs_players";

enum { TELL_MS = 1000, PLAYERS_MAX = 1000000000 };

void announce_players(struct viewer_report *t, struct rtmp_conn *conn, const struct rtmp_peer *peer,
		      const struct source *source)
{
	int64_t players = source_players(source), now = clock_ms();
	bool news = !t->has_report || players != t->players;
	if (!peer->asks_players || !news || (t->has_report && now < t->told_ms + TELL_MS))
		return;
	rtmp_put_command(conn, CSID_CONNECTION, 0, players_command, 0, amf_null(),
			 amf_number((double)players), NULL);
	*t = (struct viewer_report){.has_report = true, .players = players, .told_ms = now};
}

bool announce_take_players(struct announce *a, const struct command *c)
{
	if (strcmp(c->name, players_command) != 0)
		return false;
	double players = command_num(c, 0, -1);
	if (players >= 0 && players <= PLAYERS_MAX) {
		a->has_report = true;
		a->players = !a->is_proven && players > CLAIM_PLAYERS_MAX ? CLAIM_PLAYERS_MAX
									  : (int64_t)players;
	}
	return true;
}

/* ---- the stream ---- */

static const char stream_command[] = "srs_stream";

enum { LOST_MAX_MS = 3600 * 1000 };

static int64_t ago(const struct stream_report *r)
{
	return r->lost_ms ? clock_ms() - r->lost_ms : 0;
}

void announce_stream(struct rtmp_conn *conn, const struct stream_report *r)
{
	struct amf *info = amf_object();
	amf_set(info, "run", amf_string(r->run));
	if (r->lost_ms)
		amf_set(info, "lost_ms", amf_number((double)ago(r)));
	if (r->absent_at)
		amf_set(info, "absent_at", amf_number(r->absent_at));
	rtmp_put_command(conn, CSID_CONNECTION, 0, stream_command, 0, amf_null(), info, NULL);
}

void announce_stream_lines(struct buf *out, const struct stream_report *r)
{
	if (*r->run)
		buf_printf(out, "%s: %s\r\n", ANNOUNCE_RUN_HEADER, r->run);
	if (r->lost_ms)
		buf_printf(out, "%s: %lld\r\n", ANNOUNCE_LOST_HEADER, (long long)ago(r));
	if (r->absent_at)
		buf_printf(out, "%s: %d\r\n", ANNOUNCE_ABSENT_HEADER, r->absent_at);
}

void announce_stream_parse(struct stream_report *out, const char *run, double ago_ms,
			   double absent_at)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t n = strlen(run);
	*out = (struct stream_report){0};
	if (n < sizeof(out->run) && strspn(run, letters) == n)
		memcpy(out->run, run, n + 1);
	if (ago_ms > 0 && ago_ms <= LOST_MAX_MS)
		out->lost_ms = clock_ms() - (int64_t)ago_ms;
	if (absent_at >= 1 && absent_at <= MEMBERS_MAX)
		out->absent_at = (int)absent_at;
}

bool announce_read_stream(struct stream_report *out, const struct rtmp_msg *m)
{
	struct command c = {0};
	if (m->type != RTMP_COMMAND || command_read(&c, m) != OK)
		return false;
	bool is_it = strcmp(c.name, stream_command) == 0;
	const struct amf *info = is_it && c.argc > 0 ? c.args[0] : NULL;
	if (is_it)
		announce_stream_parse(out, amf_get_string(info, "run", ""),
				      amf_get_number(info, "lost_ms", 0),
				      amf_get_number(info, "absent_at", 0));
	command_fini(&c);
	return is_it;
}

/* ---- proof ---- */

/* With their lengths, so that no two claims are the same bytes. */
static void put_text(struct buf *out, const char *text)
{
	buf_printf(out, "%zu:%s,", strlen(text), text);
}

void relay_claim_write(struct buf *out, const struct relay_claim *claim)
{
	static const char *const texts[] = {"srs_node", "srs_id", "srs_path", "srs_via",
					    "srs_redirected"};
	static const char *const numbers[] = {"srs_pid", "srs_api", "srs_mesh"};
	put_text(out, claim->tc_url);
	put_text(out, claim->stream);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_text(out, amf_get_string(claim->args, texts[i], ""));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		buf_f64(out, amf_get_number(claim->args, numbers[i], 0));
}

static struct sign_what what_of(bool publish, struct span claim)
{
	return (struct sign_what){
		.method = "RELAY", .target = publish ? "publish" : "play", .body = claim};
}

struct amf *announce_proof(const struct server *server, const char *vhost, bool publish,
			   struct span claim, const char *to)
{
	struct sign_mark m;
	struct sign_what what = what_of(publish, claim);
	if (!sign_make(server->signer, &m, vhost, to, &what, clock_wall_ms()))
		return NULL;
	struct amf *proof = amf_object();
	amf_set(proof, "srs_to", amf_string(m.to));
	amf_set(proof, "srs_time", amf_string(m.time));
	amf_set(proof, "srs_nonce", amf_string(m.nonce));
	amf_set(proof, "srs_sign", amf_string(m.mac));
	return proof;
}

enum sign_verdict announce_check(struct server *server, const struct amf *proof,
				 const struct relay_claim *claim)
{
	struct buf text = {.max = CLAIM_MAX};
	struct sign_said said = {
		.to = amf_get_string(proof, "srs_to", NULL),
		.time = amf_get_string(proof, "srs_time", NULL),
		.nonce = amf_get_string(proof, "srs_nonce", NULL),
		.mac = amf_get_string(proof, "srs_sign", NULL),
	};
	relay_claim_write(&text, claim);
	if (!buf_ok(&text))
		said.mac = "";
	struct sign_what what = what_of(claim->publish, buf_span(&text));
	enum sign_verdict v = sign_check(server->signer, &said, &what, clock_wall_ms());
	buf_free(&text);
	return v;
}
