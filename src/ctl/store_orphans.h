#ifndef CTL_STORE_ORPHANS_H
#define CTL_STORE_ORPHANS_H

#include "ctl/operator.h"

/*
 * Compares the store of recordings with the database, both ways, and prints what
 * is in one of them alone. A page of names at a time; changes nothing. Exit
 * status: 0, or 1 if anything was found or it could not look.
 */
int store_orphans(const struct operator_options *);

#endif
