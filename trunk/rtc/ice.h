/* ice - connectivity of one peer as an ICE-lite agent (RFC 8445): its checks are verified and answered, and
 * say at which addresses it is. Layer: rtc. Does no I/O.
 *
 * An address is believed after a check with a right MESSAGE-INTEGRITY came from it; media goes to the one that
 * was nominated last. So a peer whose address changes is followed, and strangers cannot move it. The peer itself
 * can send a check with the source address of somebody else, who gets its media then: only an answer to a request
 * of ours would show that the peer is there, and an ICE-lite agent makes none. */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "codec/stun.h"
#include "rtc/offer.h"

struct rtc_stream;

enum {
	ICE_PATHS_MAX = 8,
	ICE_OUR_UFRAG = 12, /* characters, of 6 bits each */
	ICE_OUR_PWD = 32,
	ICE_CHECKS_PER_SECOND = 50, /* more of one peer are not answered */
};

/* A way to the peer: a pair of addresses, by UDP or over a stream (RFC 6544). */
struct rtc_path {
	struct addr peer, local;
	struct rtc_stream *stream; /* NULL: UDP */
};
bool rtc_path_same(const struct rtc_path *a, const struct rtc_path *b);

/* Our credentials, or a peer's. */
struct ice_word_pair {
	char *ufrag, *pwd; /* owned */
};

struct ice_counts {
	int64_t checks, forged, conflicts;
};

struct ice {
	int path_count, selected; /* selected -1: none */
	struct rtc_path paths[ICE_PATHS_MAX];
	int64_t heard_ms[ICE_PATHS_MAX];
	struct ice_word_pair ours, former; /* former: of before a restart; NULL */
	bool has_moved; /* a check came with those of after it: the former are void */
	char *peer_ufrag, *peer_former;
	int64_t second; /* of the checks that are counted in `checks` */
	int checks;
	struct ice_counts counts;
};

/* "ufrag" and "pwd", random; malloc'ed. ERR_SYSTEM when there is no randomness. */
err ice_words_new(struct ice_word_pair *out);
void ice_words_free(struct ice_word_pair *words);

/* Takes our words; the peer's ufrag is copied. */
void ice_init(struct ice *ice, struct ice_word_pair *ours, const char *peer_ufrag);
void ice_fini(struct ice *ice);
/* Other credentials on both sides; the present ones are good until a check comes with the new ones. */
void ice_restart(struct ice *ice, struct ice_word_pair *ours, const char *peer_ufrag);

enum ice_verdict {
	ICE_DROPPED,  /* forged, malformed or too many: no answer */
	ICE_REFUSED,  /* authenticated, and answered by an error */
	ICE_ACCEPTED, /* the path is known now, and the answer is to be sent back on it */
};
struct ice_result {
	enum ice_verdict verdict;
	bool is_new;      /* the path was not known before */
	bool is_selected; /* media goes another way now */
	bool has_dropped; /* a path was forgotten for it: */
	struct rtc_path dropped;
};
/* A Binding request that names our ufrag. Writes the answer. */
void ice_take_check(struct ice *ice, const struct stun *check, struct span datagram,
		    const struct rtc_path *path, struct buf *answer, struct ice_result *out);
/* Something authenticated came on a path. */
void ice_heard(struct ice *ice, const struct rtc_path *path, int64_t now_ms);
/* A stream is gone: its path with it. True when media went that way: it goes now where something
 * came from last. */
bool ice_forget(struct ice *ice, const struct rtc_path *path);
/* The address that media is sent to; NULL: none is known. */
const struct rtc_path *ice_selected(const struct ice *ice);
