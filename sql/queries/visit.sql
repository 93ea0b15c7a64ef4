-- Visits. The reason is sealed under the patient's record key; overlap is
-- refused by the table's exclusion constraints, never looked for here.

-- What a booking needs: the patient's newest key, and a clinician who may be
-- booked; no row otherwise. Both rows stay locked until the commit, so that
-- bookings of one clinician or patient come one after the other: two that meet
-- inside an exclusion constraint can deadlock.
--= IN-04
-- sql: visit_prepare one
-- in:  patient_id uuid, clinician_id uuid
-- out: key record_key(patient)
SELECT k.subject_id, k.version, k.wrapped
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = $1::uuid
   AND k.class = 'patient' AND k.wrapped IS NOT NULL
 WHERE a.clinic_id = current_clinic() AND a.id = $2::uuid
   AND a.role = 'clinician' AND a.deactivated_at IS NULL
 ORDER BY k.version DESC
 LIMIT 1
   FOR NO KEY UPDATE OF a, k;

-- sql: visit_insert later
-- in:  id uuid, key record_key, patient_id uuid, clinician_id uuid,
--      starts_at time, ends_at time, reason sealed(visit_reason),
--      created_by uuid, now time, fee_id uuid
INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at,
       reason, created_by, created_at, fee_id)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::timestamptz,
       $5::timestamptz, $6::bytea, $7::uuid, $8::timestamptz, $9::uuid);

-- A visit as it is shown, of: visit v, its patient p with key k, its clinician's
-- account a with key ak. $1 is closed_at.
-- row: visit
-- out: id uuid, patient_id uuid, key record_key,
--      family_name sealed(patient_family_name, patient_id),
--      given_name sealed(patient_given_name, patient_id),
--      clinician_id uuid, clinician_key record_key,
--      clinician_name sealed(account_display_name, clinician_id, clinician_key),
--      starts_at time, ends_at time, reason sealed(visit_reason), status text,
--      arrived_at time, version int, records bool, fee_code text,
--      fee_title text, fee_amount_minor int?, fee_currency text, due bool,
--      pay_when text
v.id, v.patient_id, k.subject_id, k.version, k.wrapped, p.family_name, p.given_name,
       v.clinician_id, ak.subject_id, ak.version, ak.wrapped, a.display_name,
       v.starts_at, v.ends_at, v.reason,
       visit_status(v.status, v.ends_at, $1::timestamptz) AS status,
       v.arrived_at, v.version, (SELECT c.recording = 1 FROM clinic c
           WHERE c.id = v.clinic_id) AS records,
       f.code AS fee_code, f.title AS fee_title,
       f.amount_minor AS fee_amount_minor, f.currency AS fee_currency, v.due,
       (SELECT c.pay_when FROM clinic c WHERE c.id = v.clinic_id) AS pay_when

-- text: visit_joined
  JOIN patient p ON p.clinic_id = v.clinic_id AND p.id = v.patient_id
  JOIN record_key k ON k.clinic_id = v.clinic_id AND k.subject_id = v.patient_id
   AND k.version = p.key_version
  JOIN account a ON a.clinic_id = v.clinic_id AND a.id = v.clinician_id
  JOIN record_key ak ON ak.clinic_id = v.clinic_id AND ak.subject_id = v.clinician_id
   AND ak.version = a.key_version
  LEFT JOIN fee f ON f.clinic_id = v.clinic_id AND f.id = v.fee_id

-- sql: visit_get one
-- in:  closed_at time, id uuid
-- out: row visit
SELECT {visit}
  FROM visit v
{visit_joined} WHERE v.clinic_id = current_clinic() AND v.id = $2::uuid;

