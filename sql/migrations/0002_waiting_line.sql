-- previous: sha256:762ec2031672be4254f3ee1697e232064e8331b5195b81727c26936c72f64d0f   purpose: where somebody who waits for a visit stands
--
-- Visits of one clinician do not overlap, but who waits for them does: people
-- come early, and visits last longer than planned.

-- For each of these visits: its place among those of its clinician that wait
-- (from 1), and when its turn is to be expected, as far as the plan tells: not
-- before its own time, and not before those before it have had theirs. Visits
-- whose window has closed are in nobody's way.
CREATE FUNCTION waiting_line(clinics uuid[], visits uuid[], open_after_s bigint)
    RETURNS TABLE (id uuid, place bigint, turn_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH clock AS (SELECT statement_timestamp() AS t)
    SELECT v.id,
           1 + count(*) FILTER (WHERE w.status = 'arrived'),
           greatest(v.starts_at, c.t + coalesce(sum(CASE w.status
               WHEN 'in_call' THEN greatest(interval '0',
                   w.admitted_at + (w.ends_at - w.starts_at) - c.t)
               ELSE w.ends_at - w.starts_at END), interval '0'))
      FROM clock c
     CROSS JOIN unnest(clinics, visits) AS i(clinic_id, id)
      JOIN visit v ON v.clinic_id = i.clinic_id AND v.id = i.id
      LEFT JOIN visit w ON w.clinic_id = v.clinic_id
       AND w.clinician_id = v.clinician_id AND w.id <> v.id
       AND w.starts_at > c.t - make_interval(secs => open_after_s) - interval '1 day'
       AND w.ends_at > c.t - make_interval(secs => open_after_s)
       AND (w.status = 'in_call'
           OR w.status = 'arrived' AND (w.starts_at, w.id) < (v.starts_at, v.id))
     GROUP BY v.id, v.starts_at, c.t
$$;

REVOKE ALL ON FUNCTION waiting_line FROM PUBLIC;
GRANT EXECUTE ON FUNCTION waiting_line TO epione_server;

-- verify
DO $$ BEGIN
    ASSERT has_function_privilege('epione_server',
        'waiting_line(uuid[], uuid[], bigint)', 'EXECUTE');
    ASSERT NOT has_function_privilege('epione_reporter',
        'waiting_line(uuid[], uuid[], bigint)', 'EXECUTE');
END $$;
