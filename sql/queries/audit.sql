-- Reading the log. Names are opened from the accounts as they are now; a search
-- that returned a patient counts as access to that patient.

-- sql: audit_list many
-- in:  from_at time, to_at time, actor_id uuid, patient_id uuid, action text,
--      outcome text, before_us int?, before int?, limit int, nobody bool
-- out: seq int, at time, at_us int, event text, action text, outcome text,
--      actor_id uuid, actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id),
--      patient_id uuid, record_id uuid, returned uuid[], address text,
--      request_id uuid, operation text, purpose text, count int
SELECT l.seq, l.at, (extract(epoch FROM l.at) * 1000000)::bigint, e.word,
       l.action::text, coalesce(o.word, 'ok'), l.actor_id, r.word,
       k.subject_id, k.version, k.box, a.display_name,
       l.patient_id, coalesce(l.record_id, l.patient_id), l.returned,
       coalesce(abbrev(l.address), 'none'), l.request_id, f.word, p.word,
       coalesce(l.count, 1)::bigint
  FROM audit_page($1::timestamptz, $2::timestamptz, $3::uuid, $4::uuid,
       $5::text, $6::text,
       to_timestamp(0) + $7::bigint * interval '1 microsecond',
       $8::bigint, $9::bigint, $10::boolean, NULL) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word f ON f.id = l.operation
  JOIN audit_word p ON p.id = l.purpose
  LEFT JOIN audit_word o ON o.id = l.outcome
  LEFT JOIN audit_word r ON r.id = l.actor_role
  LEFT JOIN account a ON a.clinic_id = l.clinic_id AND a.id = l.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 ORDER BY l.at DESC, l.seq DESC;

-- Who saw this record. A refusal showed nothing and is left out. `besides`
-- leaves out one account: patients know when they looked themselves.
-- sql: patient_accesses many
-- in:  patient_id uuid, besides uuid, before_us int?, before int?, limit int
-- out: seq int, at time, at_us int, event text, action text, actor_id uuid,
--      actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id), purpose text,
--      count int
SELECT l.seq, l.at, (extract(epoch FROM l.at) * 1000000)::bigint, e.word,
       l.action::text, l.actor_id, r.word, k.subject_id, k.version, k.box,
       a.display_name, p.word, coalesce(l.count, 1)::bigint
  FROM audit_page(NULL, NULL, NULL, $1::uuid, NULL, 'ok',
       to_timestamp(0) + $3::bigint * interval '1 microsecond',
       $4::bigint, $5::bigint, false, $2::uuid) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word p ON p.id = l.purpose
  LEFT JOIN audit_word r ON r.id = l.actor_role
  LEFT JOIN account a ON a.clinic_id = l.clinic_id AND a.id = l.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 ORDER BY l.at DESC, l.seq DESC;
