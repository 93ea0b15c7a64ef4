-- The first round trip of every request that is signed in: whose session it is,
-- and how its actor stands to the subject of the route.

-- A request shows a token. A socket has none: its session, whose token may be
-- another by now, is named in a context that was set to its clinic.
-- sql: session_enter one
-- in:  hash bytes, background bool, kind text, subject uuid, session_id uuid
-- out: clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid, role text, client text, state text, step_up_until time, rebind_until time, idle_expires_at time, expires_at time, password_expires_at time, subject_patient uuid, is_self bool, is_care bool, is_part bool
SELECT s.clinic_id, s.session_id, s.account_id, s.patient_id, s.role, s.client,
       s.state, s.step_up_until, s.rebind_until, s.idle_expires_at, s.expires_at,
       s.password_expires_at, r.patient_id, coalesce(r.is_self, false),
       coalesce(r.is_care, false), coalesce(r.is_part, false)
  FROM session_open(coalesce($1::bytea, (SELECT o.hash FROM session o
        WHERE o.clinic_id = current_clinic() AND o.id = $5::uuid)), $2) s
  LEFT JOIN LATERAL relation($3, $4, s.clinic_id, s.account_id) r ON true;
