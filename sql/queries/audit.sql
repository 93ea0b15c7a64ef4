-- Reading the log. Names are opened from the accounts as they are now; a search
-- that returned a patient counts as access to that patient.

-- Who acted: role r and account a with its key k. The newest first.
-- text: actor_joined
  LEFT JOIN audit_word r ON r.id = l.actor_role
  LEFT JOIN account a ON a.clinic_id = l.clinic_id AND a.id = l.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 ORDER BY l.at DESC, l.seq DESC

-- How often it happened: as a page's own reading is counted beside the log.
-- text: times
coalesce(l.count, 1) + coalesce((
           SELECT b.more FROM audit_background b
            WHERE b.clinic_id = l.clinic_id AND b.first_seq = l.seq), 0)

-- sql: audit_list many
-- in:  from_at time, to_at time, actor_id uuid, patient_id uuid, action text,
--      outcome text, before_us int?, before int?, limit int, nobody bool
-- out: seq int, at time, at_us int, event text, action text, outcome text,
--      actor_id uuid, actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id), actor_patient uuid,
--      session text, patient_id uuid, record_id uuid, returned uuid[],
--      address text, request_id uuid, operation text, purpose text, count int
SELECT l.seq, l.at, (extract(epoch FROM l.at) * 1000000)::bigint, e.word,
       l.action::text, coalesce(o.word, 'ok'), l.actor_id, r.word,
       k.subject_id, k.version, k.wrapped, a.display_name, a.patient_id,
       lpad(to_hex(l.session), 16, '0'), l.patient_id, coalesce(l.record_id, l.patient_id), l.returned,
       coalesce(abbrev(l.address), 'none'), l.request_id, f.word, p.word,
       {times}  FROM audit_page($1::timestamptz, $2::timestamptz, $3::uuid, $4::uuid,
       $5::text, $6::text,
       to_timestamp(0) + $7::bigint * interval '1 microsecond',
       $8::bigint, $9::bigint, $10::boolean, NULL) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word f ON f.id = l.operation
  JOIN audit_word p ON p.id = l.purpose
  LEFT JOIN audit_word o ON o.id = l.outcome
{actor_joined};

-- Who saw this record. A refusal showed nothing and is left out. `besides`
-- leaves out one account: patients know when they looked themselves.
-- sql: patient_accesses many
-- in:  patient_id uuid, besides uuid, before_us int?, before int?, limit int
-- out: seq int, at time, at_us int, event text, action text, actor_id uuid,
--      actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id), purpose text,
--      count int
SELECT l.seq, l.at, (extract(epoch FROM l.at) * 1000000)::bigint, e.word,
       l.action::text, l.actor_id, r.word, k.subject_id, k.version, k.wrapped,
       a.display_name, p.word,
       {times}  FROM audit_page(NULL, NULL, NULL, $1::uuid, NULL, 'ok',
       to_timestamp(0) + $3::bigint * interval '1 microsecond',
       $4::bigint, $5::bigint, false, $2::uuid) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word p ON p.id = l.purpose
{actor_joined};

-- The same, a row for each person, purpose and day of a time zone: its last event,
-- when the first was, and all kinds of events of it. NULL seen_us: until now.
-- sql: patient_access_days many
-- in:  patient_id uuid, besides uuid, zone text, seen_us int?, before_us int?,
--      before int?, limit int
-- out: seq int, at time, at_us int, seen_us int, first_at time, day date,
--      event text, events text[], action text, actor_id uuid, actor_role text,
--      key record_key, actor_name sealed(account_display_name, actor_id),
--      purpose text, count int
SELECT l.seq, l.at, (extract(epoch FROM l.at) * 1000000)::bigint,
       (extract(epoch FROM s.at) * 1000000)::bigint, l.first_at, l.day,
       e.word, (SELECT array_agg(w.word ORDER BY w.word) FROM audit_word w
                 WHERE w.id = ANY (l.events)),
       l.action::text, l.actor_id, r.word, k.subject_id, k.version, k.wrapped,
       a.display_name, p.word, l.count::bigint
  FROM (SELECT coalesce(to_timestamp(0) + $4::bigint * interval '1 microsecond',
               clock_timestamp()) AS at OFFSET 0) AS s
 CROSS JOIN LATERAL audit_days($1::uuid, $2::uuid, $3::text, s.at,
       to_timestamp(0) + $5::bigint * interval '1 microsecond',
       $6::bigint, $7::bigint) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word p ON p.id = l.purpose
  LEFT JOIN audit_word r ON r.id = l.actor_role
  LEFT JOIN account a ON a.clinic_id = current_clinic() AND a.id = l.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 ORDER BY l.at DESC, l.seq DESC;

