/* message - one message of SIP (RFC 3261) as bytes and as what it says. Layer: sip. Pure.
 *
 * What was parsed are spans of the text, which has to stay. No value has control characters, so each may be
 * written into another message. Devices differ in what they put where (a domain or an address, with or without
 * a port): URIs are taken apart, and their user parts are what may be compared. */
#pragma once
#include "base/err.h"
#include "base/span.h"

enum {
	SIP_HEAD_MAX = 8192, /* bytes of start line and headers, the empty line included */
	SIP_HEADERS_MAX = 64,
	SIP_DATAGRAM_MAX = 65507,
	SIP_PORT = 5060,
};

enum sip_method {
	SIP_OTHER, /* known by its name alone */
	SIP_REGISTER,
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_MESSAGE,
	SIP_OPTIONS,
	SIP_INFO,
	SIP_SUBSCRIBE,
	SIP_NOTIFY,
};

enum sip_transport { SIP_UDP, SIP_TCP, SIP_NO_TRANSPORT };

/* "sip:user@host:port;parameters" */
struct sip_uri {
	struct span text; /* all of it */
	struct span user; /* without a password; empty: there is none */
	struct span host; /* a name or a literal, that of IPv6 in brackets */
	int port;         /* 0: there is none */
};

/* From, To: "name" <uri>;tag=x */
struct sip_address {
	struct span text; /* the whole value */
	struct sip_uri uri;
	struct span tag;
};

/* The topmost one. */
struct sip_via {
	enum sip_transport transport;
	struct span host;
	int port; /* 0: there is none */
	struct span branch, received;
	bool has_rport;
	int rport; /* 0: it has no value */
};

struct sip_header {
	struct span name, value; /* the name as it was sent, the value without spaces around it */
};

struct sip_message {
	bool is_request;
	/* of a request */
	enum sip_method method;
	struct span method_name;
	struct sip_uri uri;
	/* of a response */
	int status; /* 100 to 699 */
	struct span reason;
	/* of both */
	struct sip_via via;
	struct sip_address from, to;
	struct span call_id;
	uint32_t cseq;
	enum sip_method cseq_method;
	struct span cseq_method_name;
	/* what may be missing */
	bool has_contact;    /* there is one with a URI: the first one */
	bool contact_is_any; /* "*": all that are registered */
	struct sip_uri contact;
	int64_t expires; /* seconds, of Contact, else of Expires; -1: none */
	struct span content_type, body;
	struct span authorization; /* the whole value: see digest.h */
	int header_count;
	struct sip_header headers[SIP_HEADERS_MAX];
};

/* Parses one whole message: a datagram, or what sip_frame() says. Folded lines are made one where they stand.
 * A body ends where Content-Length says, else with the text. ERR_PROTOCOL: malformed; ERR_LIMIT: its head, its
 * headers or its body are more than may be. The words say what is wrong. */
err sip_parse(struct sip_message *out, uint8_t *text, size_t n, size_t body_max);

/* The extent of the next message in a stream of bytes. */
struct sip_frame {
	size_t skip; /* line ends in front of it, which are no part of it */
	size_t length; /* of the message behind these, which need not be there yet; 0: not known yet */
};
/* ERR_PROTOCOL: there can be no message here (no Content-Length, or not one); ERR_LIMIT: it is too long. */
err sip_frame(struct sip_frame *out, uint8_t *bytes, size_t n, size_t body_max);

/* The first header of that name behind `after` (NULL: of all), whose short form counts too; NULL: there is
 * none. */
const struct sip_header *sip_header_next(const struct sip_message *m,
					 const struct sip_header *after, const char *name);
/* Its value; an empty span without one. */
struct span sip_header_value(const struct sip_message *m, const char *name);

/* Reads a whole text: ERR_PROTOCOL when it is no URI of SIP. */
err sip_uri_parse(struct sip_uri *out, struct span text);
/* "<uri>;tag=…", with or without a name and brackets. */
err sip_address_parse(struct sip_address *out, struct span text);
err sip_via_parse(struct sip_via *out, struct span text);
/* The value of a parameter in ";a=b;c", without quotes around it; false: there is none of that name. */
bool sip_parameter(struct span parameters, const char *name, struct span *value);
/* Equal but for the case of letters. */
bool sip_same_word(struct span a, struct span b);
bool sip_is_word(struct span a, const char *b);

enum sip_method sip_method_of(struct span name);
const char *sip_method_name(enum sip_method method);
/* "UDP", "TCP", "" */
const char *sip_transport_name(enum sip_transport transport);
/* "Not Found"; "" for a status without a name. */
const char *sip_status_text(int status);
