-- Who may try a factor, and how often: taken before the factor is looked at.

-- Always one row; nil ids where no account has this sign-in name.
--= IA-11
-- sql: sign_in_take one
-- in:  email_token bytes
-- out: clinic_id uuid, account_id uuid, role text, password_hash text,
--      blocked_until time
SELECT clinic_id, account_id, role, password_hash,
       CASE WHEN blocked_until = 'infinity' THEN '9999-12-31T00:00:00Z'::timestamptz
            ELSE blocked_until END AS blocked_until
  FROM sign_in_take($1::bytea);

-- The same for who is signed in already; the clinic's policy says how many.
--= IA-09, IA-10
-- sql: attempt_take_own one
-- in:  account_id uuid, factor text
-- out: blocked_until time
SELECT CASE WHEN b = 'infinity' THEN '9999-12-31T00:00:00Z'::timestamptz ELSE b END
       AS blocked_until
  FROM clinic c, attempt_take(c.id, $1::uuid, $2::text, c.failures_before_delay) AS b
 WHERE c.id = current_clinic();

-- Success clears the count of its factor; NULL clears all (an administrator's unlock).
-- sql: attempt_reset later
-- in:  account_id uuid, factor text
UPDATE attempt SET failures = 0, blocked_until = NULL
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
   AND ($2::text IS NULL OR factor = $2) AND failures > 0;
