/* Where the demo's helpers, its mailbox and its store, are reached: on loopback alone. */
#ifndef DEMO_DOOR_H
#define DEMO_DOOR_H

/* A listening socket, close-on-exec; -1, and it is said why, if there is none. */
int door_open(const char *port);

#endif
