/* elementary_parts - what the files of elementary share. Layer: codec, for elementary*.c only. */
#pragma once
#include "codec/au.h"
#include "codec/elementary.h"

/* A message of this access unit, at this time in 90 kHz. */
void es_put(struct es_out *out, struct au *au, int64_t time);
/* A message whose payload is complete; takes it, NULL counts as overrun. */
void es_put_msg(struct es_out *out, struct msg *msg, int64_t time);
/* The sequence header, if it is another one than before. Takes what `record` holds. */
void es_put_record(struct elementary *e, struct au *au, struct buf *record, int64_t time);

void es_video_take(struct elementary *e, struct span bytes, int64_t dts, int64_t pts);
/* The picture that is there is whole. */
void es_video_end(struct elementary *e);
void es_sound_take(struct elementary *e, struct span bytes, int64_t pts);
/* A LOAS frame without its header: an AudioMuxElement. False: it cannot be read. */
bool es_latm_take(struct elementary *e, struct span element);
