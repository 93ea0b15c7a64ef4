#ifndef DATA_LISTEN_H
#define DATA_LISTEN_H

#include "base/err.h"

#include <stdbool.h>

/*
 * What other processes commit and tell by NOTIFY, on every host of the same
 * database: one connection of this process that LISTENs, beside the pool, on
 * whatever loop is installed. It reconnects with back-off (50 ms to 2 s).
 *
 * A notice that is sent while the connection is away is lost. Hence `began`: it
 * is called each time that LISTEN holds, the first time too, and a listener
 * must then look at the tables for what it missed. Payloads come from anybody
 * who may connect to the database: check them.
 */
#define LISTEN_CHANNELS_MAX 8

struct listen_options {
	const char *conninfo;	     /* libpq's; kept by reference */
	const char *password;	     /* NULL or "": as conninfo says */
	const char *const *channels; /* [a-z_]+; ends with NULL; kept */
	/* Both run from the loop, not on a fiber, and must not wait: start a
	 * fiber or wake one. They may call listen_stop. */
	void (*heard)(void *arg, const char *channel, const char *payload);
	void (*began)(void *arg); /* or NULL */
	void *arg;
};

/* Needs an installed loop; one listener in a process. ERR_INTERNAL if it runs
 * already, for a connection string that data/conninfo.h refuses, and for no or
 * ill-named channels. A database that is down is waited for. */
NODISCARD enum err listen_start(const struct listen_options *);
void listen_stop(void); /* idempotent */
/* LISTEN holds: nothing that is committed from now on goes unheard. */
bool listen_ready(void);

#endif
