/* rtc_sound - the sound of streams between browsers and everybody else: other codecs become Opus while a WebRTC
 * player is there, the Opus of a WebRTC publisher becomes AAC with itself as its twin. Layer: service. */
#pragma once
#include "live/packets.h"
#include "node/server.h"
#include "service/aac_maker.h"

/* Has the packets of a source convert its sound. */
void rtc_sound_options(struct packets_opts *opts, struct server *server, int opus_bitrate);

/* A maker of AAC from a publisher's Opus, for all players but browsers. NULL: this server cannot, and has said so in
 * the log; the sound is then published as it is. */
struct aac_maker *rtc_aac_new(struct server *server, const char *name, int bitrate, struct co *co);
/* Takes a message of Opus, as rx_next() gives it, with its time; gives back the one to be published in its place
 * (NULL: none), of which it has made the twin. Other messages stay as they are. */
void rtc_aac_take(struct aac_maker *maker, struct msg **msg, uint32_t raw);
