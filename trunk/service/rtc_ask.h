/* rtc_ask - what a client asks for over HTTP, whatever the form: an offer, a stream, where it wants to reach us.
 * Layer: service. Texts are owned. */
#pragma once
#include "codec/url.h"
#include "conf/conf.h"
#include "http/http.h"
#include "net/addr.h"
#include "rtc/media.h"

struct rtc_ask {
	bool publish;
	bool trickle; /* it can send candidates later (PATCH) */
	bool tls;     /* it has asked over an encrypted connection */
	struct target target;
	char *tc_url, *url, *page_url; /* for the API and web services */
	char *offer;
	char *host;           /* that it has asked, without port; "" */
	char *address;        /* of this server, as the client says it: "host[:port]"; "" */
	char *ufrag, *pwd;    /* ours, as the client wants them; "" */
	char *path, *via;     /* servers that it came by, as other protocols have them; "" */
	enum rtc_codec video; /* that it wants; NONE: any */
	struct addr peer;
};

/* WHIP and WHEP: everything is in the query, the offer is the body. ERR_PROTOCOL, ERR_LIMIT. To be released
 * also after an error. */
err rtc_ask_read(struct rtc_ask *out, const struct http_message *request, const struct addr *peer,
		 const struct addr *local, bool publish);
/* As SRS has it: `url` names the stream, `offer` is the text of a member. */
err rtc_ask_read_url(struct rtc_ask *out, const struct http_message *request,
		     const struct addr *peer, const struct addr *local, const char *url,
		     const char *offer, bool publish);
void rtc_ask_fini(struct rtc_ask *ask);
