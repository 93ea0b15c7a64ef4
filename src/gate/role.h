#ifndef GATE_ROLE_H
#define GATE_ROLE_H

#include "gate/op.h"

/* The rows of tables/roles.def as data. */

const char *role_title(enum role);   /* "Compliance officer", … */
const char *role_purpose(enum role); /* of audit rows: "TREAT", … */
bool role_is_workforce(enum role);

/* For SH_CHOICE: the stored names, all of them, and those of the workforce. */
extern const char role_names_all[], role_names_workforce[];
#define ROLES	  (role_names_all + 1)
#define WORKFORCE (role_names_workforce + 1)

#endif
