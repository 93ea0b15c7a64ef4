-- Sessions: opened by a sign-in or an invitation, renewed by each factor, ended
-- by their owner, by an administrator, or by the clock.

-- Before the second factor a session is good for that factor alone, and briefly.
--= IA-03: five minutes for the code; longer to set up an authenticator
--= SE-01: the idle limit is the role's
-- sql: session_insert one
-- in:  id uuid, account_id uuid, hash bytes, client text, user_agent text,
--      address text, now time
-- out: state text, expires_at time
INSERT INTO session AS s (clinic_id, id, account_id, hash, client, user_agent,
       address, created_at, seen_at, idle_s, expires_at)
SELECT a.clinic_id, $1::uuid, a.id, $3::bytea, $4::text, $5::text, $6::text,
       $7::timestamptz, $7,
       60 * CASE a.role WHEN 'patient' THEN c.idle_minutes_patient
            ELSE c.idle_minutes_workforce END,
       $7 + CASE WHEN a.totp_confirmed_at IS NULL THEN interval '30 minutes'
            ELSE interval '5 minutes' END
  FROM account a
  JOIN clinic c ON c.id = a.clinic_id
 WHERE a.clinic_id = current_clinic() AND a.id = $2::uuid
   AND a.deactivated_at IS NULL
RETURNING (SELECT session_state(NULL, a.totp_confirmed_at, NULL, NULL, $7)
             FROM account a
            WHERE a.clinic_id = s.clinic_id AND a.id = s.account_id) AS state,
          s.expires_at;

-- A new token in place of the old one, which opens nothing from now on. The
-- first factor starts the full life of the session; later ones do not extend it.
--= SE-03, SE-01
-- sql: session_renew one
-- in:  id uuid, hash bytes, factor_at time, step_up_until time,
--      rebind_until time, now time
-- out: state text, display_name_key record_key, account_id uuid,
--      display_name sealed(account_display_name, account_id, display_name_key),
--      role text, clinic_name text
UPDATE session s SET hash = $2::bytea,
       factor_at = coalesce($3::timestamptz, s.factor_at),
       step_up_until = coalesce($4::timestamptz, s.step_up_until),
       rebind_until = CASE WHEN $3 IS NULL THEN s.rebind_until
           ELSE $5::timestamptz END,
       seen_at = $6::timestamptz,
       expires_at = CASE WHEN s.factor_at IS NULL AND $3 IS NOT NULL
           THEN $6 + make_interval(hours => c.session_hours)
           ELSE s.expires_at END
  FROM account a, clinic c, record_key k
 WHERE s.clinic_id = current_clinic() AND s.id = $1::uuid AND s.ended_at IS NULL
   AND a.clinic_id = s.clinic_id AND a.id = s.account_id
   AND a.deactivated_at IS NULL AND c.id = s.clinic_id
   AND k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
RETURNING session_state(s.factor_at, a.totp_confirmed_at, a.compromised_at,
              password_expiry(a.password_changed_at, c.password_max_age_days), $6)
              AS state,
          k.subject_id, k.version, k.wrapped, a.id AS account_id, a.display_name,
          a.role, c.name AS clinic_name;

-- What a person is told who has just signed in: when they last did, and how many
-- attempts failed since, as far as a month goes back.
--= IA-09
-- sql: session_since later
-- in:  id uuid, account_id uuid, now time
UPDATE session s SET previous_at = a.last_sign_in_at,
       failed = coalesce((SELECT sum(coalesce(l.count, 1))
         FROM audit_log l
         JOIN audit_word o ON o.id = l.outcome
         JOIN audit_word e ON e.id = l.event
        WHERE l.clinic_id = current_clinic() AND l.actor_id = $2::uuid
          AND l.outcome IS NOT NULL
          AND audit_day(l.at) >= audit_day(greatest(a.last_sign_in_at,
                  $3::timestamptz - interval '30 days'))
          AND l.at > greatest(a.last_sign_in_at, $3 - interval '30 days')
          AND o.word IN ('invalid_credentials', 'invalid_code')
          AND e.word IN ('session.created', 'session.factor', 'session.recovered')), 0)
  FROM account a
 WHERE s.clinic_id = current_clinic() AND s.id = $1::uuid
   AND a.clinic_id = s.clinic_id AND a.id = $2;