-- Visits that start in [reach_at, to_at) and are on the list (visit_listed);
-- after_at and after_id: after that one, for the next page. reach_at: as early
-- as one can have started that is still on it. care_of: of the patients in that
-- clinician's care alone. One branch runs, by the index that fits it: a
-- comparison with COALESCE or OR would find none.
-- sql: visit_list many
-- in:  closed_at time, from_at time, to_at time, reach_at time, today bool,
--      patient_id uuid, clinician_id uuid, status text, care_of uuid,
--      after_at time, after_id uuid, limit int
-- out: row visit
SELECT {visit}
  FROM ((SELECT w.* FROM visit w -- of one patient
          WHERE $6::uuid IS NOT NULL AND w.patient_id = $6
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $4::timestamptz AND w.starts_at < $3::timestamptz
            AND ($7::uuid IS NULL OR w.clinician_id = $7)
            AND visit_listed(w, $2::timestamptz, $1::timestamptz, $5::boolean,
                $8::text, $10::timestamptz, $11::uuid)
            AND ($9::uuid IS NULL OR EXISTS (
                SELECT 1 FROM care_team t
                 WHERE t.clinic_id = w.clinic_id AND t.patient_id = $6
                   AND t.account_id = $9 AND t.until > now()))
          ORDER BY w.starts_at, w.id LIMIT $12::bigint)
         UNION ALL
        (SELECT w.* FROM care_team t -- of those in somebody's care
          CROSS JOIN LATERAL (
                SELECT u.* FROM visit u
                 WHERE u.clinic_id = t.clinic_id AND u.patient_id = t.patient_id
                   AND u.starts_at >= $4 AND u.starts_at < $3
                   AND ($7 IS NULL OR u.clinician_id = $7)
                   AND visit_listed(u, $2, $1, $5, $8, $10, $11)
                 ORDER BY u.starts_at, u.id LIMIT $12) AS w
          WHERE $6 IS NULL AND $9 IS NOT NULL
            AND t.clinic_id = current_clinic() AND t.account_id = $9
            AND t.until > now()
          ORDER BY w.starts_at, w.id LIMIT $12)
         UNION ALL
        (SELECT w.* FROM visit w -- of one clinician
          WHERE $6 IS NULL AND $9 IS NULL AND w.clinician_id = $7
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $4 AND w.starts_at < $3
            AND visit_listed(w, $2, $1, $5, $8, $10, $11)
          ORDER BY w.starts_at, w.id LIMIT $12)
         UNION ALL
        (SELECT w.* FROM visit w -- of the clinic, in a status that may be rare
          WHERE $6 IS NULL AND $9 IS NULL AND $7 IS NULL
            AND $8 <> 'ended' AND w.status = $8
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $4 AND w.starts_at < $3
            AND visit_listed(w, $2, $1, $5, $8, $10, $11)
          ORDER BY w.starts_at, w.id LIMIT $12)
         UNION ALL
        (SELECT w.* FROM visit w -- of the clinic
          WHERE $6 IS NULL AND $9 IS NULL AND $7 IS NULL
            AND ($8 IS NULL OR $8 = 'ended')
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $4 AND w.starts_at < $3
            AND visit_listed(w, $2, $1, $5, $8, $10, $11)
          ORDER BY w.starts_at, w.id LIMIT $12)) AS v
{visit_joined} ORDER BY v.starts_at, v.id;

-- sql: visit_update exec
-- in:  id uuid, key record_key, clinician_id uuid, starts_at time,
--      ends_at time, reason sealed(visit_reason), version int
UPDATE visit SET clinician_id = $2::uuid, starts_at = $3::timestamptz,
       ends_at = $4::timestamptz, reason = coalesce($5::bytea, reason),
       version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND version = $6::bigint AND status = 'booked';

-- One step of the status, if it is still one of `sources`, and, where a window
-- is given, if now lies in it; no row otherwise. Two that come together cannot
-- both step.
-- sql: visit_step one
-- in:  id uuid, sources text[], target text, now time, before_s int?,
--      after_s int?, closed_at time
-- out: id uuid, status text, starts_at time, arrived_at time, version int
UPDATE visit SET status = $3::text,
       arrived_at = CASE WHEN $3 = 'arrived' THEN $4::timestamptz ELSE arrived_at END,
       admitted_at = CASE WHEN $3 = 'in_call' THEN $4 ELSE admitted_at END,
       ended_at = CASE WHEN $3 IN ('ended', 'cancelled', 'no_show') THEN $4 ELSE ended_at END,
       version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND visit_status(status, ends_at, $7::timestamptz) = ANY ($2::text[])
   AND ($5::bigint IS NULL OR $4 >= starts_at - make_interval(secs => $5))
   AND ($6::bigint IS NULL OR $4 < ends_at + make_interval(secs => $6))
