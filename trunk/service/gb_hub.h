/* gb_hub - cameras of GB/T 28181: who has registered, which are called, whose media comes. Layer: service. */
#pragma once
#include "gb/invite.h"
#include "gb/registrar.h"
#include "net/listen.h"
#include "node/server.h"

enum {
	GB_NAME_MAX = 64,
	GB_STREAMS_MAX = 4096, /* that are expected or come */
	GB_FORMER = 64,        /* streams that have ended last */
};

struct gb_call;
struct gb_external;
struct gb_port;
struct gb_stream;

struct gb_hub {
	struct gb_hub *prev,
		*next; /* of the server: one for each stream_caster, also of one that is gone */
	char name[CASTER_NAME_MAX];
	struct server *server;
	struct conf *conf; /* in which its block stands, or stood the last time */
	const struct conf_caster *caster;
	bool is_there;                 /* its block is */
	struct sip_endpoint *endpoint; /* NULL until SIP is listened on */
	struct gb_registrar registrar; /* likewise, empty */
	struct gb_port *port;          /* for media in datagrams; NULL */
	struct gb_stream *streams;
	int stream_count;
	struct gb_former {
		uint32_t ssrc;
		int64_t until; /* its device may send it still */
	} former[GB_FORMER];
	unsigned former_at;
	struct gb_external *externals; /* of them, those that another program has announced */
	struct gb_call *calls;
	struct map *by_channel; /* likewise */
	int call_count;
	bool is_ending; /* nothing begins any more */
	/* since the start */
	int64_t invited, refused, unanswered, ended;
	int64_t unknown_media; /* connections and datagrams that nobody has asked for */
};

/* The hubs of all blocks of the server's configuration, as server->gb; no streams are made without them. */
void gb_hub_init(struct server *server);
/* That of a stream_caster; NULL. */
struct gb_hub *gb_hub_named(const struct server *server, const char *caster);
/* Ends all calls, with a good-bye to the devices, and begins no others; before the sessions are ended. */
void gb_hub_stop(struct server *server) BLOCKS;
/* After all sessions. */
void gb_hub_free(struct server *server) BLOCKS;
/* A drain was called off: devices that are called of their own accord are called again. */
void gb_hub_resume(struct server *server);
/* This configuration is about to be the server's: ports can be given to the hubs of all of its blocks. */
void gb_hub_prepare(struct server *server, struct conf *conf);
/* It is. */
void gb_hub_reload(struct server *server);
/* Its block is there, and enabled. */
bool gb_hub_is_on(const struct gb_hub *hub);

/* SIP at that socket, which is taken; that port is no longer listened on. */
err gb_hub_listen_sip(struct gb_hub *hub, struct udp **udp);
void gb_hub_unlisten_sip(struct gb_hub *hub, int port) BLOCKS;
/* A connection to the SIP port; for listen_opts.on_accept. */
void gb_hub_accept_sip(void *hub, struct sock *sock);
/* Media likewise; connections are gb_media_accept()'s. */
err gb_hub_listen_media(struct gb_hub *hub, struct udp **udp);
void gb_hub_unlisten_media(struct gb_hub *hub, int port) BLOCKS;

/* NULL without SIP. */
struct gb_devices *gb_hub_devices(struct gb_hub *hub);
/* The port for media that devices are told; 0: none is configured. */
int gb_hub_media_port(const struct gb_hub *hub);
/* An SSRC of ours that is not in use. */
uint32_t gb_hub_ssrc(const struct gb_hub *hub);
/* The address that the device is told to send to. */
void gb_hub_address(const struct gb_hub *hub, const struct sip_flow *flow,
		    char out[static ADDR_TEXT_MAX]);
