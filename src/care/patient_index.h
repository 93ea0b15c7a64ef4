#ifndef CARE_PATIENT_INDEX_H
#define CARE_PATIENT_INDEX_H

#include "base/keyring.h"
#include "care/patient_view.h"

/* How a record is found again: the tokens of its members. */

/* In which name a word stands, as patient_token.part has it; and 2 more where
 * the name is that and nothing else. */
enum patient_name { NAME_FAMILY = 1, NAME_GIVEN = 2, NAME_ANY = 3 };
#define PART_WHOLE 2

/* Fills c->index from what is written. */
NODISCARD enum err patient_index_make(struct op *, struct patient_change *);

/* The words of names, of one patient or of many, written together. Zeroed, and
 * filled by patient_words_add with those of the names that a change writes. */
struct patient_words {
	struct uuid *patients; /* these three are parallel */
	struct bytes *tokens;
	int64_t *parts;
	size_t n, room;
	struct bytes *beginnings, *words; /* and these two */
	size_t pairs_n, pairs_room;
};
NODISCARD enum err patient_words_add(struct op *, const struct uuid *id,
    const struct patient_change *, struct patient_words *);
NODISCARD enum err patient_words_insert(
    struct op *, const struct patient_words *);
/* In place of those that the names had, if one changes: a person's words are all
 * under one version of the index key, so both are written. */
NODISCARD enum err patient_words_replace(
    struct op *, const struct uuid *id, const struct patient_change *);

/* Writes a new record under its key, without its words. */
NODISCARD enum err patient_insert(struct op *, const struct record_key *,
    const struct uuid *id, const struct patient_change *);

#endif
