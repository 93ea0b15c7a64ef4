#ifndef CARE_ACCOUNT_INDEX_H
#define CARE_ACCOUNT_INDEX_H

#include "base/err.h"
#include "base/uuid.h"
#include "data/tx.h"

/*
 * Writes the tokens of who works here, in place of those that there were: of the
 * words of the display name, whose family name is the last before a comma, and of
 * the address. By them it is seen that a patient is called the same
 * (tables/access_rules.def).
 */
NODISCARD enum err account_words_write(struct tx *, const struct uuid *account,
    const char *display_name, const char *email);

#endif
