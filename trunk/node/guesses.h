/* guesses - wrong passwords, counted by address and made slow. Layer: node.
 * The first ones cost nothing: people mistype. Then each wrong one waits, and so few may wait at a time
 * that an address tries some passwords a second and no more, on however many connections. IPv6
 * addresses count by their /64, which is what one person has. */
#pragma once
#include "base/addr.h"
#include "co/co.h"

enum { GUESSES_FREE = 10, GUESSES_WAITING_MAX = 4, GUESS_WAIT_MS = 1000, GUESS_FORGET_MS = 60000 };

struct guesses;
struct guesses *guesses_new(void);
void guesses_free(struct guesses **guesses);
/* Whether a password of this address may be looked at now; else so many are waiting that the caller must
 * answer "later" without having looked. */
bool guesses_may_try(struct guesses *guesses, const struct addr *addr);
/* A wrong one: counts it and waits, if the address has had its free ones. */
void guesses_wrong(struct guesses *guesses, const struct addr *addr) BLOCKS;
/* All wrong ones, and how often "later" was the answer. */
uint64_t guesses_count(const struct guesses *guesses);
