/* WebRTC: browsers and others that publish and play by it. */
#include "conf/schema_rows.h"

static const struct choice transport_names[] = {
	{"udp", RTC_BY_UDP}, {"tcp", RTC_BY_TCP}, {"all", RTC_BY_ALL}, {}};
static const struct choice family_names[] = {
	{"ipv4", IP_FAMILY_V4}, {"ipv6", IP_FAMILY_V6}, {"all", IP_FAMILY_ALL}, {}};
static const struct choice role_names[] = {
	{"passive", DTLS_ROLE_PASSIVE}, {"active", DTLS_ROLE_ACTIVE}, {}};

static const struct row rows[] = {
	BLOCK("rtc_server",
	      "WebRTC: one UDP port of this process, and a TCP port for those without UDP. Whoever "
	      "publishes (WHIP) or plays (WHEP) asks over HTTP, and is told these ports. Processes "
	      "that share a host need a port each."),
	ONOFF("rtc_server.enabled", conf, rtc_server.enabled, "off", NOW,
	      "Whether WebRTC is served."),
	TEXT("rtc_server.listen", conf, rtc_server.listen, "8000", NOW,
	     "The UDP port, or an address with a port.", .min = 1, .judge = value_check_endpoint),
	BLOCK("rtc_server.tcp", "Media over TCP (RFC 4571), for networks that let no UDP through."),
	ONOFF("rtc_server.tcp.enabled", conf, rtc_server.tcp.enabled, "off", NOW,
	      "Whether there is a TCP port for media."),
	TEXT("rtc_server.tcp.listen", conf, rtc_server.tcp.listen, "8000", NOW,
	     "The TCP port, or an address with a port.", .min = 1, .judge = value_check_endpoint),
	ENUM("rtc_server.protocol", conf, rtc_server.protocol, enum conf_rtc_transport,
	     transport_names, "udp", NEW,
	     "Which ports peers are told: 'all' names both, UDP first. UDP is listened on in any "
	     "case."),
	LIST("rtc_server.candidate", conf, rtc_server.candidate, NEW,
	     "Addresses at which peers reach this process, with ports where they differ from "
	     "'listen'; names are resolved by the peer. '$NAME' stands for an environment "
	     "variable. "
	     "'*', and nothing, mean the addresses of this host.",
	     .example = "203.0.113.7"),
	ONOFF("rtc_server.use_auto_detect_network_ip", conf, rtc_server.detect_addresses, "on", NEW,
	      "Whether '*' is all addresses of this host but those of loopback."),
	ENUM("rtc_server.ip_family", conf, rtc_server.ip_family, enum conf_ip_family, family_names,
	     "ipv4", NEW, "Which of the addresses of this host peers are told."),
	ONOFF("rtc_server.api_as_candidates", conf, rtc_server.api_as_candidates, "on", NEW,
	      "Whether the host that a peer has asked by HTTP is an address for media too: behind "
	      "a NAT it often is the only one that works."),
	ONOFF("rtc_server.resolve_api_domain", conf, rtc_server.resolve_api_domain, "on", NEW,
	      "Whether that host is resolved when it is a name."),
	ONOFF("rtc_server.keep_api_domain", conf, rtc_server.keep_api_domain, "off", NEW,
	      "Whether peers are told the name itself: some resolve it, others do without it."),
	LIST("rtc_server.ice_servers", conf, rtc_server.ice_servers, NEW,
	     "STUN and TURN servers that answers of WHIP and WHEP name (Link), for peers whose "
	     "networks need them to reach this server: stun:host[:port], "
	     "turn[s]:host[:port][?transport=udp|tcp], with name:password@ before the host where "
	     "the server asks for that. Everybody who is answered sees it.",
	     .judge = value_check_ice_server, .hidden = true,
	     .example = "stun:stun.example.com turn:turn.example.com:3478?transport=udp"),
	TEXT("rtc_server.ice_secret", conf, rtc_server.ice_secret, "", NEW,
	     "The secret that TURN servers without name:password share with this server ('use-auth-"
	     "secret' of coturn): each peer gets a name and a password that are good for a day.",
	     .hidden = true, .example = "change-me"),
	IDLE("rtc_server.ecdsa", "The certificate of DTLS is always one of ECDSA P-256."),
	IDLE("rtc_server.encrypt", "Media is always encrypted."),
	IDLE("rtc_server.reuseport", "One socket with large buffers receives everything."),
	IDLE("rtc_server.merge_nalus", "Pictures are always cut as receivers expect them."),
	IDLE("rtc_server.black_hole", "Plain media is never copied to anybody."),
	IDLE("rtc_server.perf_stat", "Counting costs nothing worth a switch."),
	IDLE("rtc_server.queue_length", "Queues are bounded by time."),

	BLOCK("vhost.rtc", "WebRTC for the streams of this vhost; see rtc_server for the ports."),
	ONOFF("vhost.rtc.enabled", conf_vhost, rtc.enabled, "off", NEW,
	      "Whether streams can be published and played by WebRTC."),
	ONOFF("vhost.rtc.nack", conf_vhost, rtc.nack, "on", NEW,
	      "Whether packets that were lost are asked for again, and sent again."),
	IDLE("vhost.rtc.nack_no_copy", "Packets that may be asked for again are never copied."),
	ONOFF("vhost.rtc.twcc", conf_vhost, rtc.twcc, "on", NEW,
	      "Whether publishers hear when each of their packets came, by which they find their "
	      "bitrate."),
	SECONDS("vhost.rtc.stun_timeout", conf_vhost, rtc.stun_timeout_ms, "30", 1000, HOUR, NEW,
		"How long a peer may send nothing at all before its session ends."),
	IDLE("vhost.rtc.stun_strict_check",
	     "A peer that wants the server to choose the path is always told that it cannot."),
	ENUM("vhost.rtc.dtls_role", conf_vhost, rtc.dtls_role, enum conf_dtls_role, role_names,
	     "passive", NEW,
	     "Who begins the DTLS handshake when the peer leaves it open: 'active' is this "
	     "server."),
	IDLE("vhost.rtc.dtls_version", "DTLS 1.2 is spoken, which all peers know."),
	INT("vhost.rtc.drop_for_pt", conf_vhost, rtc.drop_for_pt, "0", 0, 127, NEW,
	    "Packets of publishers with this payload type are dropped, to see what becomes of it; "
	    "0 "
	    "for none."),
	ONOFF("vhost.rtc.rtmp_to_rtc", conf_vhost, rtc.rtmp_to_rtc, "off", NEW,
	      "Whether streams that other protocols have brought (RTMP, and all that an edge "
	      "fetches) can be played by WebRTC. Their sound becomes Opus while somebody listens."),
	ONOFF("vhost.rtc.keep_bframe", conf_vhost, rtc.keep_bframe, "off", NEW,
	      "Whether B-frames are sent to WebRTC players, most of which show them in the wrong "
	      "order. 'off' leaves out those that no other picture needs."),
	ONOFF("vhost.rtc.keep_avc_nalu_sei", conf_vhost, rtc.keep_avc_nalu_sei, "on", NEW,
	      "Whether SEI is sent to WebRTC players; some decoders of phones cannot take much of "
	      "it."),
	INT("vhost.rtc.opus_bitrate", conf_vhost, rtc.opus_bitrate, "48000", 8000, 320000, NEW,
	    "Bits per second of sound that is made for WebRTC players."),
	ONOFF("vhost.rtc.rtc_to_rtmp", conf_vhost, rtc.rtc_to_rtmp, "off", NEW,
	      "Whether publishers by WebRTC make key frames for players of other protocols (see "
	      "pli_for_rtmp), and their sound becomes AAC for them. Pictures can be played by all "
	      "in any case."),
	SECONDS("vhost.rtc.pli_for_rtmp", conf_vhost, rtc.pli_for_rtmp_ms, "6", 500, 30000, NEW,
		"How often a publisher by WebRTC is asked for a key frame with 'rtc_to_rtmp on': "
		"browsers make none of their own."),
	INT("vhost.rtc.aac_bitrate", conf_vhost, rtc.aac_bitrate, "48000", 8000, 320000, NEW,
	    "Bits per second of sound that is made for players of other protocols."),
	IDLE("vhost.rtc.perf_stat", "Counting costs nothing worth a switch."),
};

SCHEMA_PART(schema_rtc, rows);
