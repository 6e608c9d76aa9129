/* aac_maker - the sound of a publisher as AAC, which everybody plays. Layer: service. */
#pragma once
#include "codec/msg.h"
#include "node/server.h"

struct co;
struct aac_maker;

struct aac_maker_opts {
	struct server *server;
	const char *name; /* of the stream, for the log */
	uint32_t codec;   /* what it is made of */
	int bitrate;
	struct co *co; /* whom to wake when AAC has come */
};

/* NULL: this server cannot, for that reason (a literal). */
struct aac_maker *aac_maker_new(const struct aac_maker_opts *opts, const char **reason);
/* NULL is fine; clears. */
void aac_maker_free(struct aac_maker **maker);
/* A message of sound, borrowed, and its time in milliseconds. */
void aac_maker_take(struct aac_maker *maker, const struct msg *msg, uint32_t raw);
/* The next message of AAC (one reference) and its time; false: there is none for now. */
bool aac_maker_next(struct aac_maker *maker, struct msg **msg, uint32_t *raw);
/* A message of one access unit; NULL: it is too long. */
struct au;
struct msg *aac_maker_message(const struct au *au);
