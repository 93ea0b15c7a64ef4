-- Who may try a factor, and how often: taken before the factor is looked at.

-- Always one row; nil ids where no account has this sign-in name.
--= IA-11
-- sql: sign_in_take one
-- in:  email_tokens bytes[], device bytes, network bytes
-- out: clinic_id uuid, account_id uuid, role text, password_hash text,
--      wait_until time, warn bool
SELECT clinic_id, account_id, role, password_hash,
       CASE WHEN wait_until = 'infinity' THEN '9999-12-31T00:00:00Z'::timestamptz
            ELSE wait_until END AS wait_until, coalesce(warn, false) AS warn
  FROM sign_in_take($1::bytea[], $2::bytea, $3::bytea);

-- The same for who is signed in already; the clinic's policy says how many.
--= IA-09, IA-10
-- sql: attempt_take_own one
-- in:  account_id uuid, factor text, device bytes, network bytes
-- out: wait_until time, warn bool
SELECT CASE WHEN t.wait_until = 'infinity' THEN '9999-12-31T00:00:00Z'::timestamptz
            ELSE t.wait_until END AS wait_until, coalesce(t.warn, false) AS warn
  FROM clinic c, attempt_take(c.id, $1::uuid, $2::text, c.failures_before_delay,
           attempt_source(c.id, $1, $3::bytea, $4::bytea)) AS t
 WHERE c.id = current_clinic();

-- The owner is about to be told that others guess: once a day, by one of those
-- who would tell at the same time.
-- sql: account_warn exec
-- in:  account_id uuid
UPDATE account SET warned_at = clock_timestamp()
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND (warned_at IS NULL OR warned_at < clock_timestamp() - interval '1 day');

-- Success clears the count of its factor where it was, and nowhere else: an owner
-- at home does not give strangers more guesses.
-- sql: attempt_forget later
-- in:  account_id uuid, factor text, device bytes, network bytes
UPDATE attempt SET failures = 0, blocked_until = NULL
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
   AND factor = $2::text AND failures > 0
   AND source = attempt_source(current_clinic(), $1, $3::bytea, $4::bytea);

-- A factor that is another from now on was guessed at by nobody; NULL clears
-- all (an administrator's unlock).
-- sql: attempt_reset later
-- in:  account_id uuid, factor text
UPDATE attempt SET failures = 0, blocked_until = NULL
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
   AND ($2::text IS NULL OR factor = $2) AND failures > 0;

-- sql: attempt_stopped one
-- in:  account_id uuid
-- out: stopped bool
SELECT EXISTS (SELECT FROM attempt a
        WHERE a.clinic_id = current_clinic() AND a.account_id = $1::uuid
          AND attempt_stopped(a)) AS stopped;

-- news: not the first sign-in, and from a device or network that is new.
-- sql: source_note one
-- in:  account_id uuid, was bytes, device bytes, network bytes, session_id uuid
-- out: news bool
SELECT n.news AND s.previous_at IS NOT NULL AS news
  FROM session s
 CROSS JOIN source_note(s.clinic_id, $1::uuid, $2::bytea, $3::bytea, $4::bytea) AS n(news)
 WHERE s.clinic_id = current_clinic() AND s.id = $5::uuid AND s.account_id = $1;

-- A password that others know, or a reset: no place is known any more.
-- sql: source_forget later
-- in:  account_id uuid
DELETE FROM known_source
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid;
