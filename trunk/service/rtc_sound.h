/* rtc_sound - the sound of streams between browsers and everybody else: other codecs become Opus while a WebRTC
 * player is there, the Opus of a WebRTC publisher becomes AAC with itself as its twin. Layer: service. */
#pragma once
#include "live/packets.h"
#include "node/server.h"

struct co;

/* Has the packets of a source convert its sound. */
void rtc_sound_options(struct packets_opts *opts, struct server *server, int opus_bitrate);

struct rtc_aac;

struct rtc_aac_opts {
	struct server *server;
	const char *name; /* of the stream, for the log */
	int bitrate;
	struct co *co; /* whom to wake when AAC has come */
};

/* NULL: this server cannot, and has said so in the log; the sound is then published as it is. */
struct rtc_aac *rtc_aac_new(const struct rtc_aac_opts *opts);
void rtc_aac_free(struct rtc_aac **aac);
/* Takes a message of Opus, as rx_next() gives it, with its time; gives back the one to be published in its place
 * (NULL: none), of which it has made the twin. Other messages stay as they are. */
void rtc_aac_take(struct rtc_aac *aac, struct msg **msg, uint32_t raw);
/* The next message of AAC (one reference) and its time; false: there is none for now. */
bool rtc_aac_next(struct rtc_aac *aac, struct msg **msg, uint32_t *raw);
