/* rtc_publish - a WebRTC publisher: what others may ask of it. Layer: service. */
#pragma once
#include <stdbool.h>

struct source;

/* The source's publisher is asked for a key frame, if it is one by WebRTC: false otherwise. */
bool rtc_publish_want_key(const struct source *source);
/* A WebRTC publisher of this server feeds the source. */
bool rtc_publish_feeds(const struct source *source);
