-- What a clinic decides about passwords, sessions and codes.

-- sql: policy_get one
-- out: name text, time_zone text, password_max_age_days int,
--      password_min_length int, password_history int,
--      idle_minutes_workforce int, idle_minutes_patient int,
--      session_hours int, totp_window_steps int, failures_before_delay int,
--      care_days_after_visit int, emergency_minutes int, recording int,
--      recording_days int, recording_patient int, checkpoint_mail text,
--      audit_years int, audit_hold int, version int
SELECT name, time_zone, password_max_age_days::bigint,
       password_min_length::bigint, password_history::bigint,
       idle_minutes_workforce::bigint, idle_minutes_patient::bigint,
       session_hours::bigint, totp_window_steps::bigint,
       failures_before_delay::bigint, care_days_after_visit::bigint,
       emergency_minutes::bigint,
       recording::bigint, recording_days::bigint, recording_patient::bigint,
       checkpoint_mail, audit_years::bigint, audit_hold::bigint, version
  FROM clinic
 WHERE id = current_clinic();

-- sql: policy_update exec
-- in:  password_max_age_days int, password_min_length int,
--      password_history int, idle_minutes_workforce int,
--      idle_minutes_patient int, session_hours int, totp_window_steps int,
--      failures_before_delay int, care_days_after_visit int,
--      emergency_minutes int, recording int, recording_days int,
--      recording_patient int, version int, checkpoint_mail text, audit_years int,
--      audit_hold int
UPDATE clinic SET password_max_age_days = $1::bigint,
       password_min_length = $2::bigint, password_history = $3::bigint,
       idle_minutes_workforce = $4::bigint, idle_minutes_patient = $5::bigint,
       session_hours = $6::bigint, totp_window_steps = $7::bigint,
       failures_before_delay = $8::bigint,
       care_days_after_visit = $9::bigint, emergency_minutes = $10::bigint,
       recording = $11::bigint, recording_days = $12::bigint,
       recording_patient = $13::bigint,
       checkpoint_mail = $15::text, audit_years = $16::bigint,
       audit_hold = $17::bigint, version = version + 1
 WHERE id = current_clinic() AND version = $14::bigint;
