#ifndef CTL_STORE_TALK_H
#define CTL_STORE_TALK_H

#include "base/arena.h"
#include "care/store.h"

#include <stdbool.h>

/* Asking the store of recordings at a console, by epione-jobs's settings. */
struct store_talk {
	struct arena *a;
	struct presign_signer signer;
};
/* Reads the credentials; false after saying what is wrong. Wiped at the end. */
bool store_talk_begin(struct store_talk *, struct arena *);
void store_talk_end(struct store_talk *);

/* One exchange; free(body). */
struct store_told {
	long status; /* 0: none */
	char *body;
	size_t n;
	const char *allowed;  /* Access-Control-Allow-Origin */
	const char *checksum; /* x-amz-checksum-sha256 */
	const char *lock;     /* x-amz-object-lock-mode */
	const char *why;      /* libcurl's, where there is none */
	struct arena *a;
};
/* What an address answers to these headers and this body. */
struct store_told store_ask_at(struct store_talk *, const char *method,
    const char *url, const struct presign_pair *, size_t, struct bytes body);
/* The same by an address that is signed as of `now`. */
struct store_told store_ask_signed(
    struct store_talk *, int64_t now, const struct store_ask *);
/* What it means, and what to do about it. */
const char *store_told_meaning(const struct store_told *);

#endif
