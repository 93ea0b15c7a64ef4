#ifndef CARE_STORE_H
#define CARE_STORE_H

#include "base/bytes.h"
#include "base/presign.h"
#include "data/tx.h"

#include <stdbool.h>

/*
 * The store of recordings: any that speaks S3 (settings store_*). It is asked by
 * presigned addresses alone, by browsers and by epione-jobs.
 *
 * The credentials are epione-jobs's. It makes of them a key for each day and keeps
 * that sealed in the database (store_signer_keep); the server signs with it. New
 * credentials need no restart, and what the server holds is of no use tomorrow.
 */

#define STORE_SECONDS 300 /* that an address is good for (RC-03) */
#define STORE_MEDIA   "application/octet-stream"

bool store_configured(void);
/* "https://store.example", for the pages' policy; NULL if there is none. ERR_
 * INVALID_FIELD, and problem says which setting is wrong. */
NODISCARD enum err store_check_settings(char *problem, size_t n);
const char *store_origin(struct arena *);

/* The headers of an object lock (`h` has room for 2) for so many days; none if the
 * mode is "". How many. */
size_t store_lock_headers(struct arena *, const char *mode, int64_t days,
    int64_t now, struct presign_pair *h);

/* Today's, as epione-jobs left it. ERR_STORE_FAILED if it did not. */
NODISCARD enum err store_signer(
    struct tx *, int64_t now, struct presign_signer *);
/* Keeps it for its day. */
NODISCARD enum err store_signer_keep(
    struct tx *, const struct presign_signer *);

/* One thing that may be done with an object (NULL: the bucket). */
struct store_ask {
	const char *method;
	const char *object;
	const char *bucket; /* NULL: that of recordings */
	struct bytes body;  /* what is put there */
	const struct presign_pair *query, *headers;
	size_t query_n, headers_n;
};
/* The whole address, good for STORE_SECONDS. */
NODISCARD enum err store_url(struct arena *, const struct presign_signer *,
    int64_t now, const struct store_ask *, const char **url);

/* An upload of so many bytes with this SHA-256: the address, and the headers that
 * have to go with it, besides Content-Length (`headers` has room for 8). */
#define STORE_HEADERS_MAX 8
struct store_upload {
	const char *url;
	struct presign_pair headers[STORE_HEADERS_MAX];
	size_t headers_n;
};
NODISCARD enum err store_upload(struct arena *, const struct presign_signer *,
    int64_t now, const char *object, int64_t bytes, struct bytes sha256,
    struct store_upload *);

/* What the store answers to an address. */
struct store_answer {
	long status;
	int64_t bytes;	    /* Content-Length, -1 if it did not say */
	const char *sha256; /* x-amz-checksum-sha256, or NULL */
	struct bytes body;  /* in the arena */
};
/* Asks the store, on the fiber: epione-jobs installs it. The body is cut off at
 * most + 1 bytes. ERR_STORE_FAILED if there is no answer. */
typedef enum err store_carry(struct arena *, const char *url,
    const struct store_ask *, size_t most, struct store_answer *);
void store_carrier(store_carry *);
NODISCARD enum err store_do(struct arena *, const struct presign_signer *,
    int64_t now, const struct store_ask *, size_t most, struct store_answer *);

#endif
