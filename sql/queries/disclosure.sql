-- To whom a record was disclosed: the accounting that its patient may ask for.

-- The patient's newest key; no row once the record is shredded.
-- sql: disclosure_prepare one
-- in:  patient_id uuid
-- out: key record_key(patient)
SELECT k.subject_id, k.version, k.wrapped FROM record_key k
 WHERE k.clinic_id = current_clinic() AND k.subject_id = $1::uuid
   AND k.wrapped IS NOT NULL
 ORDER BY k.version DESC
 LIMIT 1;

-- sql: disclosure_insert later
-- in:  id uuid, key record_key, patient_id uuid, at time, basis text,
--      recipient sealed(disclosure_recipient), data sealed(disclosure_data),
--      purpose sealed(disclosure_purpose), suspended_until time,
--      created_by uuid, now time
INSERT INTO disclosure (clinic_id, id, patient_id, at, basis, recipient, data, purpose,
       suspended_until, created_by, created_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::timestamptz, $4::text, $5::bytea, $6::bytea,
       $7::bytea, $8::timestamptz, $9::uuid, $10::timestamptz);

-- A copy of the record that staff took away.
-- sql: disclosure_copy later
-- in:  id uuid, patient_id uuid, created_by uuid, now time
INSERT INTO disclosure (clinic_id, id, patient_id, at, basis, created_by, created_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $4::timestamptz, 'copy', $3::uuid, $4);

-- Newest first, of six years. To the patient those of which they are to be told by now.
-- What does not open hides nothing but itself.
--= AU-09
-- sql: disclosure_list many
-- in:  patient_id uuid, own bool, now time, before_us int?, before uuid,
--      limit int, from_at time, to_at time
-- out: id uuid, key record_key?, at time, at_us int, basis text,
--      recipient sealed(disclosure_recipient), data sealed(disclosure_data),
--      purpose sealed(disclosure_purpose), suspended_until time,
--      created_at time, created_by uuid, actor_key record_key?,
--      actor_name sealed(account_display_name, created_by, actor_key)
SELECT d.id, k.subject_id, k.version, k.wrapped, d.at, us_of(d.at) AS at_us, d.basis,
       d.recipient, d.data, d.purpose, d.suspended_until, d.created_at,
       d.created_by, a.subject_id, a.version, a.wrapped, a.display_name
  FROM (SELECT q.* FROM disclosure q
         WHERE q.clinic_id = current_clinic() AND q.patient_id = $1::uuid
           AND q.at > $3::timestamptz - interval '6 years'
           AND q.at <= CASE WHEN $4::bigint IS NULL THEN 'infinity' ELSE at_us($4) END
           AND ($5::uuid IS NULL OR (q.at, q.id) < (at_us($4), $5))
           AND ($7::timestamptz IS NULL OR q.at >= $7)
           AND ($8::timestamptz IS NULL OR q.at < $8)
           AND (NOT $2::boolean OR q.suspended_until IS NULL OR q.suspended_until <= $3)
         ORDER BY q.at DESC, q.id DESC LIMIT $6::bigint) AS d
  LEFT JOIN LATERAL (
       SELECT k.subject_id, k.version, k.wrapped FROM record_key k
        WHERE k.clinic_id = d.clinic_id AND k.subject_id = d.patient_id
          AND k.version = d.key_version OFFSET 0) AS k ON true
 CROSS JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = d.clinic_id AND a.id = d.created_by OFFSET 0) AS a
 ORDER BY d.at DESC, d.id DESC;
