/* libs - libavcodec, libswresample and libopus, loaded when the first stream needs them: they bring a hundred
 * other libraries along, which a server without WebRTC ought not to carry. Layer: sound. */
#pragma once
#include <libavcodec/avcodec.h>
#include <libavutil/log.h>
#include <libswresample/swresample.h>
#include <opus/opus.h>
#include <stdbool.h>

#define LIBS_CODEC(X)                                                                              \
	X(av_packet_alloc)                                                                         \
	X(av_packet_free)                                                                          \
	X(av_packet_unref)                                                                         \
	X(av_new_packet)                                                                           \
	X(avcodec_find_decoder)                                                                    \
	X(avcodec_find_encoder)                                                                    \
	X(avcodec_alloc_context3)                                                                  \
	X(avcodec_free_context)                                                                    \
	X(avcodec_open2)                                                                           \
	X(avcodec_send_packet)                                                                     \
	X(avcodec_receive_frame)                                                                   \
	X(avcodec_send_frame)                                                                      \
	X(avcodec_receive_packet)
#define LIBS_UTIL(X)                                                                               \
	X(av_log_set_level)                                                                        \
	X(av_frame_alloc)                                                                          \
	X(av_frame_free)                                                                           \
	X(av_frame_unref)                                                                          \
	X(av_frame_get_buffer)                                                                     \
	X(av_frame_make_writable)                                                                  \
	X(av_mallocz)                                                                              \
	X(av_channel_layout_default)                                                               \
	X(av_channel_layout_copy)                                                                  \
	X(av_channel_layout_uninit)
#define LIBS_RESAMPLE(X)                                                                           \
	X(swr_alloc_set_opts2)                                                                     \
	X(swr_init)                                                                                \
	X(swr_free)                                                                                \
	X(swr_get_delay)                                                                           \
	X(swr_get_out_samples)                                                                     \
	X(swr_convert)
#define LIBS_OPUS(X)                                                                               \
	X(opus_encoder_create)                                                                     \
	X(opus_encoder_destroy)                                                                    \
	X(opus_encoder_ctl)                                                                        \
	X(opus_encode_float)                                                                       \
	X(opus_decoder_create)                                                                     \
	X(opus_decoder_destroy)                                                                    \
	X(opus_decode_float)

/* Members are called as the functions of the libraries: libs.av_frame_alloc(). */
struct libs {
#define X(f) __typeof__(f) *f;
	LIBS_CODEC(X) LIBS_UTIL(X) LIBS_RESAMPLE(X) LIBS_OPUS(X)
#undef X
};
extern struct libs libs;

/* Loads them, once; takes some milliseconds. NULL: they are there; else what is missing. On any thread. */
const char *libs_load(void);
