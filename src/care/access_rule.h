#ifndef CARE_ACCESS_RULE_H
#define CARE_ACCESS_RULE_H

#include "gate/op.h"

/* The rules of tables/access_rules.def, as a shape's choices. */
extern const char *const access_rule_choices;

/* Why something is to be reviewed, in words; NULL for a rule that there is no longer.
 * Of numbers that the rule has none of any may be given. */
const char *access_rule_words(struct arena *, const char *rule, const char *day,
    int64_t found, int64_t usual);

#endif
