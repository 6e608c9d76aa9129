/* enhanced - what a connect and its answer say about Enhanced RTMP (v2, "Enhancing NetConnection connect
 * Command"). Layer: rtmp, for its own files. */
#pragma once
#include "codec/amf0.h"

/* Adds that every codec is forwarded, multitrack and ModEx with it, and that a request to connect anew is
 * understood. */
void enhanced_put(struct amf *object);
/* The peer's command object says something of the kind. */
bool enhanced_is_said(const struct amf *object);
/* The peer understands a request to connect anew (capsEx, "Reconnect"). */
bool enhanced_reconnects(const struct amf *object);
