-- report: recordings
-- title: Recordings
-- question: Which calls were recorded, how long are they kept, which are on hold, and which are deleted?
-- rule: 45 CFR 164.310(d)(2)(i), 164.312(c)(1), 164.316(b)(2)(i)
-- permission: report_read
-- period: 2200
-- column: created_at time, Asked for
-- column: recording_id uuid, Recording
-- column: visit_id uuid, Visit
-- column: patient_id patient, Patient
-- column: clinician_id account, Clinician's id
-- column: clinician_name name(clinician_id), Clinician
-- column: state text, State
-- column: duration_s int?, Seconds
-- column: chunks int?, Pieces
-- column: checked_at time, Last checked in the store
-- column: keep_until time, Kept until
-- column: hold_at time, On hold since
-- column: hold_by account, Held by (id)
-- column: hold_by_name name(hold_by), Held by
-- column: deleted_at time, Deleted
-- order: at_us int, id uuid
SELECT r.created_at, r.id, r.visit_id, r.patient_id, r.clinician_id, r.state,
       r.duration_s, r.chunks, r.checked_at, r.keep_until, r.hold_at, r.hold_by,
       r.deleted_at, us_of(r.created_at), r.id
  FROM recording r
 WHERE r.clinic_id = current_clinic()
   AND r.created_at >= $from::timestamptz AND r.created_at < $to::timestamptz
   AND r.created_at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
   AND ($after_id::uuid IS NULL OR (r.created_at, r.id) > (at_us($after_at_us), $after_id))
 ORDER BY r.created_at, r.id
 LIMIT $limit::bigint;