-- The zone that a person's days are counted in: theirs, or else the clinic's.
-- NULL for one that there is not.
-- sql: zone_choose one
-- in:  zone text
-- out: zone text
SELECT CASE WHEN zone_known(z.zone) THEN z.zone END
  FROM (SELECT coalesce($1::text, c.time_zone) AS zone FROM clinic c
         WHERE c.id = current_clinic()) AS z;

-- Those who work here or did, in the order in which they came: the officer finds
-- who acted among them by name.
-- sql: audit_staff many
-- in:  after uuid, limit int
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      role text
SELECT a.id, k.subject_id, k.version, k.wrapped, a.display_name, a.role
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.role IN ('admin', 'clinician', 'scheduler', 'compliance')
   AND ($1::uuid IS NULL OR a.id > $1)
 ORDER BY a.id
 LIMIT $2::bigint;

-- What tells patients apart, in the order of `ids`, and their accounts.
--= AZ-02: of a record no more than says whose it is
-- sql: audit_patients many
-- in:  ids uuid[]
-- out: id uuid, key record_key, family_name sealed(patient_family_name),
--      given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), mrn sealed(patient_mrn),
--      account_id uuid
SELECT p.id, k.subject_id, k.version, k.wrapped, p.family_name, p.given_name,
       p.birth_date, p.mrn, a.id
  FROM unnest($1::uuid[]) WITH ORDINALITY AS i(id, place)
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = i.id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version AND k.wrapped IS NOT NULL
  LEFT JOIN account a ON a.clinic_id = p.clinic_id AND a.patient_id = p.id
 ORDER BY i.place;

-- Are the events of nobody this clinic's to see?
-- sql: audit_nobody_seen one
-- out: seen bool
SELECT audit_nobody() IS NOT NULL;

-- The log for whoever runs the server, as the tables' owner: without names. A
-- clinic's, or where it is NULL the events of nobody.
-- sql: audit_operator many
-- in:  clinic_id uuid, from_at time, to_at time, limit int
-- out: seq int, at time, event text, action text, outcome text, actor_id uuid,
--      actor_role text, patient_id uuid, record_id uuid, address text,
--      request_id uuid, operation text, purpose text, count int
SELECT l.seq, l.at, e.word, l.action::text, coalesce(o.word, 'ok'), l.actor_id,
       r.word, l.patient_id, coalesce(l.record_id, l.patient_id),
       coalesce(abbrev(l.address), 'none'), l.request_id, f.word, p.word,
       {times}  FROM (SELECT * FROM audit_log t
         WHERE t.clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
           AND audit_minute(t.at) BETWEEN audit_minute($2::timestamptz)
               AND audit_minute($3::timestamptz)
           AND t.at >= $2 AND t.at < $3
         ORDER BY audit_minute(t.at) DESC, t.at DESC, t.seq DESC
         LIMIT $4::bigint) AS l
  JOIN audit_word e ON e.id = l.event
  JOIN audit_word f ON f.id = l.operation
  JOIN audit_word p ON p.id = l.purpose
  LEFT JOIN audit_word o ON o.id = l.outcome
  LEFT JOIN audit_word r ON r.id = l.actor_role
 ORDER BY l.at DESC, l.seq DESC;
