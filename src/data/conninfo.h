#ifndef DATA_CONNINFO_H
#define DATA_CONNINFO_H

#include "base/err.h"

/*
 * May records travel over what this connection string describes? A Unix socket,
 * or TLS that checks the server's certificate and name (sslmode=verify-full);
 * nothing else, not even on the loopback.
 *
 * ERR_INVALID_FIELD with a sentence for the operator in *reason, which names no
 * part of the string. Source: EN-11; 45 CFR 164.312(e)(1).
 */
NODISCARD enum err conninfo_check(const char *, const char **reason);

/* Over what a process has to reach it: a set of these; 0 if the string is not
 * understood. A host's name beside an address is only what is checked. */
#define CONNINFO_SOCKET	 1u
#define CONNINFO_NETWORK 2u
unsigned conninfo_reach(const char *);

/* Keywords and values for PQconnectStartParams, both ended by NULL: those of a
 * connection string and, stronger than they, ours: text in UTF-8, and a peer
 * that is gone is noticed within 25 s. `name` is what PostgreSQL lists the
 * connection as; a password of "" is none. All texts are kept by reference. */
#define CONNINFO_SETTINGS_MAX 14
struct conninfo_settings {
	const char *keys[CONNINFO_SETTINGS_MAX];
	const char *values[CONNINFO_SETTINGS_MAX];
};
void conninfo_settings(struct conninfo_settings *, const char *conninfo,
    const char *password, const char *name);
/* One more, up to CONNINFO_SETTINGS_MAX - 1. */
void conninfo_add(
    struct conninfo_settings *, const char *key, const char *value);

#endif
