#ifndef GATE_ROLE_H
#define GATE_ROLE_H

#include "gate/op.h"

/* The rows of tables/roles.def as data. */

const char *role_title(enum role);   /* "Compliance officer", … */
const char *role_purpose(enum role); /* of audit rows: "TREAT", … */
bool role_is_workforce(enum role);

/* For SH_CHOICE: the stored names, those of who can sign in, and those of the
 * workforce. */
extern const char role_names_all[], role_names_lasting[],
    role_names_workforce[];
#define ROLES_ALL (role_names_all + 1)
#define ROLES	  (role_names_lasting + 1)
#define WORKFORCE (role_names_workforce + 1)

/* The rows of tables/guest_roles.def. */
const char *guest_role_name(enum guest_role);
enum guest_role guest_role_parse(const char *); /* GUEST_NONE if unknown */
bool guest_role_asks(enum guest_role); /* for the patient's birth date */
extern const char guest_role_names[];
#define GUEST_ROLES (guest_role_names + 1)

#endif
