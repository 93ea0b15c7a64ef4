-- How a patient was read before that became cheaper, which the statements of
-- today are measured against (make bench) on the same database and data. Frozen:
-- it follows no change of sql/. The functions and the log of then, in a schema of
-- their own; then the statements, as sql/queries had them. They took two round
-- trips: session and record (patient_get), then the audit row.

CREATE SCHEMA before;
GRANT USAGE ON SCHEMA before TO epione_server;

CREATE FUNCTION before.session_open(token_hash bytea, background boolean)
    RETURNS TABLE (
        clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid,
        role text, client text, state text, step_up_until timestamptz,
        rebind_until timestamptz, idle_expires_at timestamptz,
        expires_at timestamptz, password_expires_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
AS $$
DECLARE
    r record;
    t timestamptz := clock_timestamp();
BEGIN
    SELECT s.clinic_id, s.id, s.account_id, s.client, s.seen_at, s.idle_s,
           s.expires_at, s.factor_at, s.step_up_until, s.rebind_until,
           a.role, a.patient_id, a.totp_confirmed_at, a.compromised_at,
           password_expiry(a.password_changed_at, c.password_max_age_days)
               AS password_expires_at
      INTO r
      FROM session s
      JOIN account a ON a.clinic_id = s.clinic_id AND a.id = s.account_id
      JOIN clinic c ON c.id = s.clinic_id
     WHERE s.hash = token_hash
       AND s.ended_at IS NULL AND a.deactivated_at IS NULL
       AND t < s.expires_at
       AND t < s.seen_at + make_interval(secs => s.idle_s);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF NOT background AND r.seen_at < t - interval '5 seconds' THEN
        UPDATE session s SET seen_at = t
         WHERE s.clinic_id = r.clinic_id AND s.id = r.id;
        r.seen_at := t;
    END IF;
    PERFORM set_config('epione.clinic', r.clinic_id::text, true),
            set_config('epione.actor', r.account_id::text, true);
    RETURN QUERY SELECT r.clinic_id, r.id, r.account_id, r.patient_id, r.role,
        r.client,
        session_state(r.factor_at, r.totp_confirmed_at, r.compromised_at,
            r.password_expires_at, t),
        r.step_up_until, r.rebind_until, r.seen_at + make_interval(secs => r.idle_s),
        r.expires_at, r.password_expires_at;
END $$;

CREATE FUNCTION before.relation(kind text, subject uuid, clinic uuid, actor uuid)
    RETURNS TABLE (patient_id uuid, is_self boolean, is_care boolean, is_part boolean)
    LANGUAGE sql STABLE SECURITY INVOKER ROWS 1
AS $$
    SELECT p.id,
        EXISTS (SELECT 1 FROM account a WHERE a.clinic_id = clinic
                AND a.id = actor AND a.patient_id = p.id),
        t.account_id IS NOT NULL,
        false
      FROM patient p
      LEFT JOIN care_team t ON t.clinic_id = clinic AND t.patient_id = p.id
       AND t.account_id = actor AND t.until > now()
     WHERE kind = 'patient' AND p.clinic_id = clinic AND p.id = subject
    UNION ALL
    SELECT v.patient_id,
        EXISTS (SELECT 1 FROM account a WHERE a.clinic_id = clinic
                AND a.id = actor AND a.patient_id = v.patient_id),
        coalesce(t.until > now(), false),
        (v.clinician_id = actor AND t.account_id IS NOT NULL
            AND t.removed_at IS NULL) OR
        EXISTS (SELECT 1 FROM account a WHERE a.clinic_id = clinic
                AND a.id = actor AND a.patient_id = v.patient_id)
      FROM visit v
      LEFT JOIN care_team t ON t.clinic_id = clinic
       AND t.patient_id = v.patient_id AND t.account_id = actor
     WHERE kind = 'visit' AND v.clinic_id = clinic AND v.id = subject
$$;

CREATE TABLE before.audit_log (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    clinic_id    uuid NOT NULL,
    actor_id     uuid,
    session      bigint,             -- the last half of its id
    request_id   uuid NOT NULL,
    patient_id   uuid,
    record_id    uuid,               -- NULL: the patient's own record, if any
    event        smallint NOT NULL,
    outcome      smallint,           -- NULL: ok
    operation    smallint NOT NULL,
    actor_role   smallint,
    purpose      smallint NOT NULL,
    action       "char" NOT NULL CHECK (action IN ('C', 'R', 'U', 'D', 'E')),
    address      inet,               -- NULL: none is known
    count        integer CHECK (count > 1), -- NULL: it happened once
    returned     uuid[] CHECK (returned <> '{}')
) PARTITION BY RANGE (at);
CREATE INDEX audit_log_seq ON before.audit_log USING brin (seq);
CREATE INDEX audit_log_minute ON before.audit_log (clinic_id, audit_minute(at));
CREATE INDEX audit_log_actor ON before.audit_log (actor_id, audit_day(at)) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_patient ON before.audit_log (uuid_hash(patient_id)) WHERE patient_id IS NOT NULL;
CREATE INDEX audit_log_returned ON before.audit_log USING gin (returned) WITH (fastupdate = off) WHERE returned IS NOT NULL;
CREATE INDEX audit_log_action ON before.audit_log (clinic_id, action, audit_hour(at)) WHERE action <> 'R';
CREATE INDEX audit_log_actor_action ON before.audit_log (actor_id, action, audit_day(at)) WHERE action <> 'R' AND actor_id IS NOT NULL;
CREATE INDEX audit_log_outcome ON before.audit_log (clinic_id, outcome, audit_hour(at)) WHERE outcome IS NOT NULL;
CREATE INDEX audit_log_outcome_action ON before.audit_log (clinic_id, outcome, action, audit_hour(at)) WHERE outcome IS NOT NULL;
CREATE INDEX audit_log_actor_outcome ON before.audit_log (actor_id, outcome, audit_day(at)) WHERE outcome IS NOT NULL AND actor_id IS NOT NULL;

CREATE TABLE before.audit_log_month PARTITION OF before.audit_log FOR VALUES FROM ('2000-01-01') TO ('2100-01-01');
CREATE TABLE before.audit_log_other PARTITION OF before.audit_log DEFAULT;
ALTER TABLE before.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE before.audit_log_month ENABLE ROW LEVEL SECURITY;
CREATE POLICY any_clinic_write ON before.audit_log FOR INSERT
    WITH CHECK (clinic_id = coalesce(current_clinic(), '00000000-0000-0000-0000-000000000000'));
GRANT SELECT, INSERT ON before.audit_log TO epione_server;

-- sql: session_enter one
-- in:  hash bytes, background bool, kind text, subject uuid, session_id uuid
-- out: clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid, role text, client text, state text, step_up_until time, rebind_until time, idle_expires_at time, expires_at time, password_expires_at time, subject_patient uuid, is_self bool, is_care bool, is_part bool
SELECT s.clinic_id, s.session_id, s.account_id, s.patient_id, s.role, s.client,
       s.state, s.step_up_until, s.rebind_until, s.idle_expires_at, s.expires_at,
       s.password_expires_at, r.patient_id, coalesce(r.is_self, false),
       coalesce(r.is_care, false), coalesce(r.is_part, false)
  FROM before.session_open(coalesce($1::bytea, (SELECT o.hash FROM session o
        WHERE o.clinic_id = current_clinic() AND o.id = $5::uuid)), $2) s
  LEFT JOIN LATERAL before.relation($3, $4, s.clinic_id, s.account_id) r ON true;

-- sql: audit_insert later
-- in:  clinic_id uuid, event int, action text, outcome int?, actor_id uuid,
--      actor_role int?, session int?, purpose int, patient_id uuid,
--      record_id uuid, returned uuid[], address text, request_id uuid,
--      operation int, count int?
INSERT INTO before.audit_log (clinic_id, event, action, outcome, actor_id, actor_role,
       session, purpose, patient_id, record_id, returned, address,
       request_id, operation, count)
VALUES (coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'),
       $2::bigint, $3::text::"char", $4::bigint, $5::uuid, $6::bigint,
       $7::bigint, $8::bigint, $9::uuid, nullif($10::uuid, $9::uuid),
       nullif($11::uuid[], '{}'), nullif($12::text, '')::inet, $13::uuid,
       $14::bigint, nullif($15::bigint, 1));
