-- previous: sha256:762ec2031672be4254f3ee1697e232064e8331b5195b81727c26936c72f64d0f   purpose: the sweep of sockets looks up each session once
--
-- Each worker asks this every two seconds for all of its sockets. The planner
-- takes an array for ten rows: left to join them as it liked, it read the
-- accounts first and looked up every session once for each of them. Hence the
-- subquery for each row, which it cannot take apart.

-- Which of these sessions have ended? (for sockets that are open.) Those that
-- are part of a call are used by it: they do not run idle, yet end in time.
--= SE-02: the sweep that closes their sockets asks this; a call is activity
CREATE OR REPLACE FUNCTION sessions_ended(clinics uuid[], ids uuid[], active uuid[])
    RETURNS TABLE (id uuid)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT i.clinic_id, i.id, live.seen_at
          FROM unnest(clinics, ids) AS i(clinic_id, id)
          LEFT JOIN LATERAL (
               SELECT s.seen_at FROM session s
                WHERE s.clinic_id = i.clinic_id AND s.id = i.id
                  AND s.ended_at IS NULL AND clock_timestamp() < s.expires_at
                  AND clock_timestamp() < s.seen_at + make_interval(secs => s.idle_s)
                  AND (SELECT a.deactivated_at IS NULL FROM account a
                        WHERE a.clinic_id = s.clinic_id AND a.id = s.account_id)
               OFFSET 0) AS live ON true),
    stale AS MATERIALIZED (
        SELECT asked.clinic_id, asked.id FROM asked
         WHERE seen_at < clock_timestamp() - interval '20 seconds'
           AND asked.id IN (SELECT unnest(active))),
    touched AS (
        UPDATE session s SET seen_at = clock_timestamp() FROM stale
         WHERE s.clinic_id = stale.clinic_id AND s.id = stale.id)
    SELECT asked.id FROM asked WHERE seen_at IS NULL
$$;
