-- The first round trip of every request that is signed in: whose session it is,
-- and how its actor stands to the subject of the route.

-- A request shows a token. A socket has none: its session, whose token may be
-- another by now, is named in a context that was set to its clinic.
-- sql: session_enter one
-- in:  hash bytes, session_id uuid, background bool, kind text, subject uuid
-- out: clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid, role text, client text, state text, step_up_until time, rebind_until time, idle_expires_at time, expires_at time, password_expires_at time, subject_patient uuid, is_self bool, is_care bool, is_part bool, is_emergency bool
SELECT * FROM session_open($1, $2, $3, $4, $5);
