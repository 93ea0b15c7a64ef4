#ifndef BASE_PRESIGN_H
#define BASE_PRESIGN_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * AWS Signature Version 4, in the query of an address: whoever has it may do one
 * thing, for as long as it says. Held against the AWS signing test suite.
 */

#define PRESIGN_KEY_SIZE  32
#define PRESIGN_DAY_SIZE  9 /* "20150830" */
#define PRESIGN_TIME_SIZE 17

/* What signs on one day (UTC): made of the secret key, and no way back. */
struct presign_signer {
	const char *access_key;
	const char *token; /* of a session, or NULL */
	char day[PRESIGN_DAY_SIZE];
	uint8_t key[PRESIGN_KEY_SIZE];
};

struct presign_pair {
	const char *name, *value;
};

/* What the address allows. All text is as it is meant: nothing is encoded yet. */
struct presign {
	const char *method;
	const char *host;		  /* with its port, as it is sent */
	const char *path;		  /* begins with '/' */
	const struct presign_pair *query; /* besides what the signature adds */
	size_t query_n;
	const struct presign_pair *headers; /* besides Host; to be sent so */
	size_t headers_n;
	const char *payload; /* SHA-256 in hex, or NULL: not signed */
	const char *region, *service;
	int64_t now; /* s, UTC */
	int64_t expires_s;
};

void presign_day(int64_t now, char day[PRESIGN_DAY_SIZE]);

/* The key of a day. ERR_CRYPTO. */
NODISCARD enum err presign_signer_make(struct presign_signer *,
    const char *secret_key, int64_t now, const char *region,
    const char *service);

/* *query is what follows the '?', with the signature; *path is the path, encoded.
 * ERR_INTERNAL if the signer is another day's; ERR_CRYPTO. */
NODISCARD enum err presign_query(struct arena *, const struct presign_signer *,
    const struct presign *, const char **path, const char **query);

#endif
