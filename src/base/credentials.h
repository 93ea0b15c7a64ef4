#ifndef BASE_CREDENTIALS_H
#define BASE_CREDENTIALS_H

#include "base/arena.h"
#include "base/err.h"

/*
 * The file of the store's credentials: a line each of access key, secret key and,
 * where there is one, the token of a session, separated by spaces. The first line
 * signs; those that follow are the ones before, which the store still takes until
 * addresses signed with them have expired.
 */
struct credentials {
	const char *access_key, *secret_key;
	const char *token; /* or NULL */
};

/* In the arena. ERR_INVALID_FIELD, and then *fault says what is wrong. */
NODISCARD enum err credentials_read(
    struct arena *, const char *path, struct credentials *, const char **fault);

/* Another text when the file is another. */
#define CREDENTIALS_STAMP 100
void credentials_stamp(const char *path, char stamp[CREDENTIALS_STAMP]);

#endif
