#ifndef CARE_FHIR_H
#define CARE_FHIR_H

#include "care/patient_view.h"
#include "sql.h"

/*
 * What a record holds as resources of FHIR R4 (4.0.1), for a copy of it. Each is a
 * new reference, or NULL if there was no memory. References are to what is in
 * the same copy; what there is none of is left out, as FHIR knows no null.
 */

/* As the bundle holds it: its address is what references in it are relative to. */
json_t *fhir_entry(struct op *, json_t *resource); /* takes the reference */

/* Of what the actor's role sees; the second is of no insurance NULL. */
json_t *fhir_patient(struct op *, const struct patient_values *);
json_t *fhir_coverage(struct op *, const struct patient_values *);

json_t *fhir_practitioner(struct op *, const struct export_people_row *);
json_t *fhir_appointment(struct op *, const struct visit_row *);
/* What came of it: of a visit that began or is over. */
bool fhir_took_place(const struct visit_row *);
json_t *fhir_encounter(struct op *, const struct visit_row *);

/* Of a recording that began: that there is one, not its sound and picture. */
json_t *fhir_recording(struct op *, const struct recording_row *);
/* The n-th answer of those who were asked for it. */
json_t *fhir_consent(struct op *, const struct recording_row *,
    const struct recording_people_row *, size_t n);

json_t *fhir_invoice(struct op *, const struct payment_row *);

#endif
