#ifndef CARE_PATIENT_INDEX_H
#define CARE_PATIENT_INDEX_H

#include "care/patient_view.h"

/* How a record is found again: the tokens of its members. */

/* In which name a word stands, as patient_token.part has it; and 2 more where
 * the name is that and nothing else. */
enum patient_name { NAME_FAMILY = 1, NAME_GIVEN = 2, NAME_ANY = 3 };
#define PART_WHOLE 2

/* Fills c->index from what is written. */
NODISCARD enum err patient_index_make(struct op *, struct patient_change *);

/* Writes the words of the names that are new or changed. */
NODISCARD enum err patient_words_write(
    struct op *, const struct uuid *id, const struct patient_change *);

#endif
