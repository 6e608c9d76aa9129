/* flv_kinds - which kinds of media the head of an FLV file announces. Layer: service. The head comes
 * first and cannot be taken back, and what a stream has shows only as it comes. */
#pragma once
#include "conf/conf.h"
#include "live/source.h"

/* WIRE_AUDIO, WIRE_VIDEO: those that the metadata of a live stream name or that have come, or those of the
 * configuration (guess_has_av off). False:
 * that is not known yet, and *deadline is lowered to when it will be. */
bool flv_kinds(uint8_t *kinds, const struct source *source, const struct conf_http_remux *conf,
	       int64_t *deadline);
