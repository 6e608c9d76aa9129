/* Streams that are brought by what is no client of ours: cameras of GB/T 28181. */
#include "base/addr.h"
#include "conf/schema_rows.h"

#include <ctype.h>
#include <string.h>

static const struct choice kind_names[] = {{"gb28181", CASTER_GB28181}, {}};
static const struct choice media_names[] = {
	{"tcp", CASTER_TCP}, {"tcp_active", CASTER_TCP_ACTIVE}, {"udp", CASTER_UDP}, {}};
static const struct choice audio_names[] = {{"copy", CASTER_COPY}, {"aac", CASTER_AAC}, {}};
static const struct choice transport_names[] = {
	{"both", SIP_BOTH}, {"tcp", SIP_TCP_ALONE}, {"udp", SIP_UDP_ALONE}, {}};
static const struct choice invite_names[] = {
	{"auto", CASTER_AUTO}, {"on_demand", CASTER_ON_DEMAND}, {"off", CASTER_NEVER}, {}};
static const struct choice catalog_names[] = {
	{"auto", CONF_AUTO}, {"on", CONF_ON}, {"off", CONF_OFF}, {}};

enum { ID = 20 };

static size_t digits(const char *word)
{
	size_t n = 0;
	while (isdigit((unsigned char)word[n]))
		n++;
	return n;
}

static const char *judge_id(const char *word)
{
	return digits(word) == ID && word[ID] == '\0' ? NULL : "20 digits";
}

static const char *judge_device(const char *rule)
{
	return digits(rule) == ID && rule[ID] == ' ' ? NULL : "20 digits and a password";
}

static const char *judge_candidate(const char *word)
{
	struct addr addr;
	bool fits = strcmp(word, "*") == 0 || word[0] == '$' || addr_literal(&addr, word, 1);
	return fits ? NULL : "an IP address, '*', or '$NAME' for an environment variable";
}

/* Another server's stream is what `forward` is for. */
static const char *judge_output(const char *word)
{
	static const char *const here[] = {"rtmp://127.0.0.1", "rtmp://localhost", "rtmp://[::1]"};
	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++) {
		size_t n = strlen(here[i]);
		if (strncmp(word, here[i], n) == 0 && (word[n] == ':' || word[n] == '/') &&
		    strstr(word, "[stream]"))
			return NULL;
	}
	return "rtmp://127.0.0.1/app/[stream]: a stream of this server; 'forward' takes it to "
	       "others";
}

static const struct row rows[] = {
	NAMED("stream_caster", conf, casters, caster_count, caster_room,
	      "Cameras of GB/T 28181: they register by SIP, are called, and send an MPEG program "
	      "stream in RTP, which becomes a stream as any other. Several of these blocks have "
	      "ports of "
	      "their own each, and names that differ; a single one needs none.",
	      .may_repeat = true, .example = "cameras"),
	ONOFF("stream_caster.enabled", conf_caster, enabled, "off", NOW, "Whether it is served."),
	ENUM("stream_caster.caster", conf_caster, kind, enum conf_caster_kind, kind_names,
	     "gb28181", NOW,
	     "What brings the streams. 'mpegts_over_udp' and 'flv' of SRS are not built: an "
	     "ingest, "
	     "SRT or RTMP takes their place."),
	TEXT("stream_caster.output", conf_caster, output, "rtmp://127.0.0.1/live/[stream]", NEW,
	     "The stream that a camera becomes; [stream] is the id of the device or channel.",
	     .judge = judge_output),
	TEXT("stream_caster.listen", conf_caster, listen, "9000", NOW,
	     "The port for media, of all devices: TCP, and UDP as well where media is 'udp'.",
	     .judge = value_check_endpoint),
	ENUM("stream_caster.media", conf_caster, media, enum conf_caster_media, media_names, "tcp",
	     NEW,
	     "How a device is asked to send: 'tcp', it connects to that port; 'tcp_active', this "
	     "server connects to the device; 'udp'."),
	ENUM("stream_caster.audio", conf_caster, audio, enum conf_caster_audio, audio_names, "copy",
	     NEW,
	     "What becomes of G.711: 'copy', it is published as it is, and only some players know "
	     "it; "
	     "'aac', it is converted on helper threads, for HLS and browsers too. Other sound "
	     "stays as "
	     "it is."),
	IDLE("stream_caster.host", "The old name of sip.candidate."),
	BLOCK("stream_caster.sip", "Where devices register, and how they are called."),
	ONOFF("stream_caster.sip.enabled", conf_caster, sip.enabled, "on", NOW,
	      "Whether SIP is spoken; 'off': another program calls the devices, and announces "
	      "streams by /gb/v1/publish/."),
	TEXT("stream_caster.sip.listen", conf_caster, sip.listen, "5060", NOW, "The port of SIP.",
	     .judge = value_check_endpoint),
	ENUM("stream_caster.sip.transport", conf_caster, sip.transport, enum conf_sip_transport,
	     transport_names, "both", NOW, "By what devices may come: TCP, UDP, or both."),
	SECONDS("stream_caster.sip.timeout", conf_caster, sip.timeout_ms, "60", 500, HOUR, NEW,
		"How long the answer of a device may take, and then its media; what takes longer "
		"is "
		"tried again."),
	SECONDS("stream_caster.sip.reinvite", conf_caster, sip.reinvite_ms, "5", 0, HOUR, NEW,
		"How long after its media was lost a device is called again."),
	TEXT("stream_caster.sip.candidate", conf_caster, sip.candidate, "*", NEW,
	     "The address that devices are told to send to; '*': the one at which a device has "
	     "reached this server.",
	     .judge = judge_candidate),
	TEXT("stream_caster.sip.server_id", conf_caster, sip.server_id, "34020000002000000001", NOW,
	     "The id of this server, 20 digits; the first ten are the realm of passwords.",
	     .judge = judge_id),
	TEXT("stream_caster.sip.password", conf_caster, sip.password, NULL, NOW,
	     "The password of all devices that have none of their own. Without one, devices are "
	     "let "
	     "in from this host and private networks alone.",
	     .hidden = true, .example = "change-me"),
	RULES("stream_caster.sip.device", conf_caster, sip.devices, 2, NOW,
	      "A device and its own password. May be repeated.", .judge = judge_device,
	      .hidden = true, .example = "34020000001320000001 change-me"),
	ONOFF("stream_caster.sip.only_listed", conf_caster, sip.only_listed, "off", NOW,
	      "Whether the devices that are listed are the only ones."),
	ONOFF("stream_caster.sip.open", conf_caster, sip.open, "off", NOW,
	      "Whether devices without a password are let in from public addresses, too."),
	ENUM("stream_caster.sip.invite", conf_caster, sip.invite, enum conf_caster_invite,
	     invite_names, "auto", NEW,
	     "When a device is called: 'auto', as soon as it registers; 'on_demand', while "
	     "somebody "
	     "watches, here, at an edge or at another origin of the cluster; 'off', never."),
	SECONDS("stream_caster.sip.idle", conf_caster, sip.idle_ms, "20", 0, HOUR, NEW,
		"How long after its last viewer has left a stream on demand goes on."),
	SECONDS("stream_caster.sip.keepalive", conf_caster, sip.keepalive_ms, "60", 1000, HOUR, NOW,
		"How often devices say that they are there; one that has missed three is off "
		"line."),
	ENUM("stream_caster.sip.catalog", conf_caster, sip.catalog, enum conf_tri, catalog_names,
	     "auto", NOW,
	     "Whether a device is asked for its channels when it registers; 'auto': where it is "
	     "not "
	     "called at once."),
};

SCHEMA_PART(schema_caster, rows);
