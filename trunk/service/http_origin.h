/* http_origin - requests that a web page makes (Fetch standard): where the page is from, and what its
 * browser is told. Layer: service.
 *
 * A browser sends what a page of any site asks for, with the reader's address and passwords. So what a
 * page from elsewhere may do is decided here: `crossdomain` lets it read, `allowed_origins` names sites
 * that may send a password and change something. */
#pragma once
#include "service/http_session.h"

enum page_kind {
	PAGE_NONE,    /* no browser, or the reader has typed the address */
	PAGE_OWN,     /* a page of this server */
	PAGE_LISTED,  /* of a site in http_api.allowed_origins */
	PAGE_FOREIGN, /* of any other */
};

/* Whose page has sent the request. A page that came under a host name which is not known for ours is
 * foreign although its origin is the same: a name can be made to point here (DNS rebinding). */
enum page_kind http_page_kind(const struct http_message *request, const struct conf *conf);
/* The header lines of an answer to this request, "" for one without Origin. */
void http_origin_put(struct buf *out, const struct http_session *s);
/* Answers OPTIONS; as a preflight, by the methods of the row that the request is for. */
err http_origin_preflight(struct http_session *s) BLOCKS;
