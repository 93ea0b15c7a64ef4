-- The first flight of every request that is signed in: whose session it is,
-- and how its actor stands to the subject of the route.

-- sql: session_enter one
-- in:  hash bytes, background bool, kind text, subject uuid
-- out: clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid, role text, client text, state text, step_up_until time, idle_expires_at time, expires_at time, password_expires_at time, subject_patient uuid, is_self bool, is_care bool, is_part bool
SELECT s.clinic_id, s.session_id, s.account_id, s.patient_id, s.role, s.client,
       s.state, s.step_up_until, s.idle_expires_at, s.expires_at,
       s.password_expires_at, r.patient_id, coalesce(r.is_self, false),
       coalesce(r.is_care, false), coalesce(r.is_part, false)
  FROM session_open($1, $2) s
  LEFT JOIN LATERAL relation($3, $4, s.clinic_id, s.account_id) r ON true;

-- What a socket acts with: its session's token may be another by now.
-- sql: session_hash one
-- in:  id uuid
-- out: hash bytes
SELECT hash FROM session
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL;
