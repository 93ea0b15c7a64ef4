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

#endif