-- sql: session_owner one
-- in:  id uuid, session_id uuid
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      clinic_name text, time_zone text, previous_at time, failed int,
--      password_min_length int, visit_id uuid, guest_role text
SELECT a.id, k.subject_id, k.version, k.wrapped, a.display_name, c.name AS clinic_name,
       c.time_zone, s.previous_at, coalesce(s.failed, 0)::bigint AS failed,
       c.password_min_length::bigint AS password_min_length, g.visit_id,
       g.role AS guest_role
  FROM account a
  JOIN clinic c ON c.id = a.clinic_id
  LEFT JOIN guest g ON g.clinic_id = a.clinic_id AND g.id = a.id
  LEFT JOIN session s ON s.clinic_id = a.clinic_id AND s.id = $2::uuid
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid;

-- sql: session_list many
-- in:  account_id uuid, before uuid, limit int, now time
-- out: id uuid, client text, user_agent text, address text, created_at time,
--      seen_at time, expires_at time
SELECT id, client, user_agent, address, created_at, seen_at, expires_at
  FROM session
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
   AND ended_at IS NULL AND expires_at > $4::timestamptz
   AND seen_at + make_interval(secs => idle_s) > $4
   AND ($2::uuid IS NULL OR id < $2)
 ORDER BY id DESC
 LIMIT $3::bigint;

-- sql: session_end exec
-- in:  id uuid, account_id uuid, now time
UPDATE session SET ended_at = $3::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND account_id = $2::uuid AND ended_at IS NULL;

-- All of an account's sessions, but one if `besides` is given.
--= SE-06, AZ-05
-- sql: session_end_all later
-- in:  account_id uuid, besides uuid, now time
UPDATE session SET ended_at = $3::timestamptz
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
   AND ended_at IS NULL AND ($2::uuid IS NULL OR id <> $2);

-- The oldest give way, and those whose time ran out are closed for good.
-- Sessions that lack their second factor are counted by themselves, so that
-- somebody with a password alone can sign nobody out.
--= SE-10
-- sql: session_cap later
-- in:  account_id uuid, keep int, now time
UPDATE session SET ended_at = $3::timestamptz
 WHERE clinic_id = current_clinic() AND id IN (
       SELECT o.id FROM (
           SELECT l.id, l.alive, row_number() OVER (
                      PARTITION BY l.alive, l.half ORDER BY l.id DESC) AS place
             FROM (SELECT id, factor_at IS NULL AS half,
                          expires_at > $3
                          AND seen_at + make_interval(secs => idle_s) > $3 AS alive
                     FROM session
                    WHERE clinic_id = current_clinic()
                      AND account_id = $1::uuid AND ended_at IS NULL) AS l) AS o
        WHERE NOT o.alive OR o.place > $2::bigint);

-- A guest's: without a second factor, and as long as the visit may last. It does
-- not run idle, as it opens no record, and who waits does nothing.
--= SE-01
-- sql: guest_session_insert later
-- in:  id uuid, account_id uuid, hash bytes, client text, user_agent text,
--      address text, now time, expires_at time
INSERT INTO session (clinic_id, id, account_id, hash, client, user_agent,
       address, created_at, seen_at, idle_s, expires_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::bytea, $4::text, $5::text, $6::text,
       $7::timestamptz, $7, extract(epoch FROM $8::timestamptz - $7)::bigint, $8);

-- A new idle limit holds for the sessions that are open, too.
-- sql: session_idle_apply later
-- in:  workforce_minutes int, patient_minutes int
UPDATE session s SET idle_s = 60 * CASE a.role WHEN 'patient' THEN $2::bigint
       ELSE $1::bigint END
  FROM account a
 WHERE s.clinic_id = current_clinic() AND s.ended_at IS NULL
   AND a.clinic_id = s.clinic_id AND a.id = s.account_id AND a.role <> 'guest';