RETURNING id, status, starts_at, arrived_at, version;

-- Who wait for a visit's clinician before its patient does, and in how many
-- seconds the clinician may be free of them and of the call that goes on.
-- sql: visit_queue many
-- in:  ids uuid[], closed_at time
-- out: id uuid, status text, ahead int, busy_s int
SELECT v.id, v.status, q.ahead, q.busy_s
  FROM visit v
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE w.status = 'arrived') AS ahead,
           coalesce(extract(epoch FROM sum(w.ends_at - w.starts_at)
               FILTER (WHERE w.status = 'arrived')), 0)::bigint
         + coalesce(extract(epoch FROM max(greatest(interval '0',
               w.admitted_at + (w.ends_at - w.starts_at) - now()))
               FILTER (WHERE w.status = 'in_call')), 0)::bigint AS busy_s
      FROM visit w
     WHERE w.clinic_id = v.clinic_id AND w.clinician_id = v.clinician_id
       AND w.id <> v.id AND w.status IN ('arrived', 'in_call')
       AND w.starts_at > v.starts_at - interval '1 day'
       AND w.ends_at > $2::timestamptz
       AND (w.starts_at < v.starts_at OR w.status = 'in_call')) AS q
 WHERE v.clinic_id = current_clinic() AND v.id = ANY ($1::uuid[]);

-- How visits stand, for those who are in their rooms: seat by seat (from 1),
-- whether its account takes part in the visit still; if it is a guest's, whether
-- that one was let in.
-- sql: visit_seats many
-- in:  ids uuid[], accounts uuid[]
-- out: seat int, status text, starts_at time, takes_part bool, admitted bool
SELECT i.seat, v.status, v.starts_at, coalesce(r.is_part, false) AS takes_part,
       g.admitted_at IS NOT NULL AS admitted
  FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS i(id, account_id, seat)
  JOIN visit v ON v.clinic_id = current_clinic() AND v.id = i.id
  LEFT JOIN guest g ON g.clinic_id = current_clinic() AND g.id = i.account_id
  LEFT JOIN LATERAL visit_relation(i.id, current_clinic(), i.account_id) r
    ON true;

-- What decides whether the call is open, and who joins it.
-- sql: visit_door one
-- in:  id uuid, account_id uuid
-- out: status text, starts_at time, ends_at time, account_id uuid,
--      key record_key, display_name sealed(account_display_name, account_id),
--      records bool, recorded bool, guest_role text, guest_admitted bool
SELECT v.status, v.starts_at, v.ends_at, a.id AS account_id,
       k.subject_id, k.version, k.wrapped, a.display_name,
       c.recording = 1 AS records, EXISTS (
           SELECT 1 FROM recording g
            WHERE g.clinic_id = v.clinic_id AND g.visit_id = v.id
              AND g.state IN ('consent', 'recording')) AS recorded,
       u.role AS guest_role, u.admitted_at IS NOT NULL AS guest_admitted
  FROM visit v
  JOIN clinic c ON c.id = v.clinic_id
  JOIN account a ON a.clinic_id = v.clinic_id AND a.id = $2::uuid
  LEFT JOIN guest u ON u.clinic_id = a.clinic_id AND u.id = a.id
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid;

-- What who waits may know: when, with whom and at which clinic. No PHI.
-- sql: visit_lobby one
-- in:  id uuid, closed_at time
-- out: id uuid, status text, starts_at time, ends_at time, clinic_name text,
--      time_zone text, clinician_id uuid, key record_key,
--      clinician_name sealed(account_display_name, clinician_id)
SELECT v.id, visit_status(v.status, v.ends_at, $2::timestamptz) AS status,
       v.starts_at, v.ends_at, c.name AS clinic_name, c.time_zone, v.clinician_id,
       k.subject_id, k.version, k.wrapped, a.display_name
  FROM visit v
  JOIN clinic c ON c.id = v.clinic_id
  JOIN account a ON a.clinic_id = v.clinic_id AND a.id = v.clinician_id
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid;
