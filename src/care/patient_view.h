#ifndef CARE_PATIENT_VIEW_H
#define CARE_PATIENT_VIEW_H

#include "base/bytes.h"
#include "data/list.h"
#include "gate/op.h"

/*
 * What a patient's record holds and who sees and sets which part of it:
 * tables/patient_members.def as data. An object (address, …) is kept as
 * compact JSON text, so each member is one text.
 */
enum patient_member {
#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	PATIENT_##name,
#include "tables/patient_members.def"
#undef MEMBER
	PATIENT_MEMBERS
};

struct patient_values {
	const char *text[PATIENT_MEMBERS]; /* NULL: none */
};

/* The tokens by which it is found, besides its names; p NULL: has none. */
struct patient_index {
	struct bytes mrn, ssn, phone, email;
	struct bytes birth_year, birth_month, birth_day;
};

/* The same to look for: under each version of the index key; empty: not asked. */
struct patient_sought {
	struct bytes_list mrn, ssn, phone, email;
	struct bytes_list birth_year, birth_month, birth_day;
};

/* What a request does to a record. All memory is the arena's. */
struct patient_change {
	struct patient_values values;  /* after the change, all members */
	struct patient_values written; /* the changed ones; NULL clears */
	const char *changed[PATIENT_MEMBERS];
	size_t changed_n;
	struct patient_index index; /* of the changed ones */
};

/* What the record of op->id holds. ERR_NOT_FOUND: its key was destroyed, too. */
NODISCARD enum err patient_values_get(struct op *, struct patient_values *);

const char *patient_member_name(enum patient_member);

/*
 * Reads op->in (checked by the shape) as a merge patch (RFC 7396) of
 * `before`; an empty `before` makes a new record. Members that come out as
 * they were are not counted as changed.
 *
 * ERR_UNKNOWN_FIELD for a member that the role may not write (AZ-03),
 * ERR_MISSING_FIELD and ERR_INVALID_FIELD for what the whole is not allowed
 * to be after the merge; the culprit is named.
 */
NODISCARD enum err patient_change_read(
    struct op *, const struct patient_values *before, struct patient_change *);

bool patient_changes(const struct patient_change *, enum patient_member);

/* As a person is called: both names, or the one there is. */
const char *name_whole(
    struct arena *, const char *given_name, const char *family_name);

/* May the actor's role see or write the member? */
bool patient_may_use(const struct op *, enum patient_member);

/* The members that the actor's role sees, of those in `mask` (bits by
 * enum patient_member; PATIENT_ALL for all). New reference. */
#define PATIENT_ALL ((1u << PATIENT_MEMBERS) - 1)
json_t *patient_view(const struct op *, const struct uuid *id,
    const struct patient_values *, unsigned mask);

#endif
