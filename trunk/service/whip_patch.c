#include "service/whip_patch.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINES_MAX = 4096, FRAGMENT_MAX = 65536 };

static const char fragment_type[] = "application/trickle-ice-sdpfrag";

static err refuse(struct http_session *s, int status, const char *sentence)
{
	return http_respond_text(s->sock, s->request, status, sentence, s->cors);
}

/* What a fragment says: credentials stand in front of all sections, or in one. */
static struct span find(const struct sdp *sdp, const char *name)
{
	const struct sdp_attr *a = sdp_attr_next(&sdp->attrs, NULL, name);
	for (int i = 0; !a && i < sdp->count; i++)
		a = sdp_attr_next(&sdp->sections[i].attrs, NULL, name);
	return a ? a->value : (struct span){0};
}

static err read_fragment(struct sdp *out, struct buf *text, const struct http_message *m)
{
	buf_printf(text, "v=0\r\n");
	buf_put(text, m->body.p, m->body.n);
	if (!buf_ok(text))
		return err_fail(ERR_LIMIT, "the fragment is too long");
	return sdp_parse(out, buf_span(text));
}

/* ---- a restart ---- */

static err respond_restarted(struct http_session *s, const struct rtc_session *session)
{
	struct buf lines = {.max = LINES_MAX}, body = {.max = LINES_MAX};
	char *tag = mem_printf("\"%s\"", rtc_link_ufrag(session->link));
	buf_printf(&lines, "%s", s->cors);
	http_write_header(&lines, "ETag", tag);
	sdp_write(&body, "a=ice-lite");
	sdp_write(&body, "a=ice-ufrag:%s", rtc_link_ufrag(session->link));
	sdp_write(&body, "a=ice-pwd:%s", rtc_link_pwd(session->link));
	err e = http_respond(s->sock, s->request, 200, fragment_type, buf_span(&body),
			     buf_text(&lines));
	free(tag);
	buf_free(&lines);
	buf_free(&body);
	return e;
}

static err restart(struct http_session *s, struct rtc_session *session, struct span ufrag,
		   struct span pwd)
{
	struct ice_word_pair words;
	if (!ice_is_word(ufrag, ICE_UFRAG_MIN, ICE_UFRAG_MAX) ||
	    !ice_is_word(pwd, ICE_PWD_MIN, ICE_PWD_MAX))
		return refuse(s, 400, "The fragment has no usable ice-ufrag and ice-pwd.");
	char *name = mem_strndup((const char *)ufrag.p, ufrag.n);
	err e = ice_words_new(&words);
	if (!e)
		e = rtc_link_restart(session->link, &words, name);
	free(name);
	if (e)
		return refuse(s, 503, err_trail(e));
	log_info("ICE of WebRTC session %s is restarted", session->id);
	return respond_restarted(s, session);
}

/* ---- which of the two it is ---- */

/* Other credentials than the peer's present ones mean a restart. Its candidates are of no use here: a check from
 * there says where it is. */
static err take(struct http_session *s, struct rtc_session *session, const struct sdp *sdp)
{
	struct span ufrag = find(sdp, "ice-ufrag"), pwd = find(sdp, "ice-pwd");
	if (ufrag.n && !span_is(ufrag, rtc_link_peer_ufrag(session->link)))
		return restart(s, session, ufrag, pwd);
	return http_respond(s->sock, s->request, 204, NULL, span_str(""), s->cors);
}

/* A tag that names other credentials than ours is of before a restart. */
static bool matches(const struct http_message *m, const struct rtc_session *session)
{
	const char *want = http_header_get(m, "If-Match");
	char *tag = mem_printf("\"%s\"", rtc_link_ufrag(session->link));
	bool ok = !want || strcmp(want, "*") == 0 || strcmp(want, tag) == 0;
	free(tag);
	return ok;
}

err whip_patch(struct http_session *s, struct rtc_session *session)
{
	const char *type = http_header_get(s->request, "Content-Type");
	if (!session || !session->link)
		return refuse(s, 404, "There is no such session.");
	if (!type || strncasecmp(type, fragment_type, sizeof(fragment_type) - 1) != 0)
		return refuse(s, 415, "A fragment is of the type application/trickle-ice-sdpfrag.");
	if (!matches(s->request, session))
		return refuse(s, 412, "The session has other ICE credentials by now.");
	struct sdp sdp;
	struct buf text = {.max = FRAGMENT_MAX};
	err e = read_fragment(&sdp, &text, s->request);
	e = e ? refuse(s, 400, err_trail(e)) : take(s, session, &sdp);
	sdp_fini(&sdp);
	buf_free(&text);
	return e;
}
