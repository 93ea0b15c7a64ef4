#ifndef CARE_USER_H
#define CARE_USER_H

#include "gate/op.h"
#include "sql.h"

/* The account of the path, but no guest's; its audit row names the patient
 * whose it is. ERR_NOT_FOUND if this clinic has none. */
NODISCARD enum err user_find(struct op *, struct user_row *);

#endif
