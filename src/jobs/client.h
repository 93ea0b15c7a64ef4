#ifndef JOBS_CLIENT_H
#define JOBS_CLIENT_H

#include "base/err.h"

#include <curl/curl.h>

/*
 * Outgoing connections: libcurl on our loop.
 */
NODISCARD enum err client_start(void);
void client_stop(void);

/* A handle with what every exchange of ours has: TLS 1.2 or newer, the peer's
 * certificate and name verified, no proxy, no redirect, no signals, a limit of
 * time. NULL when memory is out. `authorities` is a file, or "" for the
 * system's. */
CURL *client_new(const char *authorities, int64_t ms);

/* Runs it while the calling fiber waits; what libcurl says of it is in *code.
 * The handle is the caller's to free. ERR_INTERNAL if it cannot be begun. */
NODISCARD enum err client_run(CURL *, CURLcode *code);

#endif
