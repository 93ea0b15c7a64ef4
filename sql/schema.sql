-- Made by tools/schema.sh from sql/migrations; not run by anything.

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

CREATE TYPE public.access_found AS (
	account_id uuid,
	patient_id uuid,
	day date,
	found bigint,
	usual bigint
);

ALTER TYPE public.access_found OWNER TO epione_owner;

CREATE TYPE public.access_seen AS (
	clinic_id uuid,
	account_id uuid,
	patient_id uuid,
	day date,
	day_from timestamp with time zone,
	day_to timestamp with time zone
);

ALTER TYPE public.access_seen OWNER TO epione_owner;

CREATE TYPE public.audit_entry AS (
	tx bigint,
	seq bigint,
	clinic_id uuid,
	at timestamp with time zone,
	at_us bigint,
	event text,
	action text,
	outcome text,
	actor_id uuid,
	actor_role text,
	session text,
	patient_id uuid,
	record_id uuid,
	returned uuid[],
	address text,
	request_id uuid,
	operation text,
	purpose text,
	count bigint
);

ALTER TYPE public.audit_entry OWNER TO epione_owner;

CREATE FUNCTION public.access_colleague(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, s.patient_id, s.day, NULL::bigint, NULL::bigint
      FROM unnest(seen) AS s
     WHERE NOT access_visited(s, threshold)
       AND EXISTS (SELECT FROM access_staff(clinic, s.patient_id))
$$;

ALTER FUNCTION public.access_colleague(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_day_note(clinic uuid, seen public.access_seen[]) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO access_day AS d (clinic_id, account_id, day, records, hours, networks)
    SELECT clinic, s.account_id, s.day, count(DISTINCT a.patient_id),
           bit_or(1::bigint << extract(hour FROM a.at AT TIME ZONE c.time_zone)::integer),
           coalesce(array_agg(DISTINCT a.network) FILTER (WHERE a.network IS NOT NULL), '{}')
      FROM (SELECT DISTINCT s.account_id, s.day, s.day_from, s.day_to FROM unnest(seen) AS s) AS s
      JOIN clinic c ON c.id = clinic
     CROSS JOIN LATERAL access_of(clinic, s.account_id, s.day_from, s.day_to) AS a
     GROUP BY s.account_id, s.day
        ON CONFLICT (clinic_id, account_id, day) DO UPDATE
           SET records = EXCLUDED.records, hours = EXCLUDED.hours, networks = EXCLUDED.networks
$$;

ALTER FUNCTION public.access_day_note(clinic uuid, seen public.access_seen[]) OWNER TO epione_owner;

CREATE FUNCTION public.access_dormant(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, s.patient_id, s.day, threshold, NULL::bigint
      FROM unnest(seen) AS s
     CROSS JOIN LATERAL (SELECT s.day_from - make_interval(days => threshold::integer) AS at) AS since
      JOIN patient p ON p.clinic_id = clinic AND p.id = s.patient_id AND p.created_at < since.at
     WHERE NOT access_visited(s, 7) AND NOT access_worked(s)
       AND NOT EXISTS (SELECT FROM audit_log l
            WHERE uuid_hash(l.patient_id) = uuid_hash(s.patient_id)
              AND l.patient_id = s.patient_id AND l.clinic_id = clinic
              AND l.at >= since.at AND l.at < s.day_to
              AND l.actor_id <> s.account_id AND l.outcome IS NULL)
$$;

ALTER FUNCTION public.access_dormant(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_household(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, s.patient_id, s.day, NULL::bigint, NULL::bigint
      FROM unnest(seen) AS s
      JOIN patient p ON p.clinic_id = clinic AND p.id = s.patient_id
     WHERE NOT access_visited(s, threshold)
       AND EXISTS (SELECT FROM (
               SELECT q.id FROM patient q
                WHERE q.clinic_id = clinic AND q.phone_token = p.phone_token AND q.id <> p.id
                ORDER BY q.id LIMIT 20) AS q
            WHERE s.account_id IN (SELECT access_staff(clinic, q.id)))
$$;

ALTER FUNCTION public.access_household(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_many_records(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT d.account_id, NULL::uuid, d.day, d.records, u.usual
      FROM (SELECT DISTINCT s.account_id, s.day FROM unnest(seen) AS s) AS s
      JOIN access_day d ON d.clinic_id = clinic AND d.account_id = s.account_id AND d.day = s.day
     CROSS JOIN LATERAL (
           SELECT count(*) AS days, percentile_disc(0.5) WITHIN GROUP (ORDER BY h.records) AS usual
             FROM access_day h
            WHERE h.clinic_id = clinic AND h.account_id = s.account_id
              AND h.day < s.day AND h.day >= s.day - 90) AS u
     WHERE u.days >= 10 AND d.records >= greatest(20, threshold * u.usual)
$$;

ALTER FUNCTION public.access_many_records(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_new_network(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, NULL::uuid, s.day, max(o.records), NULL::bigint
      FROM (SELECT DISTINCT s.account_id, s.day, s.day_from, s.day_to FROM unnest(seen) AS s) AS s
     CROSS JOIN LATERAL (
           SELECT a.network, count(DISTINCT a.patient_id) AS records
             FROM access_of(clinic, s.account_id, s.day_from, s.day_to) AS a
            WHERE a.network IS NOT NULL
              AND NOT EXISTS (SELECT FROM access_day h
                    WHERE h.clinic_id = clinic AND h.account_id = s.account_id
                      AND h.day < s.day AND h.day >= s.day - 365
                      AND a.network = ANY (h.networks))
            GROUP BY a.network) AS o
     WHERE o.records >= threshold
       AND (SELECT count(*) FROM access_day h
             WHERE h.clinic_id = clinic AND h.account_id = s.account_id
               AND h.day < s.day AND h.day >= s.day - 365) >= 10
     GROUP BY s.account_id, s.day
$$;

ALTER FUNCTION public.access_new_network(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_no_work() RETURNS smallint[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT w.id FROM audit_word w WHERE w.word IN
        ('export.made', 'emergency.opened')) $$;

ALTER FUNCTION public.access_no_work() OWNER TO epione_owner;

CREATE FUNCTION public.access_odd_hours(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, NULL::uuid, s.day, o.records, NULL::bigint
      FROM (SELECT DISTINCT s.account_id, s.day, s.day_from, s.day_to FROM unnest(seen) AS s) AS s
      JOIN clinic c ON c.id = clinic
     CROSS JOIN LATERAL (
           SELECT count(*) AS days, bit_or(h.hours) AS hours FROM access_day h
            WHERE h.clinic_id = clinic AND h.account_id = s.account_id
              AND h.day < s.day AND h.day >= s.day - 90) AS u
     CROSS JOIN LATERAL (
           SELECT u.hours | (u.hours << 1) | (u.hours >> 1) | (u.hours >> 23) | (u.hours << 23) AS hours) AS w
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT a.patient_id) AS records
             FROM access_of(clinic, s.account_id, s.day_from, s.day_to) AS a
            WHERE ((w.hours >> extract(hour FROM a.at AT TIME ZONE c.time_zone)::integer) & 1) = 0) AS o
     WHERE u.days >= 10 AND o.records >= threshold
$$;

ALTER FUNCTION public.access_odd_hours(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_of(clinic uuid, account uuid, from_at timestamp with time zone, to_at timestamp with time zone) RETURNS TABLE(patient_id uuid, at timestamp with time zone, network text)
    LANGUAGE sql STABLE
    AS $$
    SELECT l.patient_id, l.at, network_of(l.address)
      FROM audit_log l
     WHERE l.actor_id = account AND l.clinic_id = clinic
       AND audit_day(l.at) BETWEEN audit_day(from_at) AND audit_day(to_at)
       AND l.at >= from_at AND l.at < to_at AND l.outcome IS NULL
       AND l.patient_id IS NOT NULL AND l.event = ANY (access_opens())
    OFFSET 0 -- for each who asks, by the index: joined, the whole log was read
$$;

ALTER FUNCTION public.access_of(clinic uuid, account uuid, from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.access_opens() RETURNS smallint[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT w.id FROM audit_word w WHERE w.word IN
        ('patient.read', 'patient.updated', 'export.made', 'export.taken', 'recording.played')) $$;

ALTER FUNCTION public.access_opens() OWNER TO epione_owner;

CREATE FUNCTION public.access_repeated(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT DISTINCT ON (s.account_id, s.patient_id)
           s.account_id, s.patient_id, s.day, n.days, NULL::bigint
      FROM unnest(seen) AS s
      JOIN clinic c ON c.id = clinic
     CROSS JOIN LATERAL (
           SELECT count(DISTINCT (l.at AT TIME ZONE c.time_zone)::date)
                  FILTER (WHERE l.event = ANY (access_opens())) AS days,
                  bool_or(l.action <> 'R' AND l.event <> ALL (access_no_work())) AS worked
             FROM audit_log l
            WHERE uuid_hash(l.patient_id) = uuid_hash(s.patient_id)
              AND l.patient_id = s.patient_id AND l.clinic_id = clinic
              AND l.actor_id = s.account_id AND l.outcome IS NULL
              AND l.at >= (s.day - 13)::timestamp AT TIME ZONE c.time_zone
              AND l.at < s.day_to) AS n
     WHERE n.days >= threshold AND n.worked IS NOT TRUE AND NOT access_visited(s, 14)
       AND NOT EXISTS (SELECT FROM review r
            WHERE r.clinic_id = clinic AND r.rule = 'repeated' AND r.account_id = s.account_id
              AND r.patient_id = s.patient_id AND r.day > s.day - 14 AND r.day <> s.day)
     ORDER BY s.account_id, s.patient_id, s.day
$$;

ALTER FUNCTION public.access_repeated(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_same_name(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, s.patient_id, s.day, n.n, NULL::bigint
      FROM unnest(seen) AS s
     CROSS JOIN LATERAL (
           SELECT t.token FROM patient_token t
             JOIN account_token a ON a.clinic_id = clinic AND a.account_id = s.account_id
              AND a.part = 1 AND a.token = t.token
            WHERE t.clinic_id = clinic AND t.patient_id = s.patient_id
              AND t.part IN (1, 3) LIMIT 1) AS t
     CROSS JOIN LATERAL (
           SELECT count(*) AS n FROM (
               SELECT FROM patient_token o
                WHERE o.clinic_id = clinic AND o.token = t.token AND o.part IN (1, 3)
                LIMIT threshold + 1) AS o) AS n
     WHERE n.n <= threshold AND NOT access_visited(s, 7) AND NOT access_worked(s)
$$;

ALTER FUNCTION public.access_same_name(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_staff(clinic uuid, patient uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT e.account_id FROM patient p
      JOIN account_token e ON e.clinic_id = clinic AND e.token = p.email_token AND e.part = 3
     WHERE p.clinic_id = clinic AND p.id = patient
    UNION
    SELECT f.account_id FROM patient_token t
      JOIN account_token f ON f.clinic_id = clinic AND f.token = t.token AND f.part = 1
     WHERE t.clinic_id = clinic AND t.patient_id = patient AND t.part IN (1, 3)
       AND EXISTS (SELECT FROM account_token g
             JOIN patient_token h ON h.clinic_id = clinic AND h.patient_id = patient
              AND h.token = g.token AND h.part IN (2, 4)
            WHERE g.clinic_id = clinic AND g.account_id = f.account_id AND g.part = 2)
$$;

ALTER FUNCTION public.access_staff(clinic uuid, patient uuid) OWNER TO epione_owner;

CREATE FUNCTION public.access_vip(clinic uuid, seen public.access_seen[], threshold bigint) RETURNS SETOF public.access_found
    LANGUAGE sql STABLE
    AS $$
    SELECT s.account_id, s.patient_id, s.day, NULL::bigint, NULL::bigint
      FROM unnest(seen) AS s
      JOIN patient p ON p.clinic_id = clinic AND p.id = s.patient_id AND p.vip IS NOT NULL
     WHERE NOT access_visited(s, threshold)
$$;

ALTER FUNCTION public.access_vip(clinic uuid, seen public.access_seen[], threshold bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_visited(s public.access_seen, days bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM visit v
     WHERE v.clinic_id = s.clinic_id AND v.patient_id = s.patient_id
       AND v.status <> 'cancelled'
       AND v.starts_at >= s.day_from - make_interval(days => days::integer)
       AND v.starts_at < s.day_to + make_interval(days => days::integer))
$$;

ALTER FUNCTION public.access_visited(s public.access_seen, days bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_watch(rules text[], enabled bigint[], thresholds bigint[], settle_s bigint, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    SET jit TO 'off'
    AS $_$
DECLARE
    horizon bigint := audit_tx(pg_snapshot_xmin(pg_current_snapshot()));
    settled timestamptz := clock_timestamp() - make_interval(secs => settle_s);
    ahead timestamptz := clock_timestamp() + make_interval(secs => settle_s);
    opens smallint[] := access_opens();
    staff smallint[] := ARRAY(SELECT w.id FROM audit_word w
         WHERE w.word IN ('admin', 'clinician', 'scheduler', 'compliance'));
    urgent smallint := (SELECT w.id FROM audit_word w WHERE w.word = 'BTG');
    done access_watched;
    clinic uuid;
    seen access_seen[];
    ours access_seen[];
    events bigint;
    last_tx bigint;
    last_seq bigint;
    use boolean;
    level bigint;
BEGIN
    SELECT * INTO done FROM access_watched FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH next AS MATERIALIZED (
        SELECT n.*, bool_or(n.at >= settled AND n.at < ahead) OVER (ORDER BY n.tx, n.seq) AS early
          FROM (SELECT l.* FROM audit_log l
                 WHERE audit_turn(l.tx) >= audit_turn(done.tx)
                   AND (l.tx, l.seq) > (done.tx, done.seq) AND l.tx < horizon
                 ORDER BY audit_turn(l.tx), l.tx, l.seq LIMIT batch) AS n),
    opened AS (
        SELECT DISTINCT n.clinic_id, n.actor_id, n.patient_id,
               (n.at AT TIME ZONE c.time_zone)::date AS day, c.time_zone
          FROM next n
          JOIN clinic c ON c.id = n.clinic_id
         WHERE NOT n.early AND n.outcome IS NULL AND n.patient_id IS NOT NULL
           AND n.event = ANY (opens) AND n.actor_role = ANY (staff)
           AND n.purpose IS DISTINCT FROM urgent)
    SELECT (SELECT count(*) FROM next n WHERE NOT n.early),
           (SELECT max(n.tx) FROM next n WHERE NOT n.early),
           (SELECT n.seq FROM next n WHERE NOT n.early ORDER BY n.tx DESC, n.seq DESC LIMIT 1),
           (SELECT array_agg(ROW(o.clinic_id, o.actor_id, o.patient_id, o.day,
                   o.day::timestamp AT TIME ZONE o.time_zone,
                   (o.day + 1)::timestamp AT TIME ZONE o.time_zone)::access_seen)
              FROM opened o)
      INTO events, last_tx, last_seq, seen;
    IF events = 0 THEN
        RETURN 0;
    END IF;
    UPDATE access_watched w SET tx = last_tx, seq = last_seq;
    FOR clinic IN SELECT DISTINCT s.clinic_id FROM unnest(seen) AS s LOOP
        ours := ARRAY(SELECT s::access_seen FROM unnest(seen) AS s WHERE s.clinic_id = clinic);
        PERFORM access_day_note(clinic, ours);
        FOR i IN 1 .. cardinality(rules) LOOP
            SELECT coalesce(a.enabled, access_watch.enabled[i] <> 0), coalesce(a.threshold, thresholds[i])
              INTO use, level
              FROM (SELECT) AS always
              LEFT JOIN access_rule a ON a.clinic_id = clinic AND a.rule = rules[i];
            CONTINUE WHEN NOT use;
            EXECUTE format('INSERT INTO review AS r (clinic_id, id, kind, rule, account_id,
                       patient_id, day, found, usual, created_at)
                SELECT $1, uuid_of_now(), ''unusual_access'', $4, f.account_id, f.patient_id,
                       f.day, f.found, f.usual, clock_timestamp()
                  FROM %I($1, $2, $3) AS f
                 WHERE f.patient_id IS NULL OR EXISTS (SELECT FROM patient p
                       WHERE p.clinic_id = $1 AND p.id = f.patient_id)
                    ON CONFLICT (clinic_id, rule, account_id,
                        coalesce(patient_id, ''00000000-0000-0000-0000-000000000000''), day)
                        WHERE rule IS NOT NULL
                    DO UPDATE SET found = EXCLUDED.found
                        WHERE r.signed_at IS NULL AND r.found < EXCLUDED.found',
                'access_' || rules[i]) USING clinic, ours, level, rules[i];
        END LOOP;
    END LOOP;
    RETURN events;
END $_$;

ALTER FUNCTION public.access_watch(rules text[], enabled bigint[], thresholds bigint[], settle_s bigint, batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.access_worked(s public.access_seen) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (SELECT FROM audit_log l
     WHERE uuid_hash(l.patient_id) = uuid_hash(s.patient_id)
       AND l.patient_id = s.patient_id AND l.clinic_id = s.clinic_id
       AND l.at >= s.day_from AND l.at < s.day_to
       AND l.actor_id = s.account_id AND l.outcome IS NULL AND l.action <> 'R'
       AND l.event <> ALL (access_no_work()))
$$;

ALTER FUNCTION public.access_worked(s public.access_seen) OWNER TO epione_owner;

CREATE TABLE public.account (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    role text NOT NULL,
    patient_id uuid,
    email bytea,
    email_token bytea,
    sign_in_token bytea,
    display_name bytea NOT NULL,
    password_hash text,
    password_changed_at timestamp with time zone,
    compromised_at timestamp with time zone,
    totp_seed bytea,
    totp_pending bytea,
    totp_confirmed_at timestamp with time zone,
    totp_last_step bigint DEFAULT 0 NOT NULL,
    deactivated_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid,
    last_sign_in_at timestamp with time zone,
    warned_at timestamp with time zone,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(display_name, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT account_check CHECK ((sign_in_token = email_token)),
    CONSTRAINT account_check1 CHECK (((role = 'patient'::text) = (patient_id IS NOT NULL))),
    CONSTRAINT account_check2 CHECK (
CASE
    WHEN (role = 'guest'::text) THEN ((email_token IS NULL) AND (password_hash IS NULL))
    ELSE ((email IS NOT NULL) AND (email_token IS NOT NULL))
END),
    CONSTRAINT account_email_token_check CHECK ((octet_length(email_token) = 10)),
    CONSTRAINT account_one_key CHECK (((substr(email, 2, 4) = substr(display_name, 2, 4)) AND (substr(totp_seed, 2, 4) = substr(display_name, 2, 4)) AND (substr(totp_pending, 2, 4) = substr(display_name, 2, 4)))),
    CONSTRAINT account_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'clinician'::text, 'scheduler'::text, 'compliance'::text, 'patient'::text, 'guest'::text])))
);

ALTER TABLE public.account OWNER TO epione_owner;

COMMENT ON COLUMN public.account.email IS 'sealed:account_email';

COMMENT ON COLUMN public.account.display_name IS 'sealed:account_display_name';

COMMENT ON COLUMN public.account.totp_seed IS 'sealed:account_totp_seed';

COMMENT ON COLUMN public.account.totp_pending IS 'sealed:account_totp_pending';

CREATE FUNCTION public.account_resettable(a public.account) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT a.deactivated_at IS NULL AND a.password_hash IS NOT NULL
              AND a.totp_confirmed_at IS NOT NULL $$;

ALTER FUNCTION public.account_resettable(a public.account) OWNER TO epione_owner;

CREATE FUNCTION public.account_state(deactivated_at timestamp with time zone, password_hash text, invited text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN deactivated_at IS NOT NULL THEN 'deactivated'
        WHEN password_hash IS NOT NULL THEN 'active'
        WHEN invited IN ('waiting', 'open') THEN 'invited' ELSE 'none' END $$;

ALTER FUNCTION public.account_state(deactivated_at timestamp with time zone, password_hash text, invited text) OWNER TO epione_owner;

CREATE FUNCTION public.approval_state(state text, expires_at timestamp with time zone, t timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN state = 'waiting' AND expires_at <= t
        THEN 'expired' ELSE state END $$;

ALTER FUNCTION public.approval_state(state text, expires_at timestamp with time zone, t timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.at_us(us bigint) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT to_timestamp(us / 1000000) + us % 1000000 * interval '1 microsecond' $$;

ALTER FUNCTION public.at_us(us bigint) OWNER TO epione_owner;

CREATE FUNCTION public.attempt_block(failures integer, free integer, device boolean, t timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN failures < free THEN NULL
        WHEN failures >= 20 AND NOT device THEN t + interval '1 day'
        ELSE t + least(interval '1 hour',
            interval '30 seconds' * power(2, least(failures - free, 10))) END $$;

ALTER FUNCTION public.attempt_block(failures integer, free integer, device boolean, t timestamp with time zone) OWNER TO epione_owner;

CREATE TABLE public.attempt (
    clinic_id uuid NOT NULL,
    account_id uuid NOT NULL,
    factor text NOT NULL,
    source uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    blocked_until timestamp with time zone,
    tried_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT attempt_factor_check CHECK ((factor = ANY (ARRAY['password'::text, 'totp'::text, 'recovery'::text])))
);

ALTER TABLE public.attempt OWNER TO epione_owner;

CREATE FUNCTION public.attempt_closed(a public.attempt, t timestamp with time zone) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT coalesce(a.blocked_until > t, false) OR attempt_stopped(a) $$;

ALTER FUNCTION public.attempt_closed(a public.attempt, t timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.attempt_source(clinic uuid, account uuid, device bytea, network bytea) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(
        (SELECT s.id FROM known_source s
          WHERE s.clinic_id = clinic AND s.account_id = account
            AND s.kind = 'device' AND s.token = device
            AND s.seen_at > clock_timestamp() - interval '90 days'
            AND NOT EXISTS (SELECT FROM attempt a
                 WHERE a.clinic_id = clinic AND a.account_id = account
                   AND a.source = s.id AND a.failures >= 100)),
        (SELECT s.account_id FROM known_source s
          WHERE s.clinic_id = clinic AND s.account_id = account
            AND s.kind = 'network' AND s.token = network
            AND s.seen_at > clock_timestamp() - interval '90 days'),
        '00000000-0000-0000-0000-000000000000')
$$;

ALTER FUNCTION public.attempt_source(clinic uuid, account uuid, device bytea, network bytea) OWNER TO epione_owner;

CREATE FUNCTION public.attempt_stopped(a public.attempt) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT a.factor <> 'password' AND a.failures >= 100
              AND a.source IN ('00000000-0000-0000-0000-000000000000', a.account_id) $$;

ALTER FUNCTION public.attempt_stopped(a public.attempt) OWNER TO epione_owner;

CREATE FUNCTION public.attempt_take(clinic uuid, account uuid, what text, free integer, who uuid) RETURNS TABLE(wait_until timestamp with time zone, warn boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    a attempt%ROWTYPE;
    t timestamptz := clock_timestamp();
    device boolean := who NOT IN ('00000000-0000-0000-0000-000000000000', account);
BEGIN
    -- the update locks the row against the sweep of empty ones
    INSERT INTO attempt AS o (clinic_id, account_id, factor, source)
        VALUES (clinic, account, what, who)
        ON CONFLICT (clinic_id, account_id, factor, source)
            DO UPDATE SET failures = o.failures;
    SELECT * INTO a FROM attempt o
     WHERE o.clinic_id = clinic AND o.account_id = account AND o.factor = what
       AND o.source = who
       FOR UPDATE;
    IF a.tried_at < t - interval '30 days' AND NOT attempt_stopped(a) THEN
        a.failures := 0;
    END IF;
    warn := a.failures >= CASE WHEN device THEN 2 * free ELSE free END AND EXISTS (
        SELECT FROM account o
         WHERE o.clinic_id = clinic AND o.id = account
           AND (o.warned_at IS NULL OR o.warned_at < t - interval '1 day'));
    IF attempt_stopped(a) THEN
        wait_until := 'infinity';
    ELSIF a.blocked_until > t THEN
        wait_until := a.blocked_until;
    ELSE
        UPDATE attempt o SET failures = a.failures + 1, tried_at = t,
            blocked_until = attempt_block(a.failures + 1,
                CASE WHEN device THEN 2 * free ELSE free END, device, t)
         WHERE o.clinic_id = clinic AND o.account_id = account AND o.factor = what
           AND o.source = who;
    END IF;
    RETURN NEXT;
END $$;

ALTER FUNCTION public.attempt_take(clinic uuid, account uuid, what text, free integer, who uuid) OWNER TO epione_owner;

CREATE FUNCTION public.attempt_take_stranger(token bytea, free integer) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    a attempt_stranger%ROWTYPE;
    t timestamptz := clock_timestamp();
BEGIN
    INSERT INTO attempt_stranger AS o (email_token, failures, tried_at)
        VALUES (token, 0, t)
        ON CONFLICT (email_token) DO UPDATE SET failures = o.failures;
    SELECT * INTO a FROM attempt_stranger WHERE email_token = token FOR UPDATE;
    IF a.tried_at < t - interval '30 days' THEN
        a.failures := 0;
    END IF;
    IF a.blocked_until > t THEN
        RETURN a.blocked_until;
    END IF;
    UPDATE attempt_stranger SET failures = a.failures + 1, tried_at = t,
        blocked_until = attempt_block(a.failures + 1, free, false, t)
     WHERE email_token = token;
    RETURN NULL;
END $$;

ALTER FUNCTION public.attempt_take_stranger(token bytea, free integer) OWNER TO epione_owner;

CREATE FUNCTION public.audit_tx(tx xid8) RETURNS bigint
    LANGUAGE sql STABLE
    AS $_$ SELECT $1::text::bigint + 0 $_$;

ALTER FUNCTION public.audit_tx(tx xid8) OWNER TO epione_owner;

CREATE TABLE public.audit_log (
    seq bigint NOT NULL,
    tx bigint DEFAULT public.audit_tx(pg_current_xact_id()) NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    clinic_id uuid NOT NULL,
    actor_id uuid,
    session bigint,
    request_id uuid NOT NULL,
    patient_id uuid,
    record_id uuid,
    event smallint NOT NULL,
    outcome smallint,
    operation smallint NOT NULL,
    actor_role smallint,
    purpose smallint NOT NULL,
    action "char" NOT NULL,
    address inet,
    count integer,
    returned uuid[],
    CONSTRAINT audit_log_action_check CHECK ((action = ANY (ARRAY['C'::"char", 'R'::"char", 'U'::"char", 'D'::"char", 'E'::"char"]))),
    CONSTRAINT audit_log_count_check CHECK ((count > 1)),
    CONSTRAINT audit_log_returned_check CHECK ((returned <> '{}'::uuid[]))
)
PARTITION BY RANGE (at);

ALTER TABLE public.audit_log OWNER TO epione_owner;

CREATE FUNCTION public.audit_about(clinic uuid, patient uuid, lo timestamp with time zone, hi timestamp with time zone) RETURNS SETOF public.audit_log
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
BEGIN
    RETURN QUERY SELECT l.* FROM audit_log l
         WHERE uuid_hash(l.patient_id) = uuid_hash(patient)
           AND l.patient_id = patient AND l.clinic_id = clinic
           AND l.at >= lo AND l.at < hi;
    RETURN QUERY SELECT l.* FROM audit_log l
         WHERE l.returned IS NOT NULL AND l.returned @> ARRAY[patient]
           AND l.clinic_id = clinic AND l.patient_id IS DISTINCT FROM patient
           AND l.at >= lo AND l.at < hi;
END $$;

ALTER FUNCTION public.audit_about(clinic uuid, patient uuid, lo timestamp with time zone, hi timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_background_close(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH ended AS (
        DELETE FROM audit_background WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM audit_background
             WHERE hour < audit_hour(clock_timestamp())
             ORDER BY hour LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING clinic_id, first_seq, first_at, more, last_at, request_id),
    written AS (
        -- without its first event none of them could be written: an error, no loss
        INSERT INTO audit_log (at, clinic_id, event, action, actor_id, actor_role, session,
               purpose, patient_id, record_id, returned, address, request_id,
               operation, count)
        SELECT e.last_at, e.clinic_id, l.event, l.action, l.actor_id, l.actor_role,
               l.session, l.purpose, l.patient_id, l.record_id, l.returned,
               l.address, e.request_id, l.operation, nullif(e.more, 1)
          FROM ended e
          LEFT JOIN audit_log l ON l.clinic_id = e.clinic_id AND l.seq = e.first_seq
           AND audit_minute(l.at) = audit_minute(e.first_at) AND l.at = e.first_at
         WHERE e.more > 0)
    SELECT count(*) FROM ended
$$;

ALTER FUNCTION public.audit_background_close(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_background_note(event bigint, action "char", actor uuid, actor_role bigint, session bigint, purpose bigint, patient uuid, record uuid, returned uuid[], address inet, request uuid, operation bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    clinic uuid := current_clinic();
    t timestamptz := clock_timestamp();
    hash bytea := sha256(convert_to(ROW(event, action, actor, actor_role, session,
        purpose, patient, record, returned, address, operation)::text, 'UTF8'));
    number bigint;
    noted timestamptz;
BEGIN
    UPDATE audit_background b
       SET more = b.more + 1, last_at = t, request_id = request
     WHERE b.clinic_id = clinic AND b.hour = audit_hour(t) AND b.what = hash;
    IF FOUND THEN
        RETURN;
    END IF;
    INSERT INTO audit_log AS l (clinic_id, event, action, actor_id, actor_role, session,
           purpose, patient_id, record_id, returned, address, request_id, operation)
    VALUES (clinic, event, action, actor, actor_role, session, purpose, patient,
           record, returned, address, request, operation)
    RETURNING l.seq, l.at INTO number, noted;
    -- two that come together are two events
    INSERT INTO audit_background (clinic_id, hour, what, first_seq, first_at, last_at,
           request_id)
    VALUES (clinic, audit_hour(t), hash, number, noted, noted, request)
        ON CONFLICT (clinic_id, hour, what) DO NOTHING;
END $$;

ALTER FUNCTION public.audit_background_note(event bigint, action "char", actor uuid, actor_role bigint, session bigint, purpose bigint, patient uuid, record uuid, returned uuid[], address inet, request uuid, operation bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_begin() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $_$
    SELECT least((SELECT min(at) FROM audit_log_other),
        (SELECT min(to_timestamp(right(c.relname, 7), 'YYYY_MM'))
           FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'audit_log'::regclass
            AND c.relname ~ '^audit_log_\d{4}_\d\d$'))
$_$;

ALTER FUNCTION public.audit_begin() OWNER TO epione_owner;

CREATE FUNCTION public.audit_day(at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 day', at, '2000-01-01T00:00:00Z') $$;

ALTER FUNCTION public.audit_day(at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_days(patient uuid, besides uuid, zone text, seen_at timestamp with time zone, before_at timestamp with time zone, before_seq bigint, page bigint) RETURNS TABLE(seq bigint, at timestamp with time zone, first_at timestamp with time zone, day date, event smallint, events smallint[], action "char", actor_id uuid, actor_role smallint, purpose smallint, count bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path TO 'public', 'pg_temp'
    SET jit TO 'off'
    AS $$
DECLARE
    clinic uuid := current_clinic();
    disclosed smallint := (SELECT w.id FROM audit_word w WHERE w.word = 'disclosure.noted');
    before timestamptz := coalesce(before_at, 'infinity');
    number bigint := coalesce(before_seq, 9223372036854775807);
    today timestamp := date_trunc('day', least(before, seen_at) AT TIME ZONE zone);
    hi timestamptz := least((today + interval '1 day') AT TIME ZONE zone,
        seen_at + interval '1 microsecond');
    first timestamptz := audit_begin();
    lo timestamptz;
    days integer := 1;
    more bigint := page;
    got bigint;
BEGIN
    WHILE more > 0 AND hi > first LOOP
        lo := (today - make_interval(days => days - 1)) AT TIME ZONE zone;
        RETURN QUERY
            SELECT g.* FROM (
                SELECT (array_agg(l.seq ORDER BY l.at DESC, l.seq DESC))[1] AS last_seq,
                       max(l.at) AS last_at, min(l.at),
                       (l.at AT TIME ZONE zone)::date,
                       (array_agg(l.event ORDER BY l.at DESC, l.seq DESC))[1],
                       array_agg(DISTINCT l.event),
                       (array_agg(l.action ORDER BY l.at DESC, l.seq DESC))[1],
                       l.actor_id, l.actor_role, l.purpose,
                       sum(coalesce(l.count, 1) + coalesce((
                           SELECT b.more FROM audit_background b
                            WHERE b.clinic_id = clinic AND b.first_seq = l.seq), 0))::bigint
                  FROM audit_about(clinic, patient, lo, hi) AS l
                 WHERE l.outcome IS NULL
                   AND (besides IS NULL OR l.actor_id IS DISTINCT FROM besides
                        AND l.event IS DISTINCT FROM disclosed)
                 GROUP BY (l.at AT TIME ZONE zone)::date, l.actor_id, l.actor_role,
                       l.purpose) AS g
             WHERE (g.last_at, g.last_seq) < (before, number)
             ORDER BY g.last_at DESC, g.last_seq DESC
             LIMIT more;
        GET DIAGNOSTICS got = ROW_COUNT;
        more := more - got;
        hi := lo;
        today := today - make_interval(days => days);
        days := days * 2;
    END LOOP;
END $$;

ALTER FUNCTION public.audit_days(patient uuid, besides uuid, zone text, seen_at timestamp with time zone, before_at timestamp with time zone, before_seq bigint, page bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_entry_of(l public.audit_log) RETURNS SETOF public.audit_entry
    LANGUAGE sql STABLE ROWS 1
    AS $$
    SELECT l.tx, l.seq, l.clinic_id, l.at, (extract(epoch FROM l.at) * 1000000)::bigint,
           (SELECT w.word FROM audit_word w WHERE w.id = l.event), l.action::text,
           CASE WHEN l.outcome IS NULL THEN 'ok'
                ELSE (SELECT w.word FROM audit_word w WHERE w.id = l.outcome) END,
           l.actor_id, (SELECT w.word FROM audit_word w WHERE w.id = l.actor_role),
           lpad(to_hex(l.session), 16, '0'), l.patient_id,
           coalesce(l.record_id, l.patient_id), l.returned,
           coalesce(abbrev(l.address), 'none'), l.request_id,
           (SELECT w.word FROM audit_word w WHERE w.id = l.operation),
           (SELECT w.word FROM audit_word w WHERE w.id = l.purpose),
           coalesce(l.count, 1)::bigint
$$;

ALTER FUNCTION public.audit_entry_of(l public.audit_log) OWNER TO epione_owner;

CREATE FUNCTION public.audit_found(number bigint) RETURNS SETOF public.audit_entry
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    own uuid := current_clinic();
    nobody uuid := audit_nobody();
BEGIN
    RETURN QUERY SELECT e.* FROM (
            SELECT l FROM audit_log l
             WHERE l.seq = number AND (l.clinic_id = own OR l.clinic_id = nobody)
             LIMIT 1) AS n
     CROSS JOIN LATERAL audit_entry_of(n.l) AS e;
END $$;

ALTER FUNCTION public.audit_found(number bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_hour(at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 hour', at, '2000-01-01T00:00:00Z') $$;

ALTER FUNCTION public.audit_hour(at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_kinds(kinds text[], from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, refused boolean, before_at timestamp with time zone, before_seq bigint, page bigint) RETURNS SETOF public.audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    clinic uuid := current_clinic();
    ids smallint[] := ARRAY(SELECT w.id FROM audit_word w WHERE w.word = ANY (kinds));
    before timestamptz := coalesce(before_at, 'infinity');
    number bigint := coalesce(before_seq, 9223372036854775807);
    hi timestamptz := least(to_at, coalesce(before_at + interval '1 microsecond', 'infinity'));
    first timestamptz := greatest(from_at, audit_begin());
    lo timestamptz;
    months integer := 1;
    more bigint := page;
    got bigint;
BEGIN
    WHILE (page IS NULL OR more > 0) AND hi > first LOOP
        lo := greatest(first, date_trunc('month', hi - interval '1 microsecond')
            - make_interval(months => months - 1));
        RETURN QUERY SELECT l.* FROM audit_log l
         WHERE l.clinic_id = clinic AND l.action <> 'R'
           AND l.action = ANY ('{C,U,D,E}'::"char"[])
           AND audit_hour(l.at) BETWEEN audit_hour(lo) AND audit_hour(hi)
           AND l.at >= lo AND l.at < hi
           AND (l.at, l.seq) < (before, number)
           AND l.event = ANY (ids)
           AND (actor IS NULL OR l.actor_id = actor)
           AND (refused IS NULL OR (l.outcome IS NOT NULL) = refused)
         ORDER BY l.at DESC, l.seq DESC LIMIT more;
        GET DIAGNOSTICS got = ROW_COUNT;
        more := more - got;
        hi := lo;
        months := months * 2;
    END LOOP;
END $$;

ALTER FUNCTION public.audit_kinds(kinds text[], from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, refused boolean, before_at timestamp with time zone, before_seq bigint, page bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_leaves_go(part name, month date) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET jit TO 'off'
    AS $_$
BEGIN
    EXECUTE format($q$
        WITH last AS (SELECT tx, seq FROM %1$I ORDER BY tx DESC, seq DESC LIMIT 1),
        ranked AS (
            SELECT l.clinic_id, l.tableoid = %1$L::regclass AS goes, l.tx, l.seq,
                   row_number() OVER (PARTITION BY l.clinic_id ORDER BY l.tx, l.seq) - 1 AS k
              FROM audit_log l, last
             WHERE audit_turn(l.tx) <= audit_turn(last.tx) AND (l.tx, l.seq) <= (last.tx, last.seq)),
        before AS (
            SELECT clinic_id, n, first - (sum(n) OVER (PARTITION BY clinic_id ORDER BY first) - n) AS k
              FROM audit_gone),
        placed AS (
            SELECT clinic_id, goes, tx, seq,
                   (k + sum(gone) OVER (PARTITION BY clinic_id ORDER BY k, gone DESC))::bigint AS leaf
              FROM (SELECT clinic_id, goes, tx, seq, k, 0 AS gone FROM ranked
                     UNION ALL SELECT clinic_id, NULL, NULL, NULL, k, n FROM before) AS all_of_them),
        wrong AS (
            SELECT FROM placed p JOIN audit_tile t
                ON t.clinic_id = p.clinic_id AND t.level = 0
               AND t.first + octet_length(t.hashes) / 32 - 1 = p.leaf
             WHERE p.goes IS NOT NULL AND (p.tx, p.seq) <> (t.last_tx, t.last_seq))
        INSERT INTO audit_gone (clinic_id, first, n, month)
        SELECT clinic_id, min(leaf), CASE WHEN NOT EXISTS (SELECT FROM wrong) THEN count(*) END, %2$L
          FROM (SELECT *, leaf - row_number() OVER (PARTITION BY clinic_id ORDER BY leaf) AS run
                  FROM placed WHERE goes) AS going
         GROUP BY clinic_id, run$q$, part, month);
EXCEPTION WHEN not_null_violation THEN
    RAISE EXCEPTION 'the log is not what was sealed' USING ERRCODE = 'data_corrupted';
END $_$;

ALTER FUNCTION public.audit_leaves_go(part name, month date) OWNER TO epione_owner;

CREATE FUNCTION public.audit_minute(at timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 minute', at, '2000-01-01T00:00:00Z') $$;

ALTER FUNCTION public.audit_minute(at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_month_begin() RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    month timestamptz := date_trunc('month', clock_timestamp());
    idle uuid[] := ARRAY(
        SELECT c.id FROM (SELECT id FROM clinic
            UNION ALL SELECT '00000000-0000-0000-0000-000000000000') AS c
         WHERE NOT EXISTS (SELECT FROM audit_log l
                WHERE l.clinic_id = c.id AND l.at >= month AND audit_minute(l.at) >= month));
BEGIN
    PERFORM audit_say(idle, NULL, 'audit.month_begun', 'E', 'audit_retain');
    RETURN cardinality(idle);
END $$;

ALTER FUNCTION public.audit_month_begin() OWNER TO epione_owner;

CREATE FUNCTION public.audit_month_name(month timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT to_char(month AT TIME ZONE 'UTC', '"audit_log_"YYYY_MM') $$;

ALTER FUNCTION public.audit_month_name(month timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_months(from_at timestamp with time zone, to_at timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    AS $$
DECLARE
    month timestamptz := date_trunc('month', from_at);
    made integer := 0;
    name text;
BEGIN
    WHILE month <= to_at LOOP
        name := audit_month_name(month);
        IF to_regclass('public.' || name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE audit_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
            EXECUTE format('WITH late AS (DELETE FROM audit_log_other
                    WHERE at >= %L AND at < %L RETURNING *)
                INSERT INTO %I SELECT * FROM late',
                month, month + interval '1 month', name);
            EXECUTE format('ALTER TABLE audit_log ATTACH PARTITION %I
                FOR VALUES FROM (%L) TO (%L)',
                name, month, month + interval '1 month');
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    PERFORM audit_numbers_note();
    RETURN made;
END $$;

ALTER FUNCTION public.audit_months(from_at timestamp with time zone, to_at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.audit_nobody() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid
           WHERE (SELECT count(*) FROM clinic) = 1
             AND current_clinic() = (SELECT id FROM clinic) $$;

ALTER FUNCTION public.audit_nobody() OWNER TO epione_owner;

CREATE FUNCTION public.audit_numbers_note() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT brin_summarize_new_values(i.indexrelid)
      FROM pg_inherits p
      JOIN pg_index i ON i.indrelid = p.inhrelid
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_am m ON m.oid = c.relam
     WHERE p.inhparent = 'audit_log'::regclass AND m.amname = 'brin'
$$;

ALTER FUNCTION public.audit_numbers_note() OWNER TO epione_owner;

CREATE FUNCTION public.audit_oldest() RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
    SELECT audit_minute(l.at) FROM audit_log l
     WHERE l.clinic_id = current_clinic() ORDER BY audit_minute(l.at) LIMIT 1
$$;

ALTER FUNCTION public.audit_oldest() OWNER TO epione_owner;

CREATE FUNCTION public.audit_page(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, patient uuid, what text, result text, before_at timestamp with time zone, before_seq bigint, page bigint, nobody boolean, besides uuid) RETURNS SETOF public.audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    clinic uuid := CASE WHEN nobody THEN audit_nobody() ELSE current_clinic() END;
    act "char" := what::"char";
    disclosed smallint := (SELECT w.id FROM audit_word w WHERE w.word = 'disclosure.noted');
    refusal smallint;
    before timestamptz := coalesce(before_at, 'infinity');
    number bigint := coalesce(before_seq, 9223372036854775807);
    hi timestamptz := least(coalesce(to_at, 'infinity'),
        coalesce(before_at + interval '1 microsecond', 'infinity'),
        date_trunc('month', clock_timestamp()) + interval '1 month');
    first timestamptz := greatest(coalesce(from_at, '-infinity'), audit_begin());
    lo timestamptz;
    months integer := 1;
    more bigint := page;
    got bigint;
BEGIN
    IF result <> 'ok' THEN
        SELECT w.id INTO refusal FROM audit_word w WHERE w.word = result;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    WHILE more > 0 AND hi > first LOOP
        lo := greatest(first, date_trunc('month', hi - interval '1 microsecond')
            - make_interval(months => months - 1));
        IF patient IS NOT NULL THEN
            RETURN QUERY SELECT l.* FROM audit_about(clinic, patient, lo, hi) AS l
             WHERE (l.at, l.seq) < (before, number)
               AND (actor IS NULL OR l.actor_id = actor)
               --= AU-09: 164.528(a)(2)
               AND (besides IS NULL OR l.actor_id IS DISTINCT FROM besides
                    AND l.event IS DISTINCT FROM disclosed)
               AND (act IS NULL OR l.action = act)
               AND (result IS NULL OR l.outcome IS NOT DISTINCT FROM refusal)
             ORDER BY l.at DESC, l.seq DESC LIMIT more;
        ELSIF actor IS NOT NULL AND refusal IS NOT NULL THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.actor_id = actor
               AND l.outcome = refusal AND l.outcome IS NOT NULL
               AND audit_day(l.at) BETWEEN audit_day(lo) AND audit_day(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
               AND (act IS NULL OR l.action = act)
             ORDER BY audit_day(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSIF actor IS NOT NULL AND act <> 'R' THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.actor_id = actor
               AND l.action = act AND l.action <> 'R'
               AND audit_day(l.at) BETWEEN audit_day(lo) AND audit_day(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
               AND (result IS NULL OR l.outcome IS NULL)
             ORDER BY audit_day(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSIF actor IS NOT NULL THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.actor_id = actor
               AND audit_day(l.at) BETWEEN audit_day(lo) AND audit_day(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
               AND (act IS NULL OR l.action = act)
               AND (result IS NULL OR l.outcome IS NULL)
             ORDER BY audit_day(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSIF refusal IS NOT NULL AND act IS NOT NULL THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.outcome = refusal
               AND l.outcome IS NOT NULL AND l.action = act
               AND audit_hour(l.at) BETWEEN audit_hour(lo) AND audit_hour(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
             ORDER BY audit_hour(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSIF refusal IS NOT NULL THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.outcome = refusal
               AND l.outcome IS NOT NULL
               AND audit_hour(l.at) BETWEEN audit_hour(lo) AND audit_hour(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
             ORDER BY audit_hour(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSIF act <> 'R' THEN
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic AND l.action = act AND l.action <> 'R'
               AND audit_hour(l.at) BETWEEN audit_hour(lo) AND audit_hour(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
               AND (result IS NULL OR l.outcome IS NULL)
             ORDER BY audit_hour(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        ELSE
            RETURN QUERY SELECT l.* FROM audit_log l
             WHERE l.clinic_id = clinic
               AND audit_minute(l.at) BETWEEN audit_minute(lo) AND audit_minute(hi)
               AND l.at >= lo AND l.at < hi
               AND (l.at, l.seq) < (before, number)
               AND (act IS NULL OR l.action = act)
               AND (result IS NULL OR l.outcome IS NULL)
             ORDER BY audit_minute(l.at) DESC, l.at DESC, l.seq DESC LIMIT more;
        END IF;
        GET DIAGNOSTICS got = ROW_COUNT;
        more := more - got;
        hi := lo;
        months := months * 2;
    END LOOP;
END $$;

ALTER FUNCTION public.audit_page(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, patient uuid, what text, result text, before_at timestamp with time zone, before_seq bigint, page bigint, nobody boolean, besides uuid) OWNER TO epione_owner;

CREATE FUNCTION public.audit_refused(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, before_at timestamp with time zone, before_seq bigint, page bigint) RETURNS SETOF public.audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    clinics uuid[] := array_remove(ARRAY[current_clinic(), audit_nobody()], NULL);
    before timestamptz := coalesce(before_at, 'infinity');
    number bigint := coalesce(before_seq, 9223372036854775807);
    hi timestamptz := least(to_at, coalesce(before_at + interval '1 microsecond', 'infinity'));
    first timestamptz := greatest(from_at, audit_begin());
    lo timestamptz;
    months integer := 1;
    more bigint := page;
    got bigint;
BEGIN
    WHILE more > 0 AND hi > first LOOP
        lo := greatest(first, date_trunc('month', hi - interval '1 microsecond')
            - make_interval(months => months - 1));
        RETURN QUERY SELECT l.* FROM audit_log l
         WHERE l.clinic_id = ANY (clinics) AND l.outcome IS NOT NULL
           AND audit_hour(l.at) BETWEEN audit_hour(lo) AND audit_hour(hi)
           AND l.at >= lo AND l.at < hi
           AND (l.at, l.seq) < (before, number)
           AND (actor IS NULL OR l.actor_id = actor)
         ORDER BY l.at DESC, l.seq DESC LIMIT more;
        GET DIAGNOSTICS got = ROW_COUNT;
        more := more - got;
        hi := lo;
        months := months * 2;
    END LOOP;
END $$;

ALTER FUNCTION public.audit_refused(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, before_at timestamp with time zone, before_seq bigint, page bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_restored() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $_$
DECLARE
    past bigint := greatest((SELECT max(tx) FROM audit_log), (SELECT max(tx) FROM audit_sealed));
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION audit_tx(tx xid8) RETURNS bigint
        LANGUAGE sql STABLE AS ''SELECT $1::text::bigint + %s''',
        greatest(0, past + 1 - pg_current_xact_id()::text::bigint));
END $_$;

ALTER FUNCTION public.audit_restored() OWNER TO epione_owner;

CREATE FUNCTION public.audit_retain() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
    years integer := greatest(6, (SELECT max(audit_years) FROM clinic));
    part name;
    going timestamptz;
    unsealed boolean;
    clinics uuid[];
    counts bigint[];
BEGIN
    PERFORM audit_month_begin();
    SELECT c.relname, to_timestamp(right(c.relname, 7), 'YYYY_MM') INTO part, going
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'audit_log'::regclass AND c.relname ~ '^audit_log_\d{4}_\d\d$'
     ORDER BY 2 LIMIT 1;
    IF part IS NULL OR going + interval '1 month' > clock_timestamp() - make_interval(years => years)
       OR EXISTS (SELECT FROM clinic WHERE audit_hold = 1) THEN
        RETURN 0;
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', part);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I l, audit_sealed s WHERE (l.tx, l.seq) > (s.tx, s.seq))', part)
       INTO unsealed;
    IF unsealed THEN
        RETURN 0;
    END IF;
    PERFORM audit_leaves_go(part, going::date);
    SELECT array_agg(g.clinic_id), array_agg(g.n) INTO clinics, counts
      FROM (SELECT clinic_id, sum(n)::bigint AS n FROM audit_gone a
             WHERE a.month = going::date GROUP BY clinic_id) AS g;
    EXECUTE format('INSERT INTO audit_month_gone (month, first_seq, last_seq)
        SELECT %L, min(seq), max(seq) FROM %I HAVING count(*) > 0', going, part);
    PERFORM audit_say(clinics, counts, 'audit.month_gone', 'D', 'audit_retain ' || to_char(going, 'YYYY-MM'));
    EXECUTE format('DROP TABLE %I', part);
    RETURN 1;
END $_$;

ALTER FUNCTION public.audit_retain() OWNER TO epione_owner;

CREATE FUNCTION public.audit_say(clinics uuid[], counts bigint[], event text, action text, operation text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    INSERT INTO audit_log (clinic_id, event, action, actor_role, operation, purpose, request_id, count)
    SELECT c.id, audit_word(event), action::"char", audit_word('system'), audit_word(operation),
           audit_word('HSYSADMIN'), gen_random_uuid(),
           CASE WHEN c.n > 1 THEN least(c.n, 2147483647)::integer END
      FROM unnest(clinics, counts) AS c(id, n)
$$;

ALTER FUNCTION public.audit_say(clinics uuid[], counts bigint[], event text, action text, operation text) OWNER TO epione_owner;

CREATE FUNCTION public.audit_sealed_to(last_tx bigint, last_seq bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE audit_sealed s SET tx = last_tx, seq = last_seq, at = clock_timestamp()
     WHERE (s.tx, s.seq) < (last_tx, last_seq);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sealed already';
    END IF;
END $$;

ALTER FUNCTION public.audit_sealed_to(last_tx bigint, last_seq bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_tile_put(clinic uuid, height bigint, start bigint, added bytea, tx bigint, number bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    have bigint := coalesce((SELECT t.size FROM audit_tree t WHERE t.clinic_id = clinic), 0);
    whole bytea := added;
    place bigint := start;
BEGIN
    IF start < have >> (8 * height)::integer THEN
        RAISE EXCEPTION 'sealed already';
    END IF;
    IF (start + octet_length(added) / 32) % 256 = 0 THEN
        place := start - start % 256;
        WITH parts AS (
            DELETE FROM audit_tile t
             WHERE t.clinic_id = clinic AND t.level = height
               AND t.first >= place AND t.first < start
            RETURNING t.first, t.hashes)
        SELECT coalesce(string_agg(p.hashes, ''::bytea ORDER BY p.first), '') || added
          INTO whole FROM parts p;
    END IF;
    INSERT INTO audit_tile VALUES (clinic, height, place, whole, tx, number);
END $$;

ALTER FUNCTION public.audit_tile_put(clinic uuid, height bigint, start bigint, added bytea, tx bigint, number bigint) OWNER TO epione_owner;

CREATE TABLE public.audit_tree (
    clinic_id uuid NOT NULL,
    size bigint NOT NULL,
    edge bytea NOT NULL,
    note text,
    sealed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_tree_check CHECK ((octet_length(edge) = (32 * length(replace(((size)::bit(64))::text, '0'::text, ''::text))))),
    CONSTRAINT audit_tree_size_check CHECK ((size > 0))
);

ALTER TABLE public.audit_tree OWNER TO epione_owner;

CREATE FUNCTION public.audit_tree_of(clinic uuid) RETURNS SETOF public.audit_tree
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT * FROM audit_tree WHERE clinic_id = clinic $$;

ALTER FUNCTION public.audit_tree_of(clinic uuid) OWNER TO epione_owner;

CREATE FUNCTION public.audit_tree_put(clinic uuid, was bigint, becomes bigint, right_edge bytea, checkpoint text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF was = 0 THEN
        INSERT INTO audit_tree VALUES (clinic, becomes, right_edge, checkpoint);
    ELSE
        UPDATE audit_tree t
           SET size = becomes, edge = right_edge, note = checkpoint, sealed_at = clock_timestamp()
         WHERE t.clinic_id = clinic AND t.size = was AND t.size < becomes;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'sealed by another';
        END IF;
    END IF;
END $$;

ALTER FUNCTION public.audit_tree_put(clinic uuid, was bigint, becomes bigint, right_edge bytea, checkpoint text) OWNER TO epione_owner;

CREATE FUNCTION public.audit_turn(tx bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT tx >> 10 $$;

ALTER FUNCTION public.audit_turn(tx bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_unsealed(batch bigint) RETURNS SETOF public.audit_entry
    LANGUAGE plpgsql SECURITY DEFINER ROWS 500
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_sort TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    -- of a snapshot before the one that reads: whatever ran before is over in both
    horizon bigint := audit_tx(pg_snapshot_xmin(pg_current_snapshot()));
    done audit_sealed;
BEGIN
    SELECT * INTO done FROM audit_sealed;
    IF done.tx > audit_tx(pg_snapshot_xmax(pg_current_snapshot())) THEN
        RAISE EXCEPTION 'audit_restored() was not called'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT EXISTS (SELECT FROM audit_log l
         WHERE audit_turn(l.tx) >= audit_turn(done.tx) AND l.tx >= done.tx
           AND (l.tx, l.seq) > (done.tx, done.seq) AND l.tx < horizon) THEN
        RETURN;
    END IF;
    SELECT * INTO done FROM audit_sealed FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT e.* FROM (
            SELECT l FROM audit_log l
             WHERE audit_turn(l.tx) >= audit_turn(done.tx)
               AND (l.tx, l.seq) > (done.tx, done.seq) AND l.tx < horizon
             ORDER BY audit_turn(l.tx), l.tx, l.seq LIMIT batch) AS n
     CROSS JOIN LATERAL audit_entry_of(n.l) AS e
     ORDER BY e.clinic_id, e.tx, e.seq;
END $$;

ALTER FUNCTION public.audit_unsealed(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.audit_word(word text) RETURNS smallint
    LANGUAGE sql
    AS $_$ SELECT w.id FROM audit_words(ARRAY[$1]) AS w $_$;

ALTER FUNCTION public.audit_word(word text) OWNER TO epione_owner;

CREATE FUNCTION public.audit_words(words text[]) RETURNS TABLE(id smallint, word text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 200
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO audit_word (word)
        SELECT n.w FROM (SELECT DISTINCT unnest(words) AS w) AS n
         WHERE NOT EXISTS (SELECT FROM audit_word o WHERE o.word = n.w)
           AND (SELECT count(*) FROM audit_word) < 4000
         ORDER BY n.w
        ON CONFLICT ON CONSTRAINT audit_word_key DO NOTHING;
    RETURN QUERY SELECT o.id, o.word FROM audit_word o WHERE o.word = ANY (words);
END $$;

ALTER FUNCTION public.audit_words(words text[]) OWNER TO epione_owner;

CREATE FUNCTION public.bears_names(patient uuid, beginnings bytea[], groups bigint[], names bigint[]) RETURNS TABLE(n bigint)
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    SELECT count(DISTINCT w.grp)
      FROM (SELECT t.token, t.part
              FROM patient_token t
             WHERE t.clinic_id = current_clinic() AND t.patient_id = patient
            OFFSET 0) AS t
      JOIN unnest(beginnings, groups, names) AS w(beginning, grp, name)
        ON w.name IN (3, 2 - t.part % 2)
     WHERE (SELECT true FROM name_beginning b
             WHERE b.clinic_id = current_clinic() AND b.beginning = w.beginning
               AND b.word = t.token)
$$;

ALTER FUNCTION public.bears_names(patient uuid, beginnings bytea[], groups bigint[], names bigint[]) OWNER TO epione_owner;

CREATE FUNCTION public.breach_data(event text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE split_part(event, '.', 1)
           WHEN 'visit' THEN 'visits' WHEN 'guest' THEN 'visits' WHEN 'recording' THEN 'recordings'
           WHEN 'payment' THEN 'payments' WHEN 'export' THEN 'copy of the record'
           WHEN 'care_team' THEN 'care team' WHEN 'disclosure' THEN 'disclosures'
           WHEN 'user' THEN 'account' WHEN 'approval' THEN 'account' WHEN 'invitation' THEN 'account'
           WHEN 'audit' THEN 'log' WHEN 'report' THEN 'log' WHEN 'incident' THEN 'log'
           ELSE 'record' END
$$;

ALTER FUNCTION public.breach_data(event text) OWNER TO epione_owner;

CREATE FUNCTION public.breach_held(clinic uuid, patient uuid, t timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT concat_ws(', ', 'record',
           CASE WHEN EXISTS (SELECT FROM visit v WHERE v.clinic_id = clinic AND v.patient_id = patient
               AND v.created_at <= t) THEN 'visits' END,
           CASE WHEN EXISTS (SELECT FROM recording r WHERE r.clinic_id = clinic AND r.patient_id = patient
               AND r.created_at <= t AND (r.deleted_at IS NULL OR r.deleted_at > t)) THEN 'recordings' END,
           CASE WHEN EXISTS (SELECT FROM payment p WHERE p.clinic_id = clinic AND p.patient_id = patient
               AND p.created_at <= t) THEN 'payments' END)
$$;

ALTER FUNCTION public.breach_held(clinic uuid, patient uuid, t timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.breach_scope(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, session_half text, network text, lost_version bigint, backup_at timestamp with time zone, after uuid, page bigint) RETURNS TABLE(patient_id uuid, data text, events bigint, first_at timestamp with time zone, last_at timestamp with time zone, sealed boolean, class_version bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET jit TO 'off'
    AS $$
DECLARE
    clinic uuid := current_clinic();
    behind uuid := coalesce(after, '00000000-0000-0000-0000-000000000000');
    half bigint := ('x' || session_half)::bit(64)::bigint;
    place inet := network::inet;
    next_at timestamptz := (SELECT min(k.created_at) FROM class_key k
        WHERE k.clinic_id = current_clinic() AND k.class = 'patient' AND k.version > lost_version);
    newest bigint := (SELECT max(k.version) FROM class_key k
        WHERE k.clinic_id = current_clinic() AND k.class = 'patient' AND k.created_at <= backup_at);
BEGIN
    IF backup_at IS NOT NULL THEN
        RETURN QUERY SELECT p.id, breach_held(clinic, p.id, backup_at), NULL::bigint,
               NULL::timestamptz, NULL::timestamptz, true,
               CASE WHEN newest IS NOT NULL THEN least(k.class_version, newest) END
          FROM patient p
          LEFT JOIN LATERAL (
               SELECT r.class_version FROM record_key r
                WHERE r.clinic_id = clinic AND r.subject_id = p.id AND r.created_at <= backup_at
                ORDER BY r.version DESC LIMIT 1) AS k ON true
         WHERE p.clinic_id = clinic AND p.id > behind AND p.created_at <= backup_at
         ORDER BY p.id LIMIT page;
    ELSIF lost_version IS NOT NULL THEN
        RETURN QUERY SELECT p.id, breach_held(clinic, p.id, to_at), NULL::bigint,
               NULL::timestamptz, NULL::timestamptz, false, lost_version
          FROM patient p
         WHERE p.clinic_id = clinic AND p.id > behind AND EXISTS (
               SELECT FROM record_key r
                WHERE r.clinic_id = clinic AND r.subject_id = p.id AND r.created_at <= to_at
                  AND (r.class_version = lost_version OR r.created_at < next_at))
         ORDER BY p.id LIMIT page;
    ELSE
        RETURN QUERY
          WITH seen AS (
               SELECT l.* FROM audit_log l
                WHERE actor IS NOT NULL AND l.clinic_id = clinic AND l.actor_id = actor
                  AND audit_day(l.at) BETWEEN audit_day(from_at) AND audit_day(to_at)
                  AND l.at >= from_at AND l.at < to_at AND l.outcome IS NULL
               UNION ALL
               SELECT l.* FROM audit_log l
                WHERE actor IS NULL AND l.clinic_id = clinic
                  AND audit_minute(l.at) BETWEEN audit_minute(from_at) AND audit_minute(to_at)
                  AND l.at >= from_at AND l.at < to_at AND l.outcome IS NULL
                  AND (half IS NULL OR l.session = half)
                  AND (place IS NULL OR l.address <<= place)),
               touched AS (
               SELECT t.patient, s.event, s.at, coalesce(s.count, 1) + coalesce((
                      SELECT b.more FROM audit_background b
                       WHERE b.clinic_id = clinic AND b.first_seq = s.seq), 0) AS n
                 FROM seen s
                CROSS JOIN LATERAL (
                      SELECT s.patient_id WHERE s.patient_id IS NOT NULL
                       UNION SELECT unnest(s.returned)) AS t(patient)
                WHERE t.patient > behind)
        SELECT g.patient, g.data, g.events, g.first_at, g.last_at, false, k.class_version
          FROM (SELECT t.patient, string_agg(DISTINCT breach_data(w.word), ', ') AS data,
                       sum(t.n)::bigint AS events, min(t.at) AS first_at, max(t.at) AS last_at
                  FROM touched t
                  JOIN audit_word w ON w.id = t.event
                 WHERE EXISTS (SELECT FROM patient p WHERE p.clinic_id = clinic AND p.id = t.patient)
                 GROUP BY t.patient
                 ORDER BY t.patient LIMIT page) AS g
          LEFT JOIN LATERAL (
               SELECT r.class_version FROM record_key r
                WHERE r.clinic_id = clinic AND r.subject_id = g.patient
                ORDER BY r.version DESC LIMIT 1) AS k ON true
         ORDER BY g.patient;
    END IF;
END $$;

ALTER FUNCTION public.breach_scope(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, session_half text, network text, lost_version bigint, backup_at timestamp with time zone, after uuid, page bigint) OWNER TO epione_owner;

CREATE FUNCTION public.care_team_follow() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.clinician_id = OLD.clinician_id THEN
        PERFORM care_team_settle(NEW, NEW.clinician_id);
    ELSE -- in order: two that swap their visits must not wait for each other
        PERFORM care_team_settle(NEW, least(OLD.clinician_id, NEW.clinician_id));
        PERFORM care_team_settle(NEW, greatest(OLD.clinician_id, NEW.clinician_id));
    END IF;
    RETURN NULL;
END $$;

ALTER FUNCTION public.care_team_follow() OWNER TO epione_owner;

CREATE TABLE public.visit (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    clinician_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    reason bytea NOT NULL,
    fee_id uuid,
    due boolean DEFAULT false NOT NULL,
    status text DEFAULT 'booked'::text NOT NULL,
    arrived_at timestamp with time zone,
    admitted_at timestamp with time zone,
    ended_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(reason, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT visit_check CHECK ((ends_at > starts_at)),
    CONSTRAINT visit_status_check CHECK ((status = ANY (ARRAY['booked'::text, 'arrived'::text, 'in_call'::text, 'ended'::text, 'cancelled'::text, 'no_show'::text])))
);

ALTER TABLE public.visit OWNER TO epione_owner;

COMMENT ON COLUMN public.visit.reason IS 'sealed:visit_reason';

CREATE FUNCTION public.care_team_settle(v public.visit, clinician uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    last timestamptz;
BEGIN
    INSERT INTO care_team (clinic_id, patient_id, account_id, source, since,
           until, added_by)
    VALUES (v.clinic_id, v.patient_id, clinician, 'visit', now(), now(),
           coalesce(current_actor(), v.created_by))
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM care_team
      WHERE clinic_id = v.clinic_id AND patient_id = v.patient_id
        AND account_id = clinician
        FOR UPDATE;
    SELECT max(o.ends_at) INTO last FROM visit o
     WHERE o.clinic_id = v.clinic_id AND o.patient_id = v.patient_id
       AND o.clinician_id = clinician AND o.status <> 'cancelled';
    UPDATE care_team t
       SET visits_end = last,
           since = CASE WHEN t.until > now() OR t.removed_at IS NOT NULL
               THEN t.since ELSE now() END,
           until = CASE WHEN t.source = 'explicit' OR t.removed_at IS NOT NULL
               THEN t.until ELSE coalesce(last + make_interval(
                   days => c.care_days_after_visit), now()) END
      FROM clinic c
     WHERE c.id = v.clinic_id AND t.clinic_id = v.clinic_id
       AND t.patient_id = v.patient_id AND t.account_id = clinician;
END $$;

ALTER FUNCTION public.care_team_settle(v public.visit, clinician uuid) OWNER TO epione_owner;

CREATE FUNCTION public.checkpoints_due(files boolean) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH asked AS (
        INSERT INTO job (clinic_id, id, kind, key, run_at)
        SELECT c.id, gen_random_uuid(), 'checkpoint.send',
               to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), clock_timestamp()
          FROM clinic c
         WHERE files OR c.checkpoint_mail IS NOT NULL
            ON CONFLICT DO NOTHING
        RETURNING 1)
    SELECT count(*) FROM asked
$$;

ALTER FUNCTION public.checkpoints_due(files boolean) OWNER TO epione_owner;

CREATE FUNCTION public.current_actor() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('epione.actor', true), '')::uuid $$;

ALTER FUNCTION public.current_actor() OWNER TO epione_owner;

CREATE FUNCTION public.current_clinic() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('epione.clinic', true), '')::uuid $$;

ALTER FUNCTION public.current_clinic() OWNER TO epione_owner;

CREATE FUNCTION public.disclosure_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'what was disclosed stays written down'; END $$;

ALTER FUNCTION public.disclosure_kept() OWNER TO epione_owner;

CREATE FUNCTION public.guest_find(token_hash bytea) RETURNS TABLE(clinic_id uuid, id uuid, visit_id uuid, patient_id uuid, role text, clinic_name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT g.clinic_id, g.id, g.visit_id, v.patient_id, g.role, c.name
      FROM guest g
      JOIN visit v ON v.clinic_id = g.clinic_id AND v.id = g.visit_id
      JOIN clinic c ON c.id = g.clinic_id
     WHERE g.hash = token_hash AND g.ended_at IS NULL AND g.tries < 3
       AND v.status IN ('booked', 'arrived', 'in_call')
$$;

ALTER FUNCTION public.guest_find(token_hash bytea) OWNER TO epione_owner;

CREATE FUNCTION public.guests_leave() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE guest g SET ended_at = clock_timestamp()
     WHERE g.clinic_id = NEW.clinic_id AND g.visit_id = NEW.id AND g.ended_at IS NULL;
    UPDATE session s SET ended_at = clock_timestamp()
     WHERE s.clinic_id = NEW.clinic_id AND s.ended_at IS NULL
       AND s.account_id = ANY (ARRAY(SELECT g.id FROM guest g
            WHERE g.clinic_id = NEW.clinic_id AND g.visit_id = NEW.id));
    RETURN NULL;
END $$;

ALTER FUNCTION public.guests_leave() OWNER TO epione_owner;

CREATE FUNCTION public.incident_due(notice text, discovered date, affected bigint, in_state bigint, delay_on date) RETURNS date
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT greatest(d.due, CASE WHEN d.due IS NOT NULL THEN delay_on END)
      FROM (SELECT CASE
            WHEN affected = 0 THEN NULL
            WHEN notice = 'media' AND coalesce(in_state, affected, 501) <= 500 THEN NULL
            WHEN notice = 'secretary' AND affected < 500
            THEN make_date(extract(year FROM discovered)::integer, 12, 31) + 60
            ELSE discovered + 60 END AS due) AS d
$$;

ALTER FUNCTION public.incident_due(notice text, discovered date, affected bigint, in_state bigint, delay_on date) OWNER TO epione_owner;

CREATE FUNCTION public.incident_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'what was said of an incident stays'; END $$;

ALTER FUNCTION public.incident_kept() OWNER TO epione_owner;

CREATE FUNCTION public.incident_stands(clinic uuid, incident uuid, zone text, discovered_at timestamp with time zone, affected bigint, in_state bigint) RETURNS TABLE(nature text, recipient text, acquired text, mitigation text, delay_on date, people_due date, people_on date, media_due date, media_on date, secretary_due date, secretary_on date, today date)
    LANGUAGE sql STABLE ROWS 1
    AS $_$
    SELECT t.nature, t.recipient, t.acquired, t.mitigation, t.delay_on,
           incident_due('people', d.day, $5, $6, t.delay_on), t.people_on,
           incident_due('media', d.day, $5, $6, t.delay_on), t.media_on,
           incident_due('secretary', d.day, $5, $6, t.delay_on), t.secretary_on,
           (now() AT TIME ZONE $3)::date
      FROM (SELECT ($4 AT TIME ZONE $3)::date AS day) AS d
     CROSS JOIN (
           SELECT (array_agg(e.finding ORDER BY e.id DESC) FILTER (WHERE e.kind = 'nature'))[1] AS nature,
                  (array_agg(e.finding ORDER BY e.id DESC) FILTER (WHERE e.kind = 'recipient'))[1] AS recipient,
                  (array_agg(e.finding ORDER BY e.id DESC) FILTER (WHERE e.kind = 'acquired'))[1] AS acquired,
                  (array_agg(e.finding ORDER BY e.id DESC) FILTER (WHERE e.kind = 'mitigation'))[1] AS mitigation,
                  (array_agg(e.until ORDER BY e.id DESC) FILTER (WHERE e.kind = 'delay'))[1] AS delay_on,
                  min((e.at AT TIME ZONE $3)::date) FILTER (WHERE e.kind = 'notice_people') AS people_on,
                  min((e.at AT TIME ZONE $3)::date) FILTER (WHERE e.kind = 'notice_media') AS media_on,
                  min((e.at AT TIME ZONE $3)::date) FILTER (WHERE e.kind = 'notice_secretary') AS secretary_on
             FROM incident_entry e
            WHERE e.clinic_id = $1 AND e.incident_id = $2) AS t
$_$;

ALTER FUNCTION public.incident_stands(clinic uuid, incident uuid, zone text, discovered_at timestamp with time zone, affected bigint, in_state bigint) OWNER TO epione_owner;

CREATE FUNCTION public.invitation_find(token_hash bytea) RETURNS TABLE(clinic_id uuid, invitation_id uuid, account_id uuid, role text, confirmed boolean, phrase_hash bytea, clinic_name text, password_min_length integer, own_reset boolean)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT i.clinic_id, i.id, i.account_id, a.role, i.confirmed_at IS NOT NULL,
           i.phrase_hash, c.name, c.password_min_length, i.own_reset
      FROM invitation i
      JOIN account a ON a.clinic_id = i.clinic_id AND a.id = i.account_id
      JOIN clinic c ON c.id = i.clinic_id
     WHERE i.hash = token_hash AND a.deactivated_at IS NULL
       AND (NOT i.own_reset OR account_resettable(a))
       AND invitation_state(i.confirmed_at, i.ended_at, i.tries, i.expires_at,
               clock_timestamp()) <> 'ended'
$$;

ALTER FUNCTION public.invitation_find(token_hash bytea) OWNER TO epione_owner;

CREATE FUNCTION public.invitation_state(confirmed_at timestamp with time zone, ended_at timestamp with time zone, tries integer, expires_at timestamp with time zone, t timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN ended_at IS NOT NULL OR tries >= 5 OR expires_at <= t THEN 'ended'
        WHEN confirmed_at IS NULL THEN 'waiting' ELSE 'open' END $$;

ALTER FUNCTION public.invitation_state(confirmed_at timestamp with time zone, ended_at timestamp with time zone, tries integer, expires_at timestamp with time zone, t timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.keys_watch(days bigint, classes text[], OUT asked bigint, OUT worn bigint) RETURNS record
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH used AS MATERIALIZED (
        SELECT clinic_id, class, class_version, count(*) AS records,
               sum(seals)::bigint AS seals, max(seals) AS seals_most,
               count(*) FILTER (WHERE seals >= 2147483648) AS worn
          FROM record_key WHERE wrapped IS NOT NULL
         GROUP BY clinic_id, class, class_version),
    counted AS (
        UPDATE class_key c SET records = n.records, seals = n.seals,
               seals_most = n.seals_most, counted_at = clock_timestamp()
          FROM (SELECT k.clinic_id, k.class, k.version, coalesce(u.records, 0) AS records,
                       coalesce(u.seals, 0) AS seals, coalesce(u.seals_most, 0) AS seals_most
                  FROM class_key k
                  LEFT JOIN used u ON u.clinic_id = k.clinic_id AND u.class = k.class
                       AND u.class_version = k.version
                 WHERE k.class = ANY (classes)) AS n
         WHERE c.clinic_id = n.clinic_id AND c.class = n.class AND c.version = n.version),
    newest AS (
        SELECT DISTINCT ON (clinic_id, class) clinic_id, class, version, created_at
          FROM class_key WHERE class = ANY (classes)
         ORDER BY clinic_id, class, version DESC),
    due AS (
        SELECT clinic_id, 'key.turn' AS kind FROM newest
         WHERE days > 0 AND created_at < clock_timestamp() - make_interval(days => days::integer)
        UNION
        SELECT n.clinic_id, 'key.rewrap' FROM newest n
          JOIN used u ON u.clinic_id = n.clinic_id AND u.class = n.class
           AND u.class_version < n.version),
    asked AS (
        INSERT INTO job (clinic_id, id, kind, key, run_at)
        SELECT clinic_id, gen_random_uuid(), kind, gen_random_uuid()::text, clock_timestamp()
          FROM due d
         WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.clinic_id = d.clinic_id
                   AND j.kind = d.kind AND j.state <> 'done')
        RETURNING 1)
    SELECT (SELECT count(*) FROM asked), (SELECT coalesce(sum(worn), 0)::bigint FROM used)
$$;

ALTER FUNCTION public.keys_watch(days bigint, classes text[], OUT asked bigint, OUT worn bigint) OWNER TO epione_owner;

CREATE TABLE public.payment (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    visit_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    fee_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    state text DEFAULT 'opening'::text NOT NULL,
    checkout_id text,
    checkout_url text,
    intent_id text,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    dispute text,
    difference text,
    restricted boolean DEFAULT false NOT NULL,
    receipt_minor bigint,
    expires_at timestamp with time zone,
    paid_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT payment_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payment_check CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor))),
    CONSTRAINT payment_dispute_check CHECK ((dispute = ANY (ARRAY['open'::text, 'won'::text, 'lost'::text]))),
    CONSTRAINT payment_state_check CHECK ((state = ANY (ARRAY['opening'::text, 'open'::text, 'paid'::text, 'failed'::text, 'expired'::text, 'refunding'::text, 'refunded'::text])))
);

ALTER TABLE public.payment OWNER TO epione_owner;

CREATE FUNCTION public.ledger_add(p public.payment, kind text, reference text, debit text, credit text, amount bigint, currency text) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO ledger (clinic_id, payment_id, kind, reference, debit, credit, amount_minor, currency)
    VALUES (p.clinic_id, p.id, kind, reference, debit, credit, amount, currency)
    ON CONFLICT ON CONSTRAINT ledger_key DO NOTHING
$$;

ALTER FUNCTION public.ledger_add(p public.payment, kind text, reference text, debit text, credit text, amount bigint, currency text) OWNER TO epione_owner;

CREATE FUNCTION public.ledger_kept() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger is only added to'; END $$;

ALTER FUNCTION public.ledger_kept() OWNER TO epione_owner;

CREATE FUNCTION public.network_of(address inet) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$ SELECT network(set_masklen($1, CASE family($1) WHEN 4 THEN 24 ELSE 64 END))::text $_$;

ALTER FUNCTION public.network_of(address inet) OWNER TO epione_owner;

CREATE FUNCTION public.password_expiry(changed_at timestamp with time zone, max_age_days integer) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    AS $$ SELECT CASE WHEN max_age_days > 0
                 THEN changed_at + make_interval(days => max_age_days) END $$;

ALTER FUNCTION public.password_expiry(changed_at timestamp with time zone, max_age_days integer) OWNER TO epione_owner;

CREATE FUNCTION public.patients_beginning(after_word bytea, after_part bigint, after uuid, most bigint, beginnings bytea[], groups bigint[], names bigint[], group_count bigint, walked bigint, exact bytea[], exact_name bigint, year bytea[]) RETURNS TABLE(word bytea, part smallint, patient_id uuid)
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    w record;
    p smallint;
    n bigint := 0;
    got bigint;
BEGIN
    FOR w IN
        SELECT DISTINCT b.word, g.name
          FROM unnest(beginnings, groups, names) AS g(beginning, grp, name)
          JOIN name_beginning b ON b.clinic_id = current_clinic()
               AND b.beginning = g.beginning
         WHERE g.grp = walked AND b.word >= coalesce(after_word, '')
         ORDER BY b.word
    LOOP
        FOR p IN 1..4 LOOP
            CONTINUE WHEN w.name NOT IN (3, 2 - p % 2)
                OR (w.word = after_word AND p < after_part)
                OR (w.word = ANY (exact) AND p > 2 AND exact_name IN (3, 2 - p % 2));
            RETURN QUERY
                SELECT t.token, t.part, t.patient_id
                  FROM patient_token t
                 WHERE t.clinic_id = current_clinic()
                   AND t.token = w.word AND t.part = p
                   AND t.patient_id > CASE WHEN w.word = after_word AND p = after_part
                       THEN after ELSE '00000000-0000-0000-0000-000000000000' END
                   AND (SELECT true FROM record_key k
                         WHERE k.clinic_id = current_clinic() AND k.subject_id = t.patient_id
                           AND k.wrapped IS NOT NULL LIMIT 1)
                   AND (group_count = 1 OR
                        (SELECT h.n FROM bears_names(t.patient_id, beginnings, groups, names) AS h) = group_count)
                   AND (cardinality(year) = 0 OR (
                       SELECT b.birth_year = ANY (year) FROM patient b
                        WHERE b.clinic_id = current_clinic() AND b.id = t.patient_id))
                 ORDER BY t.patient_id
                 LIMIT most - n;
            GET DIAGNOSTICS got = ROW_COUNT;
            n := n + got;
            IF n >= most THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;
END $$;

ALTER FUNCTION public.patients_beginning(after_word bytea, after_part bigint, after uuid, most bigint, beginnings bytea[], groups bigint[], names bigint[], group_count bigint, walked bigint, exact bytea[], exact_name bigint, year bytea[]) OWNER TO epione_owner;

CREATE FUNCTION public.payment_compare(ids text[], kinds text[], amounts bigint[], monies text[], intents text[], owns text[], clinics text[], moved bigint[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    m record;
    p payment;
    only_clinic uuid;
    n bigint := 0;
    made bigint;
BEGIN
    SELECT CASE WHEN count(*) = 1 THEN (array_agg(c.id))[1] END INTO only_clinic FROM clinic c;
    FOR m IN SELECT * FROM unnest(ids, kinds, amounts, monies, intents, owns, clinics, moved)
            AS x(id, kind, amount, money, intent, own, clinic, at) LOOP
        SELECT q.* INTO p FROM payment q
         WHERE q.intent_id = m.intent OR q.id::text = m.own LIMIT 1;
        IF FOUND THEN
            INSERT INTO job (clinic_id, id, kind, key, run_at, record_id)
            SELECT p.clinic_id, gen_random_uuid(), 'payment.fetch', 'moved ' || m.id, now(), p.id
             WHERE p.checkout_id IS NOT NULL
               AND (p.paid_at IS NULL OR p.updated_at < to_timestamp(m.at))
            ON CONFLICT DO NOTHING;
        ELSIF m.kind IN ('payout', 'payout_cancel', 'payout_failure', 'stripe_fee')
                AND only_clinic IS NOT NULL AND m.amount <> 0 THEN
            INSERT INTO ledger (clinic_id, kind, reference, debit, credit, amount_minor, currency, at)
            SELECT only_clinic, CASE m.kind WHEN 'stripe_fee' THEN 'fee' ELSE 'payout' END, m.id,
                   CASE WHEN m.amount < 0 THEN other ELSE 'processor' END,
                   CASE WHEN m.amount < 0 THEN 'processor' ELSE other END,
                   abs(m.amount), m.money, to_timestamp(m.at)
              FROM (SELECT CASE m.kind WHEN 'stripe_fee' THEN 'fees' ELSE 'bank' END AS other) AS o
            ON CONFLICT ON CONSTRAINT ledger_key DO NOTHING;
        ELSE
            INSERT INTO payment_difference (clinic_id, id, reference, kind, amount_minor, currency, moved_at)
            SELECT c.id, gen_random_uuid(), m.id, m.kind, m.amount, m.money, to_timestamp(m.at)
              FROM clinic c
             WHERE c.id::text = m.clinic
                OR NOT EXISTS (SELECT 1 FROM clinic d WHERE d.id::text = m.clinic)
            ON CONFLICT ON CONSTRAINT payment_difference_key DO NOTHING;
        END IF;
        GET DIAGNOSTICS made = ROW_COUNT;
        n := n + made;
    END LOOP;
    RETURN n;
END $$;

ALTER FUNCTION public.payment_compare(ids text[], kinds text[], amounts bigint[], monies text[], intents text[], owns text[], clinics text[], moved bigint[]) OWNER TO epione_owner;

CREATE FUNCTION public.payment_find(checkout text, intent text, own uuid) RETURNS TABLE(clinic_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT p.clinic_id, p.id FROM payment p
     WHERE p.checkout_id = checkout OR p.intent_id = intent OR p.id = own
     LIMIT 1
$$;

ALTER FUNCTION public.payment_find(checkout text, intent text, own uuid) OWNER TO epione_owner;

CREATE FUNCTION public.payment_paid() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE visit v SET due = false
     WHERE v.clinic_id = NEW.clinic_id AND v.id = NEW.visit_id AND v.due;
    RETURN NULL;
END $$;

ALTER FUNCTION public.payment_paid() OWNER TO epione_owner;

CREATE FUNCTION public.payment_reconcile(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH given_up AS (
        UPDATE payment p SET state = 'failed', updated_at = now(), version = p.version + 1
         WHERE p.state = 'opening'
           AND EXISTS (SELECT 1 FROM job j WHERE j.clinic_id = p.clinic_id
                AND j.record_id = p.id AND j.kind = 'payment.open' AND j.state = 'dead')
           AND NOT EXISTS (SELECT 1 FROM job j WHERE j.clinic_id = p.clinic_id
                AND j.record_id = p.id AND j.kind = 'payment.open'
                AND j.state IN ('waiting', 'running'))
        RETURNING p.*),
    booked AS (
        INSERT INTO ledger (clinic_id, payment_id, kind, debit, credit, amount_minor, currency)
        SELECT clinic_id, id, 'failed', 'income', 'patient', amount_minor, currency FROM given_up
        ON CONFLICT ON CONSTRAINT ledger_key DO NOTHING),
    asked AS (
        INSERT INTO job (clinic_id, id, kind, key, run_at, record_id)
        SELECT p.clinic_id, gen_random_uuid(), 'payment.fetch',
               'reconcile ' || p.id || ' ' || to_char(now(), 'YYYY-MM-DD HH24'), now(), p.id
          FROM payment p
         WHERE p.checkout_id IS NOT NULL
           AND (p.state IN ('open', 'refunding')
                OR (p.paid_at > now() - interval '120 days' AND p.updated_at < now() - interval '1 day'))
         ORDER BY p.updated_at LIMIT batch
        ON CONFLICT DO NOTHING RETURNING 1)
    SELECT count(*) FROM asked
$$;

ALTER FUNCTION public.payment_reconcile(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.payment_settle(payment uuid, intent text, amount bigint, money text, was_paid boolean, ended text, refunded bigint, cost bigint, cost_money text, disputed text, dispute_cost bigint, dispute_returned bigint, dispute_money text) RETURNS text
    LANGUAGE plpgsql
    AS $$
DECLARE
    p payment;
    s text;
BEGIN
    SELECT * INTO p FROM payment x
     WHERE x.clinic_id = current_clinic() AND x.id = payment FOR UPDATE;
    IF was_paid AND (amount <> p.amount_minor OR money <> p.currency) THEN
        s := 'amount';
    ELSIF refunded > p.amount_minor OR refunded < p.refunded_minor THEN
        s := 'refunded';
    ELSIF p.paid_at IS NOT NULL AND NOT was_paid THEN
        s := NULL; -- older than what is known
        RETURN p.state;
    END IF;
    IF s IS NOT NULL THEN
        UPDATE payment x SET difference = s, updated_at = now()
         WHERE x.clinic_id = p.clinic_id AND x.id = p.id;
        RETURN p.state;
    END IF;
    IF was_paid AND p.paid_at IS NULL THEN
        IF p.state IN ('failed', 'expired') THEN
            PERFORM ledger_add(p, 'opened', 'again', 'patient', 'income', p.amount_minor, p.currency);
        END IF;
        PERFORM ledger_add(p, 'paid', '', 'processor', 'patient', p.amount_minor, p.currency);
    END IF;
    IF was_paid AND cost > 0 THEN
        PERFORM ledger_add(p, 'fee', '', 'fees', 'processor', cost, cost_money);
    END IF;
    -- what the processor keeps for a dispute, and what it gives of that back
    IF was_paid AND dispute_cost > 0 THEN
        PERFORM ledger_add(p, 'fee', 'dispute', 'fees', 'processor', dispute_cost, dispute_money);
    END IF;
    IF was_paid AND dispute_returned > 0 THEN
        PERFORM ledger_add(p, 'fee', 'dispute returned', 'processor', 'fees', dispute_returned, dispute_money);
    END IF;
    IF refunded > p.refunded_minor THEN
        PERFORM ledger_add(p, 'refunded', refunded::text, 'income', 'processor',
            refunded - p.refunded_minor, p.currency);
    END IF;
    IF disputed IS NOT NULL AND disputed IS DISTINCT FROM p.dispute AND p.dispute IS DISTINCT FROM 'won'
            AND p.dispute IS DISTINCT FROM 'lost' THEN
        PERFORM ledger_add(p, 'disputed', '', 'dispute', 'processor', p.amount_minor, p.currency);
        IF disputed = 'won' THEN
            PERFORM ledger_add(p, 'won', '', 'processor', 'dispute', p.amount_minor, p.currency);
        ELSIF disputed = 'lost' THEN
            PERFORM ledger_add(p, 'lost', '', 'income', 'dispute', p.amount_minor, p.currency);
        END IF;
    END IF;
    IF NOT was_paid AND ended IS NOT NULL AND p.state IN ('opening', 'open') THEN
        PERFORM ledger_add(p, ended, '', 'income', 'patient', p.amount_minor, p.currency);
    END IF;
    s := CASE WHEN was_paid AND refunded = p.amount_minor THEN 'refunded'
              WHEN was_paid AND EXISTS (SELECT 1 FROM payment_refund r
                   WHERE r.clinic_id = p.clinic_id AND r.payment_id = p.id
                     AND r.state = 'waiting') THEN 'refunding'
              WHEN was_paid THEN 'paid'
              WHEN p.state IN ('opening', 'open') THEN coalesce(ended, p.state)
              ELSE p.state END;
    UPDATE payment x
       SET state = s, intent_id = coalesce(x.intent_id, intent), refunded_minor = refunded,
           dispute = CASE WHEN p.dispute IN ('won', 'lost') THEN p.dispute
                          ELSE coalesce(disputed, p.dispute) END,
           paid_at = CASE WHEN was_paid THEN coalesce(x.paid_at, now()) END,
           checkout_url = CASE WHEN s IN ('opening', 'open') THEN x.checkout_url END,
           difference = NULL, updated_at = now(), version = x.version + 1
     WHERE x.clinic_id = p.clinic_id AND x.id = p.id;
    RETURN s;
END $$;

ALTER FUNCTION public.payment_settle(payment uuid, intent text, amount bigint, money text, was_paid boolean, ended text, refunded bigint, cost bigint, cost_money text, disputed text, dispute_cost bigint, dispute_returned bigint, dispute_money text) OWNER TO epione_owner;

CREATE FUNCTION public.recording_agreed(recording uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT c.account_id
      FROM (SELECT DISTINCT ON (account_id) account_id, given
              FROM recording_consent
             WHERE clinic_id = current_clinic() AND recording_id = recording
             ORDER BY account_id, at DESC, id DESC) AS c
     WHERE c.given
$$;

ALTER FUNCTION public.recording_agreed(recording uuid) OWNER TO epione_owner;

CREATE FUNCTION public.recordings_due(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH over AS ( -- nobody agreed in time, or the call is over
        UPDATE recording SET state = 'stopped', stopped_at = clock_timestamp()
         WHERE ctid = ANY (ARRAY(
            SELECT r.ctid FROM recording r
              JOIN visit v ON v.clinic_id = r.clinic_id AND v.id = r.visit_id
             WHERE (r.state = 'consent' AND r.created_at < clock_timestamp() - interval '15 minutes')
                OR (r.state = 'recording' AND v.status <> 'in_call'
                    AND v.ended_at < clock_timestamp() - interval '15 minutes')
                OR (r.state = 'recording' AND r.created_at < clock_timestamp() - interval '1 day')
             ORDER BY r.created_at LIMIT batch FOR UPDATE OF r SKIP LOCKED))
        RETURNING 1),
    gone AS ( -- kept long enough, or there never was anything
        UPDATE recording SET state = 'deleting'
         WHERE ctid = ANY (ARRAY(
            SELECT r.ctid FROM recording r
             WHERE r.hold_at IS NULL AND (
                   (r.state IN ('stopped', 'checking', 'stored', 'incomplete')
                    AND r.keep_until < clock_timestamp())
                OR (r.state = 'stopped' AND r.stopped_at < clock_timestamp() - interval '1 hour'
                    AND NOT EXISTS (SELECT 1 FROM recording_chunk c
                        WHERE c.clinic_id = r.clinic_id AND c.recording_id = r.id)))
             ORDER BY r.keep_until LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING clinic_id, id),
    left_behind AS ( -- an upload that nobody ended
        UPDATE recording r SET state = 'checking', chunks = coalesce(r.chunks, (
               SELECT max(c.index) + 1 FROM recording_chunk c
                WHERE c.clinic_id = r.clinic_id AND c.recording_id = r.id))
         WHERE r.ctid = ANY (ARRAY(
            SELECT o.ctid FROM recording o
             WHERE o.state = 'stopped' AND o.stopped_at < clock_timestamp() - interval '7 days'
               AND o.keep_until >= clock_timestamp()
               AND EXISTS (SELECT 1 FROM recording_chunk c
                    WHERE c.clinic_id = o.clinic_id AND c.recording_id = o.id)
             ORDER BY o.created_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING r.clinic_id, r.id),
    anew AS ( -- stored long ago: is it still there?
        UPDATE recording SET check_from = clock_timestamp(), checked_at = clock_timestamp()
         WHERE ctid = ANY (ARRAY(
            SELECT r.ctid FROM recording r
             WHERE r.state = 'stored' AND r.checked_at < clock_timestamp() - interval '30 days'
               AND r.keep_until >= clock_timestamp()
             ORDER BY r.checked_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING clinic_id, id),
    asked AS (
        INSERT INTO job (clinic_id, id, kind, key, run_at, record_id)
        SELECT a.clinic_id, gen_random_uuid(), a.kind, a.key, clock_timestamp(), a.id
          FROM (SELECT clinic_id, id, 'recording.delete' AS kind, id::text AS key FROM gone
                UNION ALL
                SELECT clinic_id, id, 'recording.verify', gen_random_uuid()::text FROM left_behind
                UNION ALL
                SELECT clinic_id, id, 'recording.verify', gen_random_uuid()::text FROM anew) AS a
            ON CONFLICT DO NOTHING
        RETURNING 1)
    SELECT (SELECT count(*) FROM over) + (SELECT count(*) FROM gone)
         + (SELECT count(*) FROM left_behind) + (SELECT count(*) FROM anew)
         + 0 * (SELECT count(*) FROM asked)
$$;

ALTER FUNCTION public.recordings_due(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.reset_ask(job uuid, tokens bytea[], device bytea, network bytea) RETURNS TABLE(clinic_id uuid, account_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    t timestamptz := clock_timestamp();
    note text;
BEGIN
    SELECT a.clinic_id, a.id INTO clinic_id, account_id
      FROM account a
     WHERE a.sign_in_token = ANY (tokens)
     ORDER BY a.sign_in_token DESC LIMIT 1;
    note := set_config('epione.clinic', coalesce(clinic_id::text, ''), true);
    INSERT INTO reset_wait AS w (email_token, source, until)
        VALUES (tokens[1], attempt_source(clinic_id, account_id, device, network),
                t + interval '1 hour')
        ON CONFLICT (email_token, source)
            DO UPDATE SET until = greatest(w.until, t) + interval '1 hour'
             WHERE w.until <= t + interval '2 hours';
    IF FOUND THEN
        INSERT INTO job (clinic_id, id, kind, key, run_at, record_id)
            VALUES (coalesce(clinic_id, '00000000-0000-0000-0000-000000000000'),
                    job, 'account.reset', job::text, t, account_id);
        PERFORM pg_notify('epione_job', '');
    END IF;
    RETURN NEXT;
END $$;

ALTER FUNCTION public.reset_ask(job uuid, tokens bytea[], device bytea, network bytea) OWNER TO epione_owner;

CREATE FUNCTION public.reset_link(account uuid, link uuid, token_hash bytea) RETURNS TABLE(id uuid, key_subject uuid, key_version bigint, key_wrapped bytea, email bytea, patient_id uuid, patient_subject uuid, patient_version bigint, patient_wrapped bytea, language bytea, expires_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    t timestamptz := clock_timestamp();
BEGIN
    INSERT INTO invitation (clinic_id, id, hash, account_id, created_at, expires_at,
           mailed, confirmed_at, own_reset)
    SELECT a.clinic_id, link, token_hash, a.id, t, t + interval '1 hour', true, t, true
      FROM account a
     WHERE a.clinic_id = current_clinic() AND a.id = account AND account_resettable(a)
        ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT a.id, k.subject_id, k.version::bigint, k.wrapped, a.email, p.id,
           pk.subject_id, pk.version::bigint, pk.wrapped, p.language, i.expires_at
      FROM invitation i
      JOIN account a ON a.clinic_id = i.clinic_id AND a.id = i.account_id
      JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
       AND k.version = a.key_version
      LEFT JOIN patient p ON p.clinic_id = a.clinic_id AND p.id = a.patient_id
      LEFT JOIN record_key pk ON pk.clinic_id = p.clinic_id AND pk.subject_id = p.id
       AND pk.version = p.key_version
     WHERE i.clinic_id = current_clinic() AND i.id = link AND i.account_id = account
       AND i.own_reset AND i.ended_at IS NULL AND account_resettable(a);
END $$;

ALTER FUNCTION public.reset_link(account uuid, link uuid, token_hash bytea) OWNER TO epione_owner;

CREATE FUNCTION public.session_open(token_hash bytea, session uuid, background boolean, kind text, subject uuid) RETURNS TABLE(clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid, role text, client text, state text, step_up_until timestamp with time zone, rebind_until timestamp with time zone, idle_expires_at timestamp with time zone, expires_at timestamp with time zone, password_expires_at timestamp with time zone, subject_patient uuid, is_self boolean, is_care boolean, is_part boolean, is_emergency boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    t timestamptz := clock_timestamp();
    seen timestamptz;
    idle interval;
    note text;
BEGIN
    IF token_hash IS NULL THEN
        token_hash := (SELECT s.hash FROM session s
             WHERE s.clinic_id = current_clinic() AND s.id = session);
    END IF;
    SELECT s.clinic_id, s.id, s.account_id, a.patient_id, a.role, s.client,
           CASE WHEN a.role = 'guest' THEN 'guest' ELSE
           session_state(s.factor_at, a.totp_confirmed_at, a.compromised_at,
               password_expiry(a.password_changed_at, c.password_max_age_days), t) END,
           s.step_up_until, s.rebind_until, s.seen_at,
           make_interval(secs => s.idle_s), s.expires_at,
           password_expiry(a.password_changed_at, c.password_max_age_days)
      INTO clinic_id, session_id, account_id, patient_id, role, client, state,
           step_up_until, rebind_until, seen, idle, expires_at, password_expires_at
      FROM session s
      JOIN account a ON a.clinic_id = s.clinic_id AND a.id = s.account_id
      JOIN clinic c ON c.id = s.clinic_id
     WHERE s.hash = token_hash
       AND s.ended_at IS NULL AND a.deactivated_at IS NULL
       AND t < s.expires_at
       AND t < s.seen_at + make_interval(secs => s.idle_s);
    IF session_id IS NULL THEN
        note := set_config('epione.clinic', '', true);
        note := set_config('epione.actor', '', true);
        note := set_config('epione.standing', '', true);
        RETURN;
    END IF;
    IF NOT background AND seen < t - interval '5 seconds' THEN
        -- whoever has the row notes it as well, and nobody waits for that
        PERFORM 1 FROM session s
          WHERE s.clinic_id = session_open.clinic_id AND s.id = session_id
            FOR NO KEY UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE session s SET seen_at = t
             WHERE s.clinic_id = session_open.clinic_id AND s.id = session_id;
        END IF;
        seen := t;
    END IF;
    idle_expires_at := seen + idle;
    IF kind = 'patient' THEN
        SELECT p.id, p.id = session_open.patient_id, c.account_id IS NOT NULL, false
          INTO subject_patient, is_self, is_care, is_part
          FROM patient p
          LEFT JOIN care_team c ON c.clinic_id = p.clinic_id AND c.patient_id = p.id
           AND c.account_id = session_open.account_id AND c.until > t
         WHERE p.clinic_id = session_open.clinic_id AND p.id = subject;
        IF is_self IS NOT TRUE AND NOT is_care THEN
            is_emergency := EXISTS (SELECT FROM review e
                WHERE e.clinic_id = session_open.clinic_id
                  AND e.account_id = session_open.account_id
                  AND e.patient_id = subject_patient AND e.access_until > t);
        END IF;
    ELSIF kind = 'visit' THEN
        SELECT r.patient_id, r.is_self, r.is_care, r.is_part
          INTO subject_patient, is_self, is_care, is_part
          FROM visit_relation(subject, session_open.clinic_id,
               session_open.account_id) r;
    ELSIF kind = 'recording' THEN
        -- whose visit it was has it in their care, too
        SELECT r.patient_id, r.is_self, r.is_care OR r.is_part, r.is_part
          INTO subject_patient, is_self, is_care, is_part
          FROM recording g
         CROSS JOIN LATERAL visit_relation(g.visit_id, session_open.clinic_id,
               session_open.account_id) r
         WHERE g.clinic_id = session_open.clinic_id AND g.id = subject;
    END IF;
    is_self := coalesce(is_self, false);
    is_care := coalesce(is_care, false);
    is_part := coalesce(is_part, false);
    is_emergency := coalesce(is_emergency, false);
    note := set_config('epione.clinic', clinic_id::text, true);
    note := set_config('epione.actor', account_id::text, true);
    note := set_config('epione.standing', CASE WHEN subject_patient IS NOT NULL
        THEN role || ' ' || state || ' ' || (is_self::integer
            + 2 * is_part::integer + 4 * is_care::integer
            + 8 * is_emergency::integer) END, true);
    RETURN NEXT;
END $$;

ALTER FUNCTION public.session_open(token_hash bytea, session uuid, background boolean, kind text, subject uuid) OWNER TO epione_owner;

CREATE FUNCTION public.session_state(factor_at timestamp with time zone, totp_confirmed_at timestamp with time zone, compromised_at timestamp with time zone, password_expires_at timestamp with time zone, t timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN totp_confirmed_at IS NULL THEN 'totp_enrolment_required'
        WHEN factor_at IS NULL THEN 'totp_required'
        WHEN compromised_at IS NOT NULL OR t >= password_expires_at THEN 'password_expired'
        ELSE 'active' END $$;

ALTER FUNCTION public.session_state(factor_at timestamp with time zone, totp_confirmed_at timestamp with time zone, compromised_at timestamp with time zone, password_expires_at timestamp with time zone, t timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.sessions_ended(clinics uuid[], ids uuid[], active uuid[]) RETURNS TABLE(id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

ALTER FUNCTION public.sessions_ended(clinics uuid[], ids uuid[], active uuid[]) OWNER TO epione_owner;

CREATE FUNCTION public.sign_in_take(tokens bytea[], device bytea, network bytea) RETURNS TABLE(clinic_id uuid, account_id uuid, role text, password_hash text, wait_until timestamp with time zone, warn boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    r record;
    -- of the strictest clinic, whosever the name is
    free integer := (SELECT min(failures_before_delay) FROM clinic);
BEGIN
    SELECT a.clinic_id, a.id, a.role,
           CASE WHEN a.deactivated_at IS NULL THEN a.password_hash END AS hash,
           attempt_source(a.clinic_id, a.id, device, network) AS source
      INTO r
      FROM account a
     WHERE a.sign_in_token = ANY (tokens)
     ORDER BY a.sign_in_token DESC LIMIT 1;
    IF FOUND THEN
        RETURN QUERY SELECT r.clinic_id, r.id, r.role, r.hash, t.wait_until, t.warn
            FROM attempt_take(r.clinic_id, r.id, 'password', free, r.source) AS t;
    ELSE
        RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::text, NULL::text,
            attempt_take_stranger(tokens[1], free), false;
    END IF;
END $$;

ALTER FUNCTION public.sign_in_take(tokens bytea[], device bytea, network bytea) OWNER TO epione_owner;

CREATE FUNCTION public.source_note(clinic uuid, account uuid, was bytea, device bytea, network bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    news boolean := false;
BEGIN
    IF device IS NOT NULL THEN
        DELETE FROM known_source WHERE clinic_id = clinic
           AND account_id = account AND kind = 'device' AND token = was;
        news := NOT FOUND;
        UPDATE known_source SET token = device WHERE kind = 'device' AND token = was;
        INSERT INTO known_source (clinic_id, account_id, kind, token)
            VALUES (clinic, account, 'device', device);
    END IF;
    IF network IS NOT NULL THEN
        news := news OR NOT EXISTS (
            SELECT FROM known_source s
             WHERE s.clinic_id = clinic AND s.account_id = account
               AND s.kind = 'network' AND s.token = network);
        INSERT INTO known_source (clinic_id, account_id, kind, token)
            VALUES (clinic, account, 'network', network)
            ON CONFLICT ON CONSTRAINT known_source_key
                DO UPDATE SET seen_at = clock_timestamp();
    END IF;
    DELETE FROM known_source WHERE clinic_id = clinic AND id IN (
        SELECT o.id FROM (
            SELECT s.id, row_number() OVER (PARTITION BY s.kind
                   ORDER BY s.seen_at DESC) AS place
              FROM known_source s
             WHERE s.clinic_id = clinic AND s.account_id = account) AS o
         WHERE o.place > 10);
    RETURN news;
END $$;

ALTER FUNCTION public.source_note(clinic uuid, account uuid, was bytea, device bytea, network bytea) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_attempts(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH none AS (
        DELETE FROM attempt WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM attempt WHERE failures = 0
             LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1),
    old AS (
        DELETE FROM attempt WHERE ctid = ANY (ARRAY(
            SELECT a.ctid FROM attempt a
             WHERE a.tried_at < clock_timestamp() - interval '30 days'
               AND a.failures <> 0 AND NOT attempt_stopped(a)
             ORDER BY a.tried_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1),
    left_behind AS (
        DELETE FROM known_source WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM known_source
             WHERE seen_at < clock_timestamp() - interval '90 days'
             ORDER BY seen_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT greatest((SELECT count(*) FROM none), (SELECT count(*) FROM old),
        (SELECT count(*) FROM left_behind))
$$;

ALTER FUNCTION public.sweep_attempts(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_idempotency(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH gone AS (
        DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency
             WHERE created_at < clock_timestamp() - interval '25 hours'
             ORDER BY created_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

ALTER FUNCTION public.sweep_idempotency(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_invitations(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH gone AS (
        DELETE FROM invitation WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM invitation
             WHERE expires_at < clock_timestamp() - interval '30 days'
             ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

ALTER FUNCTION public.sweep_invitations(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_jobs(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH gone AS (
        DELETE FROM job WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM job
             WHERE ended_at < clock_timestamp() - interval '30 days'
             ORDER BY ended_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING clinic_id, id),
    keys AS (
        DELETE FROM record_key k USING gone g
         WHERE k.clinic_id = g.clinic_id AND k.subject_id = g.id AND k.class = 'job')
    SELECT count(*) FROM gone
$$;

ALTER FUNCTION public.sweep_jobs(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_reports(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH over AS (
        UPDATE report_run SET gone_at = clock_timestamp() WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM report_run
             WHERE gone_at IS NULL AND expires_at < clock_timestamp()
             ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING clinic_id, id),
    keys AS (
        DELETE FROM record_key k USING over o
         WHERE k.clinic_id = o.clinic_id AND k.subject_id = o.id AND k.class = 'job'),
    parts AS (
        DELETE FROM report_part p USING over o
         WHERE p.clinic_id = o.clinic_id AND p.run_id = o.id),
    old AS (
        DELETE FROM report_run WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM report_run
             WHERE gone_at < clock_timestamp() - interval '30 days'
             ORDER BY gone_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT greatest((SELECT count(*) FROM over), (SELECT count(*) FROM old))
$$;

ALTER FUNCTION public.sweep_reports(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_sessions(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH gone AS (
        DELETE FROM session WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM session
             WHERE expires_at < clock_timestamp() - interval '30 days'
             ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

ALTER FUNCTION public.sweep_sessions(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.sweep_strangers(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH gone AS (
        DELETE FROM attempt_stranger WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM attempt_stranger
             WHERE tried_at < greatest(clock_timestamp() - interval '30 days',
                   (SELECT tried_at FROM attempt_stranger
                     ORDER BY tried_at DESC OFFSET 1000000 LIMIT 1))
             ORDER BY tried_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1),
    over AS (
        DELETE FROM reset_wait WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM reset_wait WHERE until < clock_timestamp()
             ORDER BY until LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT greatest((SELECT count(*) FROM gone), (SELECT count(*) FROM over))
$$;

ALTER FUNCTION public.sweep_strangers(batch bigint) OWNER TO epione_owner;

CREATE FUNCTION public.us_of(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT (extract(epoch FROM at) * 1000000)::bigint $$;

ALTER FUNCTION public.us_of(at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.uuid_of_now() RETURNS uuid
    LANGUAGE sql
    AS $$ SELECT overlay(overlay(gen_random_uuid()::text
            PLACING regexp_replace(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint),
                12, '0'), '^(.{8})', '\1-') FROM 1)
            PLACING '7' FROM 15)::uuid $$;

ALTER FUNCTION public.uuid_of_now() OWNER TO epione_owner;

CREATE FUNCTION public.visit_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.due := CASE WHEN TG_OP = 'INSERT' THEN NEW.fee_id IS NOT NULL ELSE NEW.due END
        AND NEW.status <> 'cancelled';
    RETURN NEW;
END $$;

ALTER FUNCTION public.visit_due() OWNER TO epione_owner;

CREATE FUNCTION public.visit_listed(v public.visit, from_at timestamp with time zone, closed_at timestamp with time zone, today boolean, wanted text, after_at timestamp with time zone, after_id uuid) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT (v.ends_at > from_at OR (today AND v.ends_at > closed_at
            AND v.status IN ('arrived', 'in_call')))
       AND (wanted IS NULL OR visit_status(v.status, v.ends_at, closed_at) = wanted)
       AND (after_id IS NULL OR (v.starts_at, v.id) > (after_at, after_id))
$$;

ALTER FUNCTION public.visit_listed(v public.visit, from_at timestamp with time zone, closed_at timestamp with time zone, today boolean, wanted text, after_at timestamp with time zone, after_id uuid) OWNER TO epione_owner;

CREATE FUNCTION public.visit_relation(subject uuid, clinic uuid, actor uuid) RETURNS TABLE(patient_id uuid, is_self boolean, is_care boolean, is_part boolean)
    LANGUAGE sql STABLE ROWS 1
    AS $$
    SELECT v.patient_id,
        EXISTS (SELECT 1 FROM account a WHERE a.clinic_id = clinic
                AND a.id = actor AND a.patient_id = v.patient_id),
        coalesce(t.until > now(), false),
        (v.clinician_id = actor AND t.account_id IS NOT NULL
            AND t.removed_at IS NULL) OR
        EXISTS (SELECT 1 FROM account a WHERE a.clinic_id = clinic
                AND a.id = actor AND a.patient_id = v.patient_id) OR
        EXISTS (SELECT 1 FROM guest g WHERE g.clinic_id = clinic
                AND g.id = actor AND g.visit_id = subject AND g.ended_at IS NULL)
      FROM visit v
      LEFT JOIN care_team t ON t.clinic_id = clinic
       AND t.patient_id = v.patient_id AND t.account_id = actor
     WHERE v.clinic_id = clinic AND v.id = subject
$$;

ALTER FUNCTION public.visit_relation(subject uuid, clinic uuid, actor uuid) OWNER TO epione_owner;

CREATE FUNCTION public.visit_status(status text, ends_at timestamp with time zone, closed_at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN status IN ('arrived', 'in_call') AND ends_at <= closed_at
        THEN 'ended' ELSE status END $$;

ALTER FUNCTION public.visit_status(status text, ends_at timestamp with time zone, closed_at timestamp with time zone) OWNER TO epione_owner;

CREATE FUNCTION public.zone_known(zone text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

ALTER FUNCTION public.zone_known(zone text) OWNER TO epione_owner;

CREATE TABLE public.access_day (
    clinic_id uuid NOT NULL,
    account_id uuid NOT NULL,
    day date NOT NULL,
    records bigint NOT NULL,
    hours bigint NOT NULL,
    networks text[] NOT NULL
);

ALTER TABLE public.access_day OWNER TO epione_owner;

CREATE TABLE public.access_rule (
    clinic_id uuid NOT NULL,
    rule text NOT NULL,
    enabled boolean NOT NULL,
    threshold bigint NOT NULL,
    CONSTRAINT access_rule_rule_check CHECK ((rule ~ '^[a-z_]{1,40}$'::text))
);

ALTER TABLE public.access_rule OWNER TO epione_owner;

CREATE TABLE public.access_watched (
    singleton boolean DEFAULT true NOT NULL,
    tx bigint NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT access_watched_singleton_check CHECK (singleton)
);

ALTER TABLE public.access_watched OWNER TO epione_owner;

CREATE TABLE public.account_token (
    clinic_id uuid NOT NULL,
    account_id uuid NOT NULL,
    token bytea NOT NULL,
    part smallint NOT NULL,
    CONSTRAINT account_token_part_check CHECK (((part >= 1) AND (part <= 3))),
    CONSTRAINT account_token_token_check CHECK ((octet_length(token) = 10))
);

ALTER TABLE public.account_token OWNER TO epione_owner;

CREATE TABLE public.approval (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    account_id uuid NOT NULL,
    role text,
    invitation_id uuid,
    recording_id uuid,
    requested_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT approval_check CHECK (((kind = 'role'::text) = (role IS NOT NULL))),
    CONSTRAINT approval_check1 CHECK (((kind = ANY (ARRAY['role'::text, 'delete_recording'::text])) = (invitation_id IS NULL))),
    CONSTRAINT approval_check2 CHECK (((kind = 'delete_recording'::text) = (recording_id IS NOT NULL))),
    CONSTRAINT approval_check3 CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
    CONSTRAINT approval_kind_check CHECK ((kind = ANY (ARRAY['invite'::text, 'role'::text, 'reset_password'::text, 'reset_totp'::text, 'delete_recording'::text]))),
    CONSTRAINT approval_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'clinician'::text, 'scheduler'::text, 'compliance'::text]))),
    CONSTRAINT approval_second_person CHECK (((state <> 'confirmed'::text) OR (decided_by IS NULL) OR ((decided_by <> requested_by) AND (decided_by <> account_id)))),
    CONSTRAINT approval_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'confirmed'::text, 'refused'::text])))
);

ALTER TABLE public.approval OWNER TO epione_owner;

CREATE TABLE public.attempt_stranger (
    email_token bytea NOT NULL,
    failures integer NOT NULL,
    blocked_until timestamp with time zone,
    tried_at timestamp with time zone NOT NULL,
    CONSTRAINT attempt_stranger_email_token_check CHECK ((octet_length(email_token) = 10))
);

ALTER TABLE public.attempt_stranger OWNER TO epione_owner;

CREATE TABLE public.audit_background (
    clinic_id uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    what bytea NOT NULL,
    first_seq bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    more bigint DEFAULT 0 NOT NULL,
    last_at timestamp with time zone NOT NULL,
    request_id uuid NOT NULL,
    CONSTRAINT audit_background_what_check CHECK ((octet_length(what) = 32))
);

ALTER TABLE public.audit_background OWNER TO epione_owner;

CREATE TABLE public.audit_word (
    id smallint NOT NULL,
    word text NOT NULL,
    CONSTRAINT audit_word_word_check CHECK ((word ~ '^[A-Za-z0-9._ -]{1,60}$'::text))
);

ALTER TABLE public.audit_word OWNER TO epione_owner;

CREATE VIEW public.audit WITH (security_invoker='true') AS
 SELECT l.seq,
    l.clinic_id,
    l.at,
    e.word AS event,
    (l.action)::text AS action,
    COALESCE(o.word, 'ok'::text) AS outcome,
    l.actor_id,
    r.word AS actor_role,
    l.session,
    p.word AS purpose,
    l.patient_id,
    COALESCE(l.record_id, l.patient_id) AS record_id,
    COALESCE(l.returned, '{}'::uuid[]) AS returned,
    abbrev(l.address) AS address,
    l.request_id,
    f.word AS operation,
    (COALESCE(l.count, 1) + COALESCE(( SELECT b.more
           FROM public.audit_background b
          WHERE ((b.clinic_id = l.clinic_id) AND (b.first_seq = l.seq))), (0)::bigint)) AS count
   FROM (((((public.audit_log l
     JOIN public.audit_word e ON ((e.id = l.event)))
     JOIN public.audit_word f ON ((f.id = l.operation)))
     JOIN public.audit_word p ON ((p.id = l.purpose)))
     LEFT JOIN public.audit_word o ON ((o.id = l.outcome)))
     LEFT JOIN public.audit_word r ON ((r.id = l.actor_role)));

ALTER TABLE public.audit OWNER TO epione_owner;

CREATE TABLE public.audit_gone (
    clinic_id uuid NOT NULL,
    first bigint NOT NULL,
    n bigint NOT NULL,
    month date NOT NULL,
    CONSTRAINT audit_gone_first_check CHECK ((first >= 0)),
    CONSTRAINT audit_gone_n_check CHECK ((n > 0))
);

ALTER TABLE public.audit_gone OWNER TO epione_owner;

CREATE TABLE public.audit_key (
    clinic_id uuid NOT NULL,
    version bigint NOT NULL,
    public bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    follows text,
    CONSTRAINT audit_key_follows CHECK (((version = 1) = (follows IS NULL))),
    CONSTRAINT audit_key_public_check CHECK ((octet_length(public) = 32))
);

ALTER TABLE public.audit_key OWNER TO epione_owner;

CREATE TABLE public.audit_log_other (
    seq bigint NOT NULL,
    tx bigint DEFAULT public.audit_tx(pg_current_xact_id()) NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    clinic_id uuid NOT NULL,
    actor_id uuid,
    session bigint,
    request_id uuid NOT NULL,
    patient_id uuid,
    record_id uuid,
    event smallint NOT NULL,
    outcome smallint,
    operation smallint NOT NULL,
    actor_role smallint,
    purpose smallint NOT NULL,
    action "char" NOT NULL,
    address inet,
    count integer,
    returned uuid[],
    CONSTRAINT audit_log_action_check CHECK ((action = ANY (ARRAY['C'::"char", 'R'::"char", 'U'::"char", 'D'::"char", 'E'::"char"]))),
    CONSTRAINT audit_log_count_check CHECK ((count > 1)),
    CONSTRAINT audit_log_returned_check CHECK ((returned <> '{}'::uuid[]))
);

ALTER TABLE public.audit_log_other OWNER TO epione_owner;

ALTER TABLE public.audit_log ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.audit_month_gone (
    month date NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    gone_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.audit_month_gone OWNER TO epione_owner;

CREATE TABLE public.audit_sealed (
    singleton boolean DEFAULT true NOT NULL,
    tx bigint NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_sealed_singleton_check CHECK (singleton)
);

ALTER TABLE public.audit_sealed OWNER TO epione_owner;

CREATE TABLE public.audit_tile (
    clinic_id uuid NOT NULL,
    level bigint NOT NULL,
    first bigint NOT NULL,
    hashes bytea NOT NULL,
    last_tx bigint NOT NULL,
    last_seq bigint NOT NULL,
    CONSTRAINT audit_tile_check CHECK ((((octet_length(hashes) % 32) = 0) AND (((octet_length(hashes) / 32) >= 1) AND ((octet_length(hashes) / 32) <= (256 - (first % (256)::bigint)))))),
    CONSTRAINT audit_tile_first_check CHECK ((first >= 0)),
    CONSTRAINT audit_tile_level_check CHECK (((level >= 0) AND (level <= 7)))
);
ALTER TABLE ONLY public.audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

ALTER TABLE public.audit_tile OWNER TO epione_owner;

ALTER TABLE public.audit_word ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_word_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.care_team (
    clinic_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    account_id uuid NOT NULL,
    source text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    added_by uuid NOT NULL,
    visits_end timestamp with time zone,
    removed_at timestamp with time zone,
    removed_by uuid,
    CONSTRAINT care_team_check CHECK (((removed_at IS NULL) OR (until <= removed_at))),
    CONSTRAINT care_team_check1 CHECK (((removed_at IS NULL) = (removed_by IS NULL))),
    CONSTRAINT care_team_source_check CHECK ((source = ANY (ARRAY['explicit'::text, 'visit'::text])))
);

ALTER TABLE public.care_team OWNER TO epione_owner;

CREATE TABLE public.class_key (
    clinic_id uuid NOT NULL,
    class text NOT NULL,
    version bigint NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    records bigint,
    seals bigint,
    seals_most bigint,
    counted_at timestamp with time zone,
    CONSTRAINT class_key_class_check CHECK ((class = ANY (ARRAY['patient'::text, 'account'::text, 'index'::text, 'job'::text, 'audit'::text, 'incident'::text]))),
    CONSTRAINT class_key_index_turn CHECK (((class <> 'index'::text) OR (version = 1))),
    CONSTRAINT class_key_version_check CHECK ((version > 0))
);

ALTER TABLE public.class_key OWNER TO epione_owner;

CREATE TABLE public.clinic (
    id uuid NOT NULL,
    name text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    password_max_age_days integer DEFAULT 90 NOT NULL,
    password_min_length integer DEFAULT 12 NOT NULL,
    password_history integer DEFAULT 4 NOT NULL,
    idle_minutes_workforce integer DEFAULT 15 NOT NULL,
    idle_minutes_patient integer DEFAULT 30 NOT NULL,
    session_hours integer DEFAULT 12 NOT NULL,
    totp_window_steps integer DEFAULT 1 NOT NULL,
    failures_before_delay integer DEFAULT 5 NOT NULL,
    care_days_after_visit integer DEFAULT 30 NOT NULL,
    emergency_minutes integer DEFAULT 60 NOT NULL,
    recording integer DEFAULT 0 NOT NULL,
    recording_days integer DEFAULT 365 NOT NULL,
    recording_patient integer DEFAULT 1 NOT NULL,
    checkpoint_mail text,
    audit_years integer DEFAULT 6 NOT NULL,
    audit_hold integer DEFAULT 0 NOT NULL,
    pay_when text DEFAULT 'before'::text NOT NULL,
    fees_version bigint DEFAULT 1 NOT NULL,
    access_rules_version bigint DEFAULT 1 NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT clinic_audit_hold_check CHECK (((audit_hold >= 0) AND (audit_hold <= 1))),
    CONSTRAINT clinic_audit_years_check CHECK (((audit_years >= 6) AND (audit_years <= 100))),
    CONSTRAINT clinic_care_days_after_visit_check CHECK (((care_days_after_visit >= 0) AND (care_days_after_visit <= 365))),
    CONSTRAINT clinic_checkpoint_mail_check CHECK (((length(checkpoint_mail) >= 3) AND (length(checkpoint_mail) <= 254))),
    CONSTRAINT clinic_emergency_minutes_check CHECK (((emergency_minutes >= 5) AND (emergency_minutes <= 60))),
    CONSTRAINT clinic_failures_before_delay_check CHECK (((failures_before_delay >= 3) AND (failures_before_delay <= 10))),
    CONSTRAINT clinic_idle_minutes_patient_check CHECK (((idle_minutes_patient >= 1) AND (idle_minutes_patient <= 60))),
    CONSTRAINT clinic_idle_minutes_workforce_check CHECK (((idle_minutes_workforce >= 1) AND (idle_minutes_workforce <= 60))),
    CONSTRAINT clinic_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT clinic_password_history_check CHECK (((password_history >= 0) AND (password_history <= 24))),
    CONSTRAINT clinic_password_max_age_days_check CHECK (((password_max_age_days >= 0) AND (password_max_age_days <= 365))),
    CONSTRAINT clinic_password_min_length_check CHECK (((password_min_length >= 8) AND (password_min_length <= 64))),
    CONSTRAINT clinic_pay_when_check CHECK ((pay_when = ANY (ARRAY['before'::text, 'check_in'::text, 'after'::text]))),
    CONSTRAINT clinic_recording_check CHECK (((recording >= 0) AND (recording <= 1))),
    CONSTRAINT clinic_recording_days_check CHECK (((recording_days >= 1) AND (recording_days <= 36500))),
    CONSTRAINT clinic_recording_patient_check CHECK (((recording_patient >= 0) AND (recording_patient <= 1))),
    CONSTRAINT clinic_session_hours_check CHECK (((session_hours >= 1) AND (session_hours <= 24))),
    CONSTRAINT clinic_totp_window_steps_check CHECK (((totp_window_steps >= 0) AND (totp_window_steps <= 1)))
);

ALTER TABLE public.clinic OWNER TO epione_owner;

CREATE TABLE public.disclosure (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    basis text NOT NULL,
    recipient bytea,
    data bytea,
    purpose bytea,
    suspended_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by uuid NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(recipient, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT disclosure_basis_check CHECK ((basis = ANY (ARRAY['law'::text, 'public_health'::text, 'abuse'::text, 'oversight'::text, 'court'::text, 'police'::text, 'deceased'::text, 'research'::text, 'danger'::text, 'government'::text, 'compensation'::text, 'breach'::text, 'other'::text, 'copy'::text]))),
    CONSTRAINT disclosure_check CHECK ((num_nonnulls(recipient, data, purpose) =
CASE
    WHEN (basis = 'copy'::text) THEN 0
    ELSE 3
END)),
    CONSTRAINT disclosure_one_key CHECK (((substr(data, 2, 4) = substr(recipient, 2, 4)) AND (substr(purpose, 2, 4) = substr(recipient, 2, 4))))
);

ALTER TABLE public.disclosure OWNER TO epione_owner;

COMMENT ON COLUMN public.disclosure.recipient IS 'sealed:disclosure_recipient';

COMMENT ON COLUMN public.disclosure.data IS 'sealed:disclosure_data';

COMMENT ON COLUMN public.disclosure.purpose IS 'sealed:disclosure_purpose';

CREATE TABLE public.export (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    requested_by uuid NOT NULL,
    format text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT export_check CHECK ((expires_at > created_at)),
    CONSTRAINT export_format_check CHECK ((format = 'fhir'::text))
);

ALTER TABLE public.export OWNER TO epione_owner;

CREATE TABLE public.fee (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    code text NOT NULL,
    title text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT fee_amount_minor_check CHECK (((amount_minor >= 1) AND (amount_minor <= 99999999))),
    CONSTRAINT fee_code_check CHECK (((length(code) >= 1) AND (length(code) <= 40))),
    CONSTRAINT fee_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT fee_title_check CHECK (((length(title) >= 1) AND (length(title) <= 100)))
);

ALTER TABLE public.fee OWNER TO epione_owner;

CREATE TABLE public.guest (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    visit_id uuid NOT NULL,
    role text NOT NULL,
    hash bytea NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid NOT NULL,
    joined_at timestamp with time zone,
    admitted_at timestamp with time zone,
    ended_at timestamp with time zone,
    mail_id uuid,
    CONSTRAINT guest_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT guest_role CHECK ((role = ANY (ARRAY['patient'::text, 'interpreter'::text, 'family'::text, 'clinician'::text]))),
    CONSTRAINT guest_tries_check CHECK ((tries >= 0))
);

ALTER TABLE public.guest OWNER TO epione_owner;

CREATE TABLE public.idempotency (
    clinic_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    operation text NOT NULL,
    key_hash bytea NOT NULL,
    request_hash bytea NOT NULL,
    status integer,
    answer bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_key_hash_check CHECK ((octet_length(key_hash) = 32)),
    CONSTRAINT idempotency_request_hash_check CHECK ((octet_length(request_hash) = 32))
);

ALTER TABLE public.idempotency OWNER TO epione_owner;

CREATE TABLE public.incident (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    title bytea NOT NULL,
    description bytea,
    discovered_at timestamp with time zone NOT NULL,
    began_at timestamp with time zone,
    ended_at timestamp with time zone,
    affected bigint,
    in_state bigint,
    conclusion text,
    outcome bytea,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by uuid NOT NULL,
    closed_at timestamp with time zone,
    closed_by uuid,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(title, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT incident_affected_check CHECK ((affected >= 0)),
    CONSTRAINT incident_check CHECK ((ended_at >= began_at)),
    CONSTRAINT incident_check1 CHECK (((in_state >= 0) AND (in_state <= affected))),
    CONSTRAINT incident_closed CHECK ((num_nonnulls(closed_at, closed_by, conclusion, outcome) = ANY (ARRAY[0, 4]))),
    CONSTRAINT incident_conclusion_check CHECK ((conclusion = ANY (ARRAY['low_probability'::text, 'breach'::text]))),
    CONSTRAINT incident_kind_check CHECK ((kind = ANY (ARRAY['access'::text, 'recipient'::text, 'device'::text, 'backup'::text, 'credentials'::text, 'malware'::text, 'outage'::text, 'other'::text]))),
    CONSTRAINT incident_one_key CHECK (((substr(description, 2, 4) = substr(title, 2, 4)) AND (substr(outcome, 2, 4) = substr(title, 2, 4))))
);

ALTER TABLE public.incident OWNER TO epione_owner;

COMMENT ON COLUMN public.incident.title IS 'sealed:incident_title';

COMMENT ON COLUMN public.incident.description IS 'sealed:incident_description';

COMMENT ON COLUMN public.incident.outcome IS 'sealed:incident_outcome';

CREATE TABLE public.incident_entry (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    kind text NOT NULL,
    at timestamp with time zone NOT NULL,
    body bytea NOT NULL,
    finding text,
    until date,
    created_at timestamp with time zone NOT NULL,
    created_by uuid NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(body, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT incident_entry_check CHECK (((kind = ANY (ARRAY['nature'::text, 'recipient'::text, 'acquired'::text, 'mitigation'::text])) = (finding IS NOT NULL))),
    CONSTRAINT incident_entry_check1 CHECK (((kind = 'delay'::text) = (until IS NOT NULL))),
    CONSTRAINT incident_entry_finding_check CHECK ((finding = ANY (ARRAY['lowers'::text, 'raises'::text, 'unclear'::text]))),
    CONSTRAINT incident_entry_kind_check CHECK ((kind = ANY (ARRAY['note'::text, 'detection'::text, 'containment'::text, 'recovery'::text, 'nature'::text, 'recipient'::text, 'acquired'::text, 'mitigation'::text, 'notice_people'::text, 'notice_media'::text, 'notice_secretary'::text, 'delay'::text])))
);

ALTER TABLE public.incident_entry OWNER TO epione_owner;

COMMENT ON COLUMN public.incident_entry.body IS 'sealed:incident_entry_body';

CREATE TABLE public.incident_link (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    incident_id uuid NOT NULL,
    event_seq bigint,
    account_id uuid,
    patient_id uuid,
    created_at timestamp with time zone NOT NULL,
    created_by uuid NOT NULL,
    CONSTRAINT incident_link_check CHECK ((num_nonnulls(event_seq, account_id, patient_id) = 1))
);

ALTER TABLE public.incident_link OWNER TO epione_owner;

CREATE TABLE public.installation (
    singleton boolean DEFAULT true NOT NULL,
    root_check bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT installation_root_check_check CHECK ((octet_length(root_check) = 16)),
    CONSTRAINT installation_singleton_check CHECK (singleton)
);

ALTER TABLE public.installation OWNER TO epione_owner;

CREATE TABLE public.invitation (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    hash bytea NOT NULL,
    account_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    mailed boolean DEFAULT false NOT NULL,
    confirmed_at timestamp with time zone,
    phrase_hash bytea,
    tries integer DEFAULT 0 NOT NULL,
    ended_at timestamp with time zone,
    own_reset boolean DEFAULT false NOT NULL,
    CONSTRAINT invitation_check CHECK (((phrase_hash IS NULL) OR (confirmed_at IS NOT NULL))),
    CONSTRAINT invitation_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT invitation_phrase_hash_check CHECK ((octet_length(phrase_hash) = 32)),
    CONSTRAINT invitation_tries_check CHECK ((tries >= 0))
);

ALTER TABLE public.invitation OWNER TO epione_owner;

CREATE TABLE public.job (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    run_at timestamp with time zone NOT NULL,
    lease uuid,
    attempts bigint DEFAULT 0 NOT NULL,
    record_id uuid,
    payload bytea,
    error_code text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(payload, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT job_check CHECK (((ended_at IS NOT NULL) = (state = ANY (ARRAY['done'::text, 'dead'::text])))),
    CONSTRAINT job_check1 CHECK (((lease IS NOT NULL) = (state = 'running'::text))),
    CONSTRAINT job_check2 CHECK (((payload IS NULL) OR (clinic_id <> '00000000-0000-0000-0000-000000000000'::uuid))),
    CONSTRAINT job_key_check CHECK (((length(key) >= 1) AND (length(key) <= 100))),
    CONSTRAINT job_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 40))),
    CONSTRAINT job_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'dead'::text])))
);
ALTER TABLE ONLY public.job ALTER COLUMN state SET (n_distinct=4);

ALTER TABLE public.job OWNER TO epione_owner;

COMMENT ON COLUMN public.job.payload IS 'sealed:job_payload';

CREATE TABLE public.job_pause (
    kind text NOT NULL,
    paused_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.job_pause OWNER TO epione_owner;

CREATE TABLE public.known_source (
    clinic_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    token bytea NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT known_source_kind_check CHECK ((kind = ANY (ARRAY['device'::text, 'network'::text]))),
    CONSTRAINT known_source_token_check CHECK ((octet_length(token) = 32))
);

ALTER TABLE public.known_source OWNER TO epione_owner;

CREATE TABLE public.ledger (
    clinic_id uuid NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    payment_id uuid,
    kind text NOT NULL,
    reference text DEFAULT ''::text NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ledger_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT ledger_check CHECK ((debit <> credit)),
    CONSTRAINT ledger_check1 CHECK (((payment_id IS NOT NULL) OR (kind = ANY (ARRAY['payout'::text, 'fee'::text])))),
    CONSTRAINT ledger_check2 CHECK (((debit = ANY (ARRAY['patient'::text, 'income'::text, 'processor'::text, 'fees'::text, 'dispute'::text, 'bank'::text])) AND (credit = ANY (ARRAY['patient'::text, 'income'::text, 'processor'::text, 'fees'::text, 'dispute'::text, 'bank'::text])))),
    CONSTRAINT ledger_kind_check CHECK ((kind = ANY (ARRAY['opened'::text, 'paid'::text, 'fee'::text, 'failed'::text, 'expired'::text, 'refunded'::text, 'disputed'::text, 'won'::text, 'lost'::text, 'payout'::text])))
);

ALTER TABLE public.ledger OWNER TO epione_owner;

CREATE TABLE public.name_beginning (
    clinic_id uuid NOT NULL,
    beginning bytea NOT NULL,
    word bytea NOT NULL,
    CONSTRAINT name_beginning_beginning_check CHECK ((octet_length(beginning) = 10)),
    CONSTRAINT name_beginning_word_check CHECK ((octet_length(word) = 10))
);

ALTER TABLE public.name_beginning OWNER TO epione_owner;

CREATE TABLE public.password_history (
    clinic_id uuid NOT NULL,
    account_id uuid NOT NULL,
    password_hash text NOT NULL,
    set_at timestamp with time zone NOT NULL
);

ALTER TABLE public.password_history OWNER TO epione_owner;

CREATE TABLE public.patient (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    family_name bytea NOT NULL,
    given_name bytea,
    preferred_name bytea,
    birth_date bytea,
    sex bytea NOT NULL,
    mrn bytea,
    ssn bytea,
    phone bytea,
    email bytea,
    address bytea,
    language bytea,
    emergency_contact bytea,
    insurance bytea,
    vip bytea,
    mrn_token bytea,
    ssn_token bytea,
    phone_token bytea,
    email_token bytea,
    birth_year bytea,
    birth_month bytea,
    birth_day bytea,
    email_by uuid DEFAULT public.current_actor(),
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(family_name, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT patient_birth_day_check CHECK ((octet_length(birth_day) = 10)),
    CONSTRAINT patient_birth_month_check CHECK ((octet_length(birth_month) = 10)),
    CONSTRAINT patient_birth_year_check CHECK ((octet_length(birth_year) = 10)),
    CONSTRAINT patient_email_token_check CHECK ((octet_length(email_token) = 10)),
    CONSTRAINT patient_mrn_token_check CHECK ((octet_length(mrn_token) = 10)),
    CONSTRAINT patient_one_key CHECK (((substr(given_name, 2, 4) = substr(family_name, 2, 4)) AND (substr(preferred_name, 2, 4) = substr(family_name, 2, 4)) AND (substr(birth_date, 2, 4) = substr(family_name, 2, 4)) AND (substr(sex, 2, 4) = substr(family_name, 2, 4)) AND (substr(mrn, 2, 4) = substr(family_name, 2, 4)) AND (substr(ssn, 2, 4) = substr(family_name, 2, 4)) AND (substr(phone, 2, 4) = substr(family_name, 2, 4)) AND (substr(email, 2, 4) = substr(family_name, 2, 4)) AND (substr(address, 2, 4) = substr(family_name, 2, 4)) AND (substr(language, 2, 4) = substr(family_name, 2, 4)) AND (substr(emergency_contact, 2, 4) = substr(family_name, 2, 4)) AND (substr(insurance, 2, 4) = substr(family_name, 2, 4)) AND (substr(vip, 2, 4) = substr(family_name, 2, 4)))),
    CONSTRAINT patient_phone_token_check CHECK ((octet_length(phone_token) = 10)),
    CONSTRAINT patient_ssn_token_check CHECK ((octet_length(ssn_token) = 10))
);

ALTER TABLE public.patient OWNER TO epione_owner;

COMMENT ON COLUMN public.patient.family_name IS 'sealed:patient_family_name';

COMMENT ON COLUMN public.patient.given_name IS 'sealed:patient_given_name';

COMMENT ON COLUMN public.patient.preferred_name IS 'sealed:patient_preferred_name';

COMMENT ON COLUMN public.patient.birth_date IS 'sealed:patient_birth_date';

COMMENT ON COLUMN public.patient.sex IS 'sealed:patient_sex';

COMMENT ON COLUMN public.patient.mrn IS 'sealed:patient_mrn';

COMMENT ON COLUMN public.patient.ssn IS 'sealed:patient_ssn';

COMMENT ON COLUMN public.patient.phone IS 'sealed:patient_phone';

COMMENT ON COLUMN public.patient.email IS 'sealed:patient_email';

COMMENT ON COLUMN public.patient.address IS 'sealed:patient_address';

COMMENT ON COLUMN public.patient.language IS 'sealed:patient_language';

COMMENT ON COLUMN public.patient.emergency_contact IS 'sealed:patient_emergency_contact';

COMMENT ON COLUMN public.patient.insurance IS 'sealed:patient_insurance';

COMMENT ON COLUMN public.patient.vip IS 'sealed:patient_vip';

CREATE TABLE public.patient_token (
    clinic_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    token bytea NOT NULL,
    part smallint NOT NULL,
    CONSTRAINT patient_token_part_check CHECK (((part >= 1) AND (part <= 4))),
    CONSTRAINT patient_token_token_check CHECK ((octet_length(token) = 10))
);

ALTER TABLE public.patient_token OWNER TO epione_owner;

CREATE TABLE public.payment_difference (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    reference text NOT NULL,
    kind text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by uuid,
    CONSTRAINT payment_difference_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 60))),
    CONSTRAINT payment_difference_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 255)))
);

ALTER TABLE public.payment_difference OWNER TO epione_owner;

CREATE TABLE public.payment_event (
    clinic_id uuid NOT NULL,
    id text NOT NULL,
    payment_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT payment_event_id_check CHECK (((length(id) >= 1) AND (length(id) <= 255)))
);

ALTER TABLE public.payment_event OWNER TO epione_owner;

CREATE TABLE public.payment_receipt (
    clinic_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    refunded_minor bigint NOT NULL,
    pdf bytea NOT NULL,
    drawn_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT payment_receipt_pdf_check CHECK (((octet_length(pdf) >= 1) AND (octet_length(pdf) <= 1048576)))
);

ALTER TABLE public.payment_receipt OWNER TO epione_owner;

CREATE TABLE public.payment_refund (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    amount_minor bigint NOT NULL,
    reason bytea NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    external_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(reason, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT payment_refund_amount_minor_check CHECK ((amount_minor > 0)),
    CONSTRAINT payment_refund_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'made'::text, 'refused'::text])))
);

ALTER TABLE public.payment_refund OWNER TO epione_owner;

COMMENT ON COLUMN public.payment_refund.reason IS 'sealed:payment_refund_reason';

CREATE TABLE public.record_key (
    clinic_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    class text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    wrapped bytea,
    seals bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    shredded_at timestamp with time zone,
    class_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(wrapped, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT record_key_check CHECK (((wrapped IS NULL) = (shredded_at IS NOT NULL))),
    CONSTRAINT record_key_class_check CHECK ((class = ANY (ARRAY['patient'::text, 'account'::text, 'job'::text, 'incident'::text]))),
    CONSTRAINT record_key_seals CHECK ((seals < '4294967296'::bigint)),
    CONSTRAINT record_key_version_check CHECK ((version > 0))
);

ALTER TABLE public.record_key OWNER TO epione_owner;

CREATE TABLE public.recording (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    visit_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    clinician_id uuid NOT NULL,
    state text DEFAULT 'consent'::text NOT NULL,
    secret bytea,
    prefix text NOT NULL,
    media_type text,
    duration_s bigint,
    chunks bigint,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    stopped_at timestamp with time zone,
    checked_at timestamp with time zone,
    check_from timestamp with time zone NOT NULL,
    keep_until timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    hold_at timestamp with time zone,
    hold_by uuid,
    hold_reason bytea,
    delete_reason bytea,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(COALESCE(secret, hold_reason, delete_reason), 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT recording_check CHECK (((hold_at IS NULL) = (hold_by IS NULL))),
    CONSTRAINT recording_check1 CHECK (((state = 'deleted'::text) = (deleted_at IS NOT NULL))),
    CONSTRAINT recording_check2 CHECK (((state <> 'deleted'::text) OR (secret IS NULL))),
    CONSTRAINT recording_chunks_check CHECK (((chunks >= 1) AND (chunks <= 100000))),
    CONSTRAINT recording_duration_s_check CHECK ((duration_s >= 0)),
    CONSTRAINT recording_held CHECK (((hold_at IS NULL) OR (state <> ALL (ARRAY['deleting'::text, 'deleted'::text])))),
    CONSTRAINT recording_one_key CHECK (((substr(hold_reason, 2, 4) = substr(COALESCE(secret, hold_reason), 2, 4)) AND (substr(delete_reason, 2, 4) = substr(COALESCE(secret, hold_reason, delete_reason), 2, 4)))),
    CONSTRAINT recording_prefix_check CHECK ((prefix ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT recording_state_check CHECK ((state = ANY (ARRAY['consent'::text, 'recording'::text, 'stopped'::text, 'checking'::text, 'stored'::text, 'incomplete'::text, 'deleting'::text, 'deleted'::text])))
);

ALTER TABLE public.recording OWNER TO epione_owner;

COMMENT ON COLUMN public.recording.secret IS 'sealed:recording_secret';

COMMENT ON COLUMN public.recording.hold_reason IS 'sealed:recording_hold_reason';

COMMENT ON COLUMN public.recording.delete_reason IS 'sealed:recording_delete_reason';

CREATE TABLE public.recording_chunk (
    clinic_id uuid NOT NULL,
    recording_id uuid NOT NULL,
    index bigint NOT NULL,
    object text NOT NULL,
    bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    seen_at timestamp with time zone,
    fault text,
    CONSTRAINT recording_chunk_bytes_check CHECK (((bytes >= 16) AND (bytes <= 16777216))),
    CONSTRAINT recording_chunk_fault_check CHECK ((fault = ANY (ARRAY['missing'::text, 'size'::text, 'checksum'::text]))),
    CONSTRAINT recording_chunk_index_check CHECK (((index >= 0) AND (index <= 99999))),
    CONSTRAINT recording_chunk_object_check CHECK ((object ~ '^[0-9a-f]{32}/[0-9a-f]{32}$'::text)),
    CONSTRAINT recording_chunk_sha256_check CHECK ((octet_length(sha256) = 32))
);

ALTER TABLE public.recording_chunk OWNER TO epione_owner;

CREATE TABLE public.recording_consent (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    recording_id uuid NOT NULL,
    account_id uuid NOT NULL,
    role text NOT NULL,
    given boolean NOT NULL,
    wording bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT recording_consent_wording_check CHECK ((wording > 0))
);

ALTER TABLE public.recording_consent OWNER TO epione_owner;

CREATE TABLE public.recovery_code (
    clinic_id uuid NOT NULL,
    account_id uuid NOT NULL,
    hash bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_code_hash_check CHECK ((octet_length(hash) = 32))
);

ALTER TABLE public.recovery_code OWNER TO epione_owner;

CREATE TABLE public.report_asked (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    report text NOT NULL,
    parameters text NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT report_asked_parameters_check CHECK ((octet_length(parameters) <= 2000))
);

ALTER TABLE public.report_asked OWNER TO epione_owner;

CREATE TABLE public.report_part (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    content bytea NOT NULL,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(content, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT report_part_content_check CHECK (((octet_length(content) >= 34) AND (octet_length(content) <= 262177)))
);

ALTER TABLE public.report_part OWNER TO epione_owner;

COMMENT ON COLUMN public.report_part.content IS 'sealed:report_part_content';

CREATE TABLE public.report_run (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    asked_id uuid NOT NULL,
    job_id uuid NOT NULL,
    format text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    place text,
    lines bigint DEFAULT 0 NOT NULL,
    parts bigint DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    written boolean DEFAULT false NOT NULL,
    checkpoint text,
    sha256 bytea,
    done_at timestamp with time zone,
    error_code text,
    gone_at timestamp with time zone,
    CONSTRAINT report_run_check CHECK ((expires_at > created_at)),
    CONSTRAINT report_run_check1 CHECK (((done_at IS NULL) = (sha256 IS NULL))),
    CONSTRAINT report_run_check2 CHECK (((done_at IS NULL) OR written)),
    CONSTRAINT report_run_format_check CHECK ((format = ANY (ARRAY['csv'::text, 'json'::text, 'pdf'::text]))),
    CONSTRAINT report_run_sha256_check CHECK ((octet_length(sha256) = 32))
);

ALTER TABLE public.report_run OWNER TO epione_owner;

CREATE TABLE public.reset_wait (
    email_token bytea NOT NULL,
    source uuid NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT reset_wait_email_token_check CHECK ((octet_length(email_token) = 10))
);

ALTER TABLE public.reset_wait OWNER TO epione_owner;

CREATE TABLE public.review (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    patient_id uuid,
    account_id uuid NOT NULL,
    reason bytea,
    created_at timestamp with time zone NOT NULL,
    access_until timestamp with time zone,
    rule text,
    day date,
    found bigint,
    usual bigint,
    finding text,
    note bytea,
    account_note bytea,
    signed_by uuid,
    signed_at timestamp with time zone,
    key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(reason, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    account_key_version bigint GENERATED ALWAYS AS (((('x'::text || encode(substr(account_note, 2, 4), 'hex'::text)))::bit(32))::bigint) STORED,
    CONSTRAINT review_by_another CHECK ((signed_by <> account_id)),
    CONSTRAINT review_check CHECK (((access_until >= created_at) AND (access_until <= (created_at + '01:00:00'::interval)))),
    CONSTRAINT review_check1 CHECK (
CASE kind
    WHEN 'emergency_access'::text THEN ((patient_id IS NOT NULL) AND (reason IS NOT NULL) AND (access_until IS NOT NULL) AND (rule IS NULL) AND (day IS NULL))
    ELSE ((reason IS NULL) AND (note IS NULL) AND (access_until IS NULL) AND (rule IS NOT NULL) AND (day IS NOT NULL))
END),
    CONSTRAINT review_check2 CHECK (((note IS NULL) OR (substr(note, 2, 4) = substr(reason, 2, 4)))),
    CONSTRAINT review_check3 CHECK (((note IS NULL) OR (account_note IS NULL))),
    CONSTRAINT review_check4 CHECK ((((finding IS NULL) = (signed_at IS NULL)) AND ((signed_by IS NULL) = (signed_at IS NULL)))),
    CONSTRAINT review_finding_check CHECK ((finding = ANY (ARRAY['justified'::text, 'unjustified'::text, 'unclear'::text]))),
    CONSTRAINT review_kind_check CHECK ((kind = ANY (ARRAY['emergency_access'::text, 'unusual_access'::text]))),
    CONSTRAINT review_rule_check CHECK ((rule ~ '^[a-z_]{1,40}$'::text))
);

ALTER TABLE public.review OWNER TO epione_owner;

COMMENT ON COLUMN public.review.reason IS 'sealed:review_reason';

COMMENT ON COLUMN public.review.note IS 'sealed:review_note';

COMMENT ON COLUMN public.review.account_note IS 'sealed:review_account_note';

CREATE TABLE public.schema_migration (
    version bigint NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schema_migration_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT schema_migration_version_check CHECK ((version > 0))
);

ALTER TABLE public.schema_migration OWNER TO epione_owner;

CREATE TABLE public.session (
    clinic_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    hash bytea NOT NULL,
    client text NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    idle_s integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    factor_at timestamp with time zone,
    step_up_until timestamp with time zone,
    rebind_until timestamp with time zone,
    previous_at timestamp with time zone,
    failed integer DEFAULT 0 NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT session_client_check CHECK ((client = ANY (ARRAY['browser'::text, 'api'::text]))),
    CONSTRAINT session_hash_check CHECK ((octet_length(hash) = 32))
);

ALTER TABLE public.session OWNER TO epione_owner;

CREATE TABLE public.store_signer (
    day date NOT NULL,
    access_key text NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.store_signer OWNER TO epione_owner;

ALTER TABLE ONLY public.audit_log ATTACH PARTITION public.audit_log_other DEFAULT;

ALTER TABLE ONLY public.access_day
    ADD CONSTRAINT access_day_pkey PRIMARY KEY (clinic_id, account_id, day);

ALTER TABLE ONLY public.access_rule
    ADD CONSTRAINT access_rule_pkey PRIMARY KEY (clinic_id, rule);

ALTER TABLE ONLY public.access_watched
    ADD CONSTRAINT access_watched_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_email_key UNIQUE (clinic_id, email_token);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_id_key UNIQUE (id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_sign_in_key UNIQUE (sign_in_token);

ALTER TABLE ONLY public.account_token
    ADD CONSTRAINT account_token_pkey PRIMARY KEY (clinic_id, account_id, part, token);

ALTER TABLE ONLY public.approval
    ADD CONSTRAINT approval_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (clinic_id, account_id, factor, source);

ALTER TABLE ONLY public.attempt_stranger
    ADD CONSTRAINT attempt_stranger_pkey PRIMARY KEY (email_token);

ALTER TABLE ONLY public.audit_background
    ADD CONSTRAINT audit_background_clinic_id_first_seq_key UNIQUE (clinic_id, first_seq);

ALTER TABLE ONLY public.audit_background
    ADD CONSTRAINT audit_background_pkey PRIMARY KEY (clinic_id, hour, what);

ALTER TABLE ONLY public.audit_gone
    ADD CONSTRAINT audit_gone_pkey PRIMARY KEY (clinic_id, first);

ALTER TABLE ONLY public.audit_key
    ADD CONSTRAINT audit_key_pkey PRIMARY KEY (clinic_id, version);

ALTER TABLE ONLY public.audit_month_gone
    ADD CONSTRAINT audit_month_gone_pkey PRIMARY KEY (month);

ALTER TABLE ONLY public.audit_sealed
    ADD CONSTRAINT audit_sealed_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY public.audit_tile
    ADD CONSTRAINT audit_tile_pkey PRIMARY KEY (clinic_id, level, first);

ALTER TABLE ONLY public.audit_tree
    ADD CONSTRAINT audit_tree_pkey PRIMARY KEY (clinic_id);

ALTER TABLE ONLY public.audit_word
    ADD CONSTRAINT audit_word_key UNIQUE (word);

ALTER TABLE ONLY public.audit_word
    ADD CONSTRAINT audit_word_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.care_team
    ADD CONSTRAINT care_team_pkey PRIMARY KEY (clinic_id, patient_id, account_id);

ALTER TABLE ONLY public.class_key
    ADD CONSTRAINT class_key_pkey PRIMARY KEY (clinic_id, class, version);

ALTER TABLE ONLY public.clinic
    ADD CONSTRAINT clinic_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.disclosure
    ADD CONSTRAINT disclosure_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.export
    ADD CONSTRAINT export_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.fee
    ADD CONSTRAINT fee_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.guest
    ADD CONSTRAINT guest_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.guest
    ADD CONSTRAINT guest_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (clinic_id, actor_id, operation, key_hash);

ALTER TABLE ONLY public.incident_entry
    ADD CONSTRAINT incident_entry_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_key UNIQUE NULLS NOT DISTINCT (clinic_id, incident_id, event_seq, account_id, patient_id);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_key UNIQUE (clinic_id, kind, key);

ALTER TABLE ONLY public.job_pause
    ADD CONSTRAINT job_pause_pkey PRIMARY KEY (kind);

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.known_source
    ADD CONSTRAINT known_source_key UNIQUE (clinic_id, account_id, kind, token);

ALTER TABLE ONLY public.known_source
    ADD CONSTRAINT known_source_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_key UNIQUE NULLS NOT DISTINCT (clinic_id, payment_id, kind, reference);

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.name_beginning
    ADD CONSTRAINT name_beginning_pkey PRIMARY KEY (clinic_id, beginning, word);

ALTER TABLE ONLY public.password_history
    ADD CONSTRAINT password_history_pkey PRIMARY KEY (clinic_id, account_id, set_at);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_mrn_key UNIQUE (clinic_id, mrn_token);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.patient_token
    ADD CONSTRAINT patient_token_pkey PRIMARY KEY (clinic_id, patient_id, token, part);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_checkout_key UNIQUE (checkout_id);

ALTER TABLE ONLY public.payment_difference
    ADD CONSTRAINT payment_difference_key UNIQUE (clinic_id, reference);

ALTER TABLE ONLY public.payment_difference
    ADD CONSTRAINT payment_difference_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.payment_event
    ADD CONSTRAINT payment_event_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_intent_key UNIQUE (intent_id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.payment_receipt
    ADD CONSTRAINT payment_receipt_pkey PRIMARY KEY (clinic_id, payment_id);

ALTER TABLE ONLY public.payment_refund
    ADD CONSTRAINT payment_refund_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.record_key
    ADD CONSTRAINT record_key_pkey PRIMARY KEY (clinic_id, subject_id, version);

ALTER TABLE ONLY public.recording_chunk
    ADD CONSTRAINT recording_chunk_pkey PRIMARY KEY (clinic_id, recording_id, index);

ALTER TABLE ONLY public.recording_consent
    ADD CONSTRAINT recording_consent_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_prefix_key UNIQUE (prefix);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_pkey PRIMARY KEY (clinic_id, account_id, hash);

ALTER TABLE ONLY public.report_asked
    ADD CONSTRAINT report_asked_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.report_part
    ADD CONSTRAINT report_part_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.report_run
    ADD CONSTRAINT report_run_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.reset_wait
    ADD CONSTRAINT reset_wait_pkey PRIMARY KEY (email_token, source);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (clinic_id, id);

ALTER TABLE ONLY public.store_signer
    ADD CONSTRAINT store_signer_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_no_overlap EXCLUDE USING gist (clinic_id WITH =, clinician_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status <> ALL (ARRAY['cancelled'::text, 'no_show'::text, 'ended'::text])));

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_patient_no_overlap EXCLUDE USING gist (clinic_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status <> ALL (ARRAY['cancelled'::text, 'no_show'::text, 'ended'::text])));

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_pkey PRIMARY KEY (clinic_id, id);

CREATE UNIQUE INDEX account_patient_key ON public.account USING btree (clinic_id, patient_id) WHERE (patient_id IS NOT NULL);

CREATE INDEX account_staff ON public.account USING btree (clinic_id, id) WHERE (role = ANY (ARRAY['admin'::text, 'clinician'::text, 'scheduler'::text, 'compliance'::text]));

CREATE UNIQUE INDEX account_token_word ON public.account_token USING btree (clinic_id, token, part, account_id);

CREATE INDEX approval_account ON public.approval USING btree (clinic_id, account_id, id);

CREATE INDEX approval_by_state ON public.approval USING btree (clinic_id, state, id);

CREATE INDEX approval_waiting ON public.approval USING btree (clinic_id, expires_at) WHERE (state = 'waiting'::text);

CREATE INDEX attempt_none ON public.attempt USING btree (clinic_id, account_id) WHERE (failures = 0);

CREATE INDEX attempt_stranger_tried ON public.attempt_stranger USING btree (tried_at);

CREATE INDEX attempt_tried ON public.attempt USING btree (tried_at);

CREATE INDEX audit_background_hour ON public.audit_background USING btree (hour);

CREATE INDEX audit_log_action ON ONLY public.audit_log USING btree (clinic_id, action, public.audit_hour(at)) WHERE (action <> 'R'::"char");

CREATE INDEX audit_log_actor ON ONLY public.audit_log USING btree (actor_id, public.audit_day(at)) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_log_actor_action ON ONLY public.audit_log USING btree (actor_id, action, public.audit_day(at)) WHERE ((action <> 'R'::"char") AND (actor_id IS NOT NULL));

CREATE INDEX audit_log_actor_outcome ON ONLY public.audit_log USING btree (actor_id, outcome, public.audit_day(at)) WHERE ((outcome IS NOT NULL) AND (actor_id IS NOT NULL));

CREATE INDEX audit_log_minute ON ONLY public.audit_log USING btree (clinic_id, public.audit_minute(at));

CREATE INDEX audit_log_other_actor_id_action_audit_day_idx ON public.audit_log_other USING btree (actor_id, action, public.audit_day(at)) WHERE ((action <> 'R'::"char") AND (actor_id IS NOT NULL));

CREATE INDEX audit_log_other_actor_id_audit_day_idx ON public.audit_log_other USING btree (actor_id, public.audit_day(at)) WHERE (actor_id IS NOT NULL);

CREATE INDEX audit_log_other_actor_id_outcome_audit_day_idx ON public.audit_log_other USING btree (actor_id, outcome, public.audit_day(at)) WHERE ((outcome IS NOT NULL) AND (actor_id IS NOT NULL));

CREATE INDEX audit_log_other_at ON public.audit_log_other USING btree (at);

CREATE INDEX audit_log_turn ON ONLY public.audit_log USING btree (public.audit_turn(tx));

CREATE INDEX audit_log_other_audit_turn_idx ON public.audit_log_other USING btree (public.audit_turn(tx));

CREATE INDEX audit_log_other_clinic_id_action_audit_hour_idx ON public.audit_log_other USING btree (clinic_id, action, public.audit_hour(at)) WHERE (action <> 'R'::"char");

CREATE INDEX audit_log_other_clinic_id_audit_minute_idx ON public.audit_log_other USING btree (clinic_id, public.audit_minute(at));

CREATE INDEX audit_log_outcome_action ON ONLY public.audit_log USING btree (clinic_id, outcome, action, public.audit_hour(at)) WHERE (outcome IS NOT NULL);

CREATE INDEX audit_log_other_clinic_id_outcome_action_audit_hour_idx ON public.audit_log_other USING btree (clinic_id, outcome, action, public.audit_hour(at)) WHERE (outcome IS NOT NULL);

CREATE INDEX audit_log_outcome ON ONLY public.audit_log USING btree (clinic_id, outcome, public.audit_hour(at)) WHERE (outcome IS NOT NULL);

CREATE INDEX audit_log_other_clinic_id_outcome_audit_hour_idx ON public.audit_log_other USING btree (clinic_id, outcome, public.audit_hour(at)) WHERE (outcome IS NOT NULL);

CREATE INDEX audit_log_returned ON ONLY public.audit_log USING gin (returned) WITH (fastupdate=off) WHERE (returned IS NOT NULL);

CREATE INDEX audit_log_other_returned_idx ON public.audit_log_other USING gin (returned) WITH (fastupdate=off) WHERE (returned IS NOT NULL);

CREATE INDEX audit_log_seq ON ONLY public.audit_log USING brin (seq) WITH (autosummarize='on');

CREATE INDEX audit_log_other_seq_idx ON public.audit_log_other USING brin (seq) WITH (autosummarize='on');

CREATE INDEX audit_log_patient ON ONLY public.audit_log USING btree (uuid_hash(patient_id)) WHERE (patient_id IS NOT NULL);

CREATE INDEX audit_log_other_uuid_hash_idx ON public.audit_log_other USING btree (uuid_hash(patient_id)) WHERE (patient_id IS NOT NULL);

CREATE INDEX audit_tile_last ON public.audit_tile USING btree (clinic_id, last_tx, last_seq) WHERE (level = 0);

CREATE INDEX care_team_account ON public.care_team USING btree (clinic_id, account_id, patient_id, until);

CREATE INDEX disclosure_at ON public.disclosure USING btree (clinic_id, at, id);

CREATE INDEX disclosure_patient ON public.disclosure USING btree (clinic_id, patient_id, at, id);

CREATE UNIQUE INDEX fee_code_key ON public.fee USING btree (clinic_id, code) WHERE (retired_at IS NULL);

CREATE INDEX guest_visit ON public.guest USING btree (clinic_id, visit_id, id);

CREATE INDEX idempotency_created ON public.idempotency USING btree (created_at);

CREATE INDEX incident_discovered ON public.incident USING btree (clinic_id, discovered_at, id);

CREATE INDEX incident_entry_incident ON public.incident_entry USING btree (clinic_id, incident_id, id);

CREATE INDEX incident_link_incident ON public.incident_link USING btree (clinic_id, incident_id, id);

CREATE INDEX incident_open ON public.incident USING btree (clinic_id, id) WHERE (closed_at IS NULL);

CREATE INDEX invitation_account ON public.invitation USING btree (clinic_id, account_id, id);

CREATE INDEX invitation_expires ON public.invitation USING btree (expires_at);

CREATE INDEX job_dead ON public.job USING btree (kind) WHERE (state = 'dead'::text);

CREATE INDEX job_due ON public.job USING btree (kind, run_at) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX job_ended ON public.job USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE INDEX job_state ON public.job USING btree (clinic_id, state, id);

CREATE INDEX known_source_device ON public.known_source USING btree (token) WHERE (kind = 'device'::text);

CREATE INDEX known_source_seen ON public.known_source USING btree (seen_at);

CREATE INDEX ledger_at ON public.ledger USING btree (clinic_id, at);

CREATE INDEX patient_birth ON public.patient USING btree (clinic_id, birth_year, birth_month, birth_day, id) WHERE (birth_year IS NOT NULL);

CREATE INDEX patient_email ON public.patient USING btree (clinic_id, email_token, id) WHERE (email_token IS NOT NULL);

CREATE INDEX patient_phone ON public.patient USING btree (clinic_id, phone_token, id) WHERE (phone_token IS NOT NULL);

CREATE INDEX patient_ssn ON public.patient USING btree (clinic_id, ssn_token, id) WHERE (ssn_token IS NOT NULL);

CREATE UNIQUE INDEX patient_token_word ON public.patient_token USING btree (clinic_id, token, part, patient_id);

CREATE INDEX payment_currency ON public.payment USING btree (clinic_id, currency, created_at, id);

CREATE INDEX payment_difference_open ON public.payment_difference USING btree (clinic_id, moved_at, id) WHERE (resolved_at IS NULL);

CREATE INDEX payment_differs ON public.payment USING btree (clinic_id, created_at, id) WHERE ((difference IS NOT NULL) OR (dispute IS NOT NULL));

CREATE INDEX payment_going_on ON public.payment USING btree (created_at) WHERE (state = ANY (ARRAY['opening'::text, 'open'::text, 'refunding'::text]));

CREATE INDEX payment_list ON public.payment USING btree (clinic_id, created_at, id);

CREATE INDEX payment_patient ON public.payment USING btree (clinic_id, patient_id, created_at, id);

CREATE UNIQUE INDEX payment_refund_key ON public.payment_refund USING btree (clinic_id, payment_id) WHERE (state = 'waiting'::text);

CREATE INDEX payment_refund_patient ON public.payment_refund USING btree (clinic_id, patient_id);

CREATE INDEX payment_state ON public.payment USING btree (clinic_id, state, created_at, id) WHERE (state <> 'paid'::text);

CREATE INDEX payment_visit ON public.payment USING btree (clinic_id, visit_id, created_at, id);

CREATE UNIQUE INDEX payment_visit_key ON public.payment USING btree (clinic_id, visit_id) WHERE (state <> ALL (ARRAY['failed'::text, 'expired'::text, 'refunded'::text]));

CREATE INDEX record_key_class ON public.record_key USING btree (clinic_id, class, class_version);

CREATE INDEX recording_checked ON public.recording USING btree (checked_at) WHERE (state = 'stored'::text);

CREATE INDEX recording_consent_at ON public.recording_consent USING btree (clinic_id, at, id);

CREATE INDEX recording_consent_recording ON public.recording_consent USING btree (clinic_id, recording_id, at);

CREATE UNIQUE INDEX recording_going_on ON public.recording USING btree (clinic_id, visit_id) WHERE (state = ANY (ARRAY['consent'::text, 'recording'::text]));

CREATE INDEX recording_keep ON public.recording USING btree (keep_until) WHERE (state <> ALL (ARRAY['deleting'::text, 'deleted'::text]));

CREATE INDEX recording_made ON public.recording USING btree (clinic_id, created_at, id);

CREATE INDEX recording_open ON public.recording USING btree (created_at) WHERE (state = ANY (ARRAY['consent'::text, 'recording'::text, 'stopped'::text]));

CREATE INDEX recording_patient ON public.recording USING btree (clinic_id, patient_id, id);

CREATE INDEX recording_visit ON public.recording USING btree (clinic_id, visit_id, id);

CREATE INDEX report_part_run ON public.report_part USING btree (clinic_id, run_id);

CREATE INDEX report_run_account ON public.report_run USING btree (clinic_id, account_id, id);

CREATE INDEX report_run_expires ON public.report_run USING btree (expires_at) WHERE (gone_at IS NULL);

CREATE INDEX report_run_gone ON public.report_run USING btree (gone_at) WHERE (gone_at IS NOT NULL);

CREATE INDEX reset_wait_until ON public.reset_wait USING btree (until);

CREATE INDEX review_access ON public.review USING btree (clinic_id, account_id, patient_id, access_until);

CREATE UNIQUE INDEX review_found ON public.review USING btree (clinic_id, rule, account_id, COALESCE(patient_id, '00000000-0000-0000-0000-000000000000'::uuid), day) WHERE (rule IS NOT NULL);

CREATE INDEX review_made ON public.review USING btree (clinic_id, kind, created_at, id);

CREATE INDEX review_open ON public.review USING btree (clinic_id, id) WHERE (signed_at IS NULL);

CREATE INDEX review_rule ON public.review USING btree (clinic_id, rule, created_at) WHERE (rule IS NOT NULL);

CREATE INDEX session_account ON public.session USING btree (clinic_id, account_id) WHERE (ended_at IS NULL);

CREATE INDEX session_expires ON public.session USING btree (expires_at);

CREATE INDEX visit_clinician ON public.visit USING btree (clinic_id, clinician_id, starts_at, id);

CREATE INDEX visit_day ON public.visit USING btree (clinic_id, starts_at, id);

CREATE INDEX visit_due ON public.visit USING btree (clinic_id, starts_at, id) WHERE due;

CREATE INDEX visit_due_patient ON public.visit USING btree (clinic_id, patient_id, starts_at, id) WHERE due;

CREATE INDEX visit_patient ON public.visit USING btree (clinic_id, patient_id, starts_at, id);

CREATE INDEX visit_status ON public.visit USING btree (clinic_id, status, starts_at, id);

ALTER INDEX public.audit_log_actor_action ATTACH PARTITION public.audit_log_other_actor_id_action_audit_day_idx;

ALTER INDEX public.audit_log_actor ATTACH PARTITION public.audit_log_other_actor_id_audit_day_idx;

ALTER INDEX public.audit_log_actor_outcome ATTACH PARTITION public.audit_log_other_actor_id_outcome_audit_day_idx;

ALTER INDEX public.audit_log_turn ATTACH PARTITION public.audit_log_other_audit_turn_idx;

ALTER INDEX public.audit_log_action ATTACH PARTITION public.audit_log_other_clinic_id_action_audit_hour_idx;

ALTER INDEX public.audit_log_minute ATTACH PARTITION public.audit_log_other_clinic_id_audit_minute_idx;

ALTER INDEX public.audit_log_outcome_action ATTACH PARTITION public.audit_log_other_clinic_id_outcome_action_audit_hour_idx;

ALTER INDEX public.audit_log_outcome ATTACH PARTITION public.audit_log_other_clinic_id_outcome_audit_hour_idx;

ALTER INDEX public.audit_log_returned ATTACH PARTITION public.audit_log_other_returned_idx;

ALTER INDEX public.audit_log_seq ATTACH PARTITION public.audit_log_other_seq_idx;

ALTER INDEX public.audit_log_patient ATTACH PARTITION public.audit_log_other_uuid_hash_idx;

CREATE TRIGGER care_team_booked AFTER INSERT ON public.visit FOR EACH ROW EXECUTE FUNCTION public.care_team_follow();

CREATE TRIGGER care_team_changed AFTER UPDATE ON public.visit FOR EACH ROW WHEN (((old.clinician_id <> new.clinician_id) OR (old.ends_at <> new.ends_at) OR ((old.status = 'cancelled'::text) <> (new.status = 'cancelled'::text)))) EXECUTE FUNCTION public.care_team_follow();

CREATE TRIGGER disclosure_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.disclosure FOR EACH STATEMENT EXECUTE FUNCTION public.disclosure_kept();

CREATE TRIGGER guests_leave AFTER UPDATE OF status ON public.visit FOR EACH ROW WHEN ((new.status = ANY (ARRAY['ended'::text, 'cancelled'::text, 'no_show'::text]))) EXECUTE FUNCTION public.guests_leave();

CREATE TRIGGER incident_closed BEFORE UPDATE ON public.incident FOR EACH ROW WHEN ((old.closed_at IS NOT NULL)) EXECUTE FUNCTION public.incident_kept();

CREATE TRIGGER incident_entry_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.incident_entry FOR EACH STATEMENT EXECUTE FUNCTION public.incident_kept();

CREATE TRIGGER incident_kept BEFORE DELETE OR TRUNCATE ON public.incident FOR EACH STATEMENT EXECUTE FUNCTION public.incident_kept();

CREATE TRIGGER incident_link_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.incident_link FOR EACH STATEMENT EXECUTE FUNCTION public.incident_kept();

CREATE TRIGGER ledger_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_kept();

CREATE TRIGGER payment_paid AFTER UPDATE OF state ON public.payment FOR EACH ROW WHEN (((new.state = 'paid'::text) AND (old.state <> 'paid'::text))) EXECUTE FUNCTION public.payment_paid();

CREATE TRIGGER visit_due BEFORE INSERT OR UPDATE OF status ON public.visit FOR EACH ROW WHEN ((new.fee_id IS NOT NULL)) EXECUTE FUNCTION public.visit_due();

ALTER TABLE ONLY public.access_day
    ADD CONSTRAINT access_day_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.access_rule
    ADD CONSTRAINT access_rule_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_clinic_id_id_key_version_fkey FOREIGN KEY (clinic_id, id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.account_token
    ADD CONSTRAINT account_token_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.approval
    ADD CONSTRAINT approval_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.approval
    ADD CONSTRAINT approval_clinic_id_decided_by_fkey FOREIGN KEY (clinic_id, decided_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.approval
    ADD CONSTRAINT approval_clinic_id_requested_by_fkey FOREIGN KEY (clinic_id, requested_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.audit_background
    ADD CONSTRAINT audit_background_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.care_team
    ADD CONSTRAINT care_team_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.care_team
    ADD CONSTRAINT care_team_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.disclosure
    ADD CONSTRAINT disclosure_clinic_id_created_by_fkey FOREIGN KEY (clinic_id, created_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.disclosure
    ADD CONSTRAINT disclosure_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.disclosure
    ADD CONSTRAINT disclosure_clinic_id_patient_id_key_version_fkey FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.export
    ADD CONSTRAINT export_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.export
    ADD CONSTRAINT export_clinic_id_requested_by_fkey FOREIGN KEY (clinic_id, requested_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.fee
    ADD CONSTRAINT fee_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.guest
    ADD CONSTRAINT guest_clinic_id_created_by_fkey FOREIGN KEY (clinic_id, created_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.guest
    ADD CONSTRAINT guest_clinic_id_id_fkey FOREIGN KEY (clinic_id, id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.guest
    ADD CONSTRAINT guest_clinic_id_visit_id_fkey FOREIGN KEY (clinic_id, visit_id) REFERENCES public.visit(clinic_id, id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_clinic_id_closed_by_fkey FOREIGN KEY (clinic_id, closed_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_clinic_id_created_by_fkey FOREIGN KEY (clinic_id, created_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_clinic_id_id_key_version_fkey FOREIGN KEY (clinic_id, id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.incident_entry
    ADD CONSTRAINT incident_entry_clinic_id_created_by_fkey FOREIGN KEY (clinic_id, created_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.incident_entry
    ADD CONSTRAINT incident_entry_clinic_id_incident_id_fkey FOREIGN KEY (clinic_id, incident_id) REFERENCES public.incident(clinic_id, id);

ALTER TABLE ONLY public.incident_entry
    ADD CONSTRAINT incident_entry_clinic_id_incident_id_key_version_fkey FOREIGN KEY (clinic_id, incident_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_clinic_id_created_by_fkey FOREIGN KEY (clinic_id, created_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_clinic_id_incident_id_fkey FOREIGN KEY (clinic_id, incident_id) REFERENCES public.incident(clinic_id, id);

ALTER TABLE ONLY public.incident_link
    ADD CONSTRAINT incident_link_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.known_source
    ADD CONSTRAINT known_source_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.ledger
    ADD CONSTRAINT ledger_clinic_id_payment_id_fkey FOREIGN KEY (clinic_id, payment_id) REFERENCES public.payment(clinic_id, id);

ALTER TABLE ONLY public.name_beginning
    ADD CONSTRAINT name_beginning_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.password_history
    ADD CONSTRAINT password_history_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_clinic_id_id_key_version_fkey FOREIGN KEY (clinic_id, id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.patient_token
    ADD CONSTRAINT patient_token_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_clinic_id_fee_id_fkey FOREIGN KEY (clinic_id, fee_id) REFERENCES public.fee(clinic_id, id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_clinic_id_visit_id_fkey FOREIGN KEY (clinic_id, visit_id) REFERENCES public.visit(clinic_id, id);

ALTER TABLE ONLY public.payment_difference
    ADD CONSTRAINT payment_difference_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.payment_event
    ADD CONSTRAINT payment_event_clinic_id_payment_id_fkey FOREIGN KEY (clinic_id, payment_id) REFERENCES public.payment(clinic_id, id);

ALTER TABLE ONLY public.payment_receipt
    ADD CONSTRAINT payment_receipt_clinic_id_payment_id_fkey FOREIGN KEY (clinic_id, payment_id) REFERENCES public.payment(clinic_id, id);

ALTER TABLE ONLY public.payment_refund
    ADD CONSTRAINT payment_refund_clinic_id_patient_id_key_version_fkey FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.payment_refund
    ADD CONSTRAINT payment_refund_clinic_id_payment_id_fkey FOREIGN KEY (clinic_id, payment_id) REFERENCES public.payment(clinic_id, id);

ALTER TABLE ONLY public.record_key
    ADD CONSTRAINT record_key_clinic_id_class_class_version_fkey FOREIGN KEY (clinic_id, class, class_version) REFERENCES public.class_key(clinic_id, class, version);

ALTER TABLE ONLY public.record_key
    ADD CONSTRAINT record_key_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.recording_chunk
    ADD CONSTRAINT recording_chunk_clinic_id_recording_id_fkey FOREIGN KEY (clinic_id, recording_id) REFERENCES public.recording(clinic_id, id);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_clinic_id_clinician_id_fkey FOREIGN KEY (clinic_id, clinician_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_clinic_id_patient_id_key_version_fkey FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.recording
    ADD CONSTRAINT recording_clinic_id_visit_id_fkey FOREIGN KEY (clinic_id, visit_id) REFERENCES public.visit(clinic_id, id);

ALTER TABLE ONLY public.recording_consent
    ADD CONSTRAINT recording_consent_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.recording_consent
    ADD CONSTRAINT recording_consent_clinic_id_recording_id_fkey FOREIGN KEY (clinic_id, recording_id) REFERENCES public.recording(clinic_id, id);

ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT recovery_code_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.report_asked
    ADD CONSTRAINT report_asked_clinic_id_fkey FOREIGN KEY (clinic_id) REFERENCES public.clinic(id);

ALTER TABLE ONLY public.report_part
    ADD CONSTRAINT report_part_clinic_id_run_id_fkey FOREIGN KEY (clinic_id, run_id) REFERENCES public.report_run(clinic_id, id);

ALTER TABLE ONLY public.report_run
    ADD CONSTRAINT report_run_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.report_run
    ADD CONSTRAINT report_run_clinic_id_asked_id_fkey FOREIGN KEY (clinic_id, asked_id) REFERENCES public.report_asked(clinic_id, id);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_clinic_id_account_id_account_key_version_fkey FOREIGN KEY (clinic_id, account_id, account_key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_clinic_id_patient_id_key_version_fkey FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE ONLY public.review
    ADD CONSTRAINT review_clinic_id_signed_by_fkey FOREIGN KEY (clinic_id, signed_by) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_clinic_id_account_id_fkey FOREIGN KEY (clinic_id, account_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_clinic_id_clinician_id_fkey FOREIGN KEY (clinic_id, clinician_id) REFERENCES public.account(clinic_id, id);

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_clinic_id_fee_id_fkey FOREIGN KEY (clinic_id, fee_id) REFERENCES public.fee(clinic_id, id);

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_clinic_id_patient_id_fkey FOREIGN KEY (clinic_id, patient_id) REFERENCES public.patient(clinic_id, id);

ALTER TABLE ONLY public.visit
    ADD CONSTRAINT visit_clinic_id_patient_id_key_version_fkey FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES public.record_key(clinic_id, subject_id, version);

ALTER TABLE public.access_day ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.access_rule ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.account ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.account_token ENABLE ROW LEVEL SECURITY;

CREATE POLICY any_clinic_write ON public.audit_log FOR INSERT WITH CHECK ((clinic_id = COALESCE(public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid)));

ALTER TABLE public.approval ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.attempt ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_background ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_gone ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log_other ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_tile ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_tree ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.care_team ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.class_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.clinic ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.disclosure ENABLE ROW LEVEL SECURITY;

CREATE POLICY every_clinic ON public.job TO epione_jobs USING (true);

ALTER TABLE public.export ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.fee ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.guest ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.incident ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.incident_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.incident_link ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.invitation ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.job ENABLE ROW LEVEL SECURITY;

CREATE POLICY jobs_destroy ON public.record_key AS RESTRICTIVE FOR DELETE TO epione_jobs USING ((class = 'job'::text));

CREATE POLICY jobs_name_staff ON public.account AS RESTRICTIVE TO epione_jobs USING ((patient_id IS NULL));

CREATE POLICY jobs_turn ON public.class_key AS RESTRICTIVE FOR INSERT TO epione_jobs WITH CHECK (((clinic_id = public.current_clinic()) AND (class <> 'audit'::text)));

ALTER TABLE public.known_source ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.name_beginning ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.password_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.patient ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.patient_token ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_difference ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_receipt ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_refund ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.record_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recording ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recording_chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recording_consent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recovery_code ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.report_asked ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.report_part ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.report_run ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.review ENABLE ROW LEVEL SECURITY;

CREATE POLICY same_clinic ON public.access_rule USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.account USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.account_token USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.approval USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.attempt USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.audit_background USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.audit_gone USING ((clinic_id = ANY (ARRAY[public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid])));

CREATE POLICY same_clinic ON public.audit_key USING ((clinic_id = ANY (ARRAY[public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid])));

CREATE POLICY same_clinic ON public.audit_tile USING ((clinic_id = ANY (ARRAY[public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid])));

CREATE POLICY same_clinic ON public.audit_tree USING ((clinic_id = ANY (ARRAY[public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid])));

CREATE POLICY same_clinic ON public.care_team USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.class_key USING ((clinic_id = ANY (ARRAY[public.current_clinic(), '00000000-0000-0000-0000-000000000000'::uuid])));

CREATE POLICY same_clinic ON public.clinic USING ((id = public.current_clinic()));

CREATE POLICY same_clinic ON public.disclosure USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.export USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.fee USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.guest USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.idempotency USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.incident USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.incident_entry USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.incident_link USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.invitation USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.job TO epione_server USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.known_source USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.ledger USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.name_beginning USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.password_history USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.patient USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.patient_token USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.payment USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.payment_difference USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.payment_event USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.payment_receipt USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.payment_refund USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.record_key USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.recording USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.recording_chunk USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.recording_consent USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.recovery_code USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.report_asked USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.report_part USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.report_run USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.review USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.session USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic ON public.visit USING ((clinic_id = public.current_clinic()));

CREATE POLICY same_clinic_read ON public.audit_log FOR SELECT USING ((clinic_id = public.current_clinic()));

CREATE POLICY server_asks ON public.job AS RESTRICTIVE FOR INSERT TO epione_server WITH CHECK (((state = 'waiting'::text) AND (attempts = 0)));

CREATE POLICY server_retries ON public.job AS RESTRICTIVE FOR UPDATE TO epione_server USING ((state = 'dead'::text)) WITH CHECK ((state = 'waiting'::text));

CREATE POLICY server_signs_nothing ON public.class_key AS RESTRICTIVE TO epione_server USING ((class <> 'audit'::text));

ALTER TABLE public.session ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.visit ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO epione_server;
GRANT USAGE ON SCHEMA public TO epione_reporter;
GRANT USAGE ON SCHEMA public TO epione_jobs;

REVOKE ALL ON FUNCTION public.access_watch(rules text[], enabled bigint[], thresholds bigint[], settle_s bigint, batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.access_watch(rules text[], enabled bigint[], thresholds bigint[], settle_s bigint, batch bigint) TO epione_jobs;

GRANT SELECT,INSERT,UPDATE ON TABLE public.account TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.account TO epione_reporter;
GRANT SELECT(clinic_id) ON TABLE public.account TO epione_jobs;

GRANT SELECT(id) ON TABLE public.account TO epione_reporter;
GRANT SELECT(id) ON TABLE public.account TO epione_jobs;

GRANT SELECT(role) ON TABLE public.account TO epione_reporter;
GRANT SELECT(role) ON TABLE public.account TO epione_jobs;

GRANT SELECT(patient_id) ON TABLE public.account TO epione_reporter;
GRANT SELECT(patient_id) ON TABLE public.account TO epione_jobs;

GRANT SELECT(display_name) ON TABLE public.account TO epione_jobs;

GRANT SELECT(password_changed_at) ON TABLE public.account TO epione_reporter;

GRANT SELECT(compromised_at) ON TABLE public.account TO epione_reporter;

GRANT SELECT(totp_confirmed_at) ON TABLE public.account TO epione_reporter;

GRANT SELECT(deactivated_at) ON TABLE public.account TO epione_reporter;
GRANT SELECT(deactivated_at) ON TABLE public.account TO epione_jobs;

GRANT SELECT(created_at) ON TABLE public.account TO epione_reporter;

GRANT SELECT(created_by) ON TABLE public.account TO epione_reporter;

GRANT SELECT(last_sign_in_at) ON TABLE public.account TO epione_reporter;

GRANT SELECT(key_version) ON TABLE public.account TO epione_jobs;

GRANT ALL ON FUNCTION public.account_resettable(a public.account) TO epione_server;

GRANT ALL ON FUNCTION public.account_state(deactivated_at timestamp with time zone, password_hash text, invited text) TO epione_server;

GRANT SELECT,INSERT,UPDATE ON TABLE public.attempt TO epione_server;

GRANT ALL ON FUNCTION public.attempt_closed(a public.attempt, t timestamp with time zone) TO epione_server;

GRANT ALL ON FUNCTION public.attempt_source(clinic uuid, account uuid, device bytea, network bytea) TO epione_server;

GRANT ALL ON FUNCTION public.attempt_stopped(a public.attempt) TO epione_server;

REVOKE ALL ON FUNCTION public.attempt_take(clinic uuid, account uuid, what text, free integer, who uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.attempt_take(clinic uuid, account uuid, what text, free integer, who uuid) TO epione_server;

REVOKE ALL ON FUNCTION public.attempt_take_stranger(token bytea, free integer) FROM PUBLIC;

GRANT SELECT ON TABLE public.audit_log TO epione_server;
GRANT SELECT ON TABLE public.audit_log TO epione_reporter;

GRANT INSERT(clinic_id) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(clinic_id) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(actor_id) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(actor_id) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(session) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(session) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(request_id) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(request_id) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(patient_id) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(patient_id) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(record_id) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(record_id) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(event) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(event) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(outcome) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(outcome) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(operation) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(operation) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(actor_role) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(actor_role) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(purpose) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(purpose) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(action) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(action) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(address) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(address) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(count) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(count) ON TABLE public.audit_log TO epione_jobs;

GRANT INSERT(returned) ON TABLE public.audit_log TO epione_server;
GRANT INSERT(returned) ON TABLE public.audit_log TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_about(clinic uuid, patient uuid, lo timestamp with time zone, hi timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_background_close(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_background_close(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_background_note(event bigint, action "char", actor uuid, actor_role bigint, session bigint, purpose bigint, patient uuid, record uuid, returned uuid[], address inet, request uuid, operation bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_background_note(event bigint, action "char", actor uuid, actor_role bigint, session bigint, purpose bigint, patient uuid, record uuid, returned uuid[], address inet, request uuid, operation bigint) TO epione_server;

REVOKE ALL ON FUNCTION public.audit_begin() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_days(patient uuid, besides uuid, zone text, seen_at timestamp with time zone, before_at timestamp with time zone, before_seq bigint, page bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_days(patient uuid, besides uuid, zone text, seen_at timestamp with time zone, before_at timestamp with time zone, before_seq bigint, page bigint) TO epione_server;

REVOKE ALL ON FUNCTION public.audit_found(number bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_found(number bigint) TO epione_server;

REVOKE ALL ON FUNCTION public.audit_kinds(kinds text[], from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, refused boolean, before_at timestamp with time zone, before_seq bigint, page bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_kinds(kinds text[], from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, refused boolean, before_at timestamp with time zone, before_seq bigint, page bigint) TO epione_reporter;

REVOKE ALL ON FUNCTION public.audit_leaves_go(part name, month date) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_month_begin() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_months(from_at timestamp with time zone, to_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_months(from_at timestamp with time zone, to_at timestamp with time zone) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_nobody() FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_nobody() TO epione_server;

REVOKE ALL ON FUNCTION public.audit_oldest() FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_oldest() TO epione_reporter;

REVOKE ALL ON FUNCTION public.audit_page(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, patient uuid, what text, result text, before_at timestamp with time zone, before_seq bigint, page bigint, nobody boolean, besides uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_page(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, patient uuid, what text, result text, before_at timestamp with time zone, before_seq bigint, page bigint, nobody boolean, besides uuid) TO epione_server;
GRANT ALL ON FUNCTION public.audit_page(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, patient uuid, what text, result text, before_at timestamp with time zone, before_seq bigint, page bigint, nobody boolean, besides uuid) TO epione_reporter;

REVOKE ALL ON FUNCTION public.audit_refused(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, before_at timestamp with time zone, before_seq bigint, page bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_refused(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, before_at timestamp with time zone, before_seq bigint, page bigint) TO epione_reporter;

REVOKE ALL ON FUNCTION public.audit_restored() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_retain() FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_retain() TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_say(clinics uuid[], counts bigint[], event text, action text, operation text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_sealed_to(last_tx bigint, last_seq bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_sealed_to(last_tx bigint, last_seq bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_tile_put(clinic uuid, height bigint, start bigint, added bytea, tx bigint, number bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_tile_put(clinic uuid, height bigint, start bigint, added bytea, tx bigint, number bigint) TO epione_jobs;

GRANT SELECT ON TABLE public.audit_tree TO epione_server;

REVOKE ALL ON FUNCTION public.audit_tree_of(clinic uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_tree_of(clinic uuid) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_tree_put(clinic uuid, was bigint, becomes bigint, right_edge bytea, checkpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_tree_put(clinic uuid, was bigint, becomes bigint, right_edge bytea, checkpoint text) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_unsealed(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_unsealed(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.audit_words(words text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_words(words text[]) TO epione_server;
GRANT ALL ON FUNCTION public.audit_words(words text[]) TO epione_jobs;

GRANT ALL ON FUNCTION public.bears_names(patient uuid, beginnings bytea[], groups bigint[], names bigint[]) TO epione_server;

REVOKE ALL ON FUNCTION public.breach_scope(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, session_half text, network text, lost_version bigint, backup_at timestamp with time zone, after uuid, page bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.breach_scope(from_at timestamp with time zone, to_at timestamp with time zone, actor uuid, session_half text, network text, lost_version bigint, backup_at timestamp with time zone, after uuid, page bigint) TO epione_reporter;

GRANT SELECT,INSERT,UPDATE ON TABLE public.visit TO epione_server;

REVOKE ALL ON FUNCTION public.checkpoints_due(files boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.checkpoints_due(files boolean) TO epione_jobs;

GRANT ALL ON FUNCTION public.current_actor() TO epione_server;
GRANT ALL ON FUNCTION public.current_actor() TO epione_jobs;

GRANT ALL ON FUNCTION public.current_clinic() TO epione_server;
GRANT ALL ON FUNCTION public.current_clinic() TO epione_jobs;

REVOKE ALL ON FUNCTION public.guest_find(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.guest_find(token_hash bytea) TO epione_server;

REVOKE ALL ON FUNCTION public.invitation_find(token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.invitation_find(token_hash bytea) TO epione_server;

GRANT ALL ON FUNCTION public.invitation_state(confirmed_at timestamp with time zone, ended_at timestamp with time zone, tries integer, expires_at timestamp with time zone, t timestamp with time zone) TO epione_server;

REVOKE ALL ON FUNCTION public.keys_watch(days bigint, classes text[], OUT asked bigint, OUT worn bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keys_watch(days bigint, classes text[], OUT asked bigint, OUT worn bigint) TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.payment TO epione_server;
GRANT SELECT,UPDATE ON TABLE public.payment TO epione_jobs;

GRANT SELECT(clinic_id) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(id) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(visit_id) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(patient_id) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(amount_minor) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(currency) ON TABLE public.payment TO epione_reporter;

GRANT UPDATE(state) ON TABLE public.payment TO epione_server;
GRANT SELECT(state) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(refunded_minor) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(dispute) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(difference) ON TABLE public.payment TO epione_reporter;

GRANT UPDATE(restricted) ON TABLE public.payment TO epione_server;
GRANT SELECT(restricted) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(paid_at) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(created_at) ON TABLE public.payment TO epione_reporter;

GRANT SELECT(created_by) ON TABLE public.payment TO epione_reporter;

GRANT UPDATE(updated_at) ON TABLE public.payment TO epione_server;

GRANT UPDATE(version) ON TABLE public.payment TO epione_server;

GRANT ALL ON FUNCTION public.ledger_add(p public.payment, kind text, reference text, debit text, credit text, amount bigint, currency text) TO epione_server;
GRANT ALL ON FUNCTION public.ledger_add(p public.payment, kind text, reference text, debit text, credit text, amount bigint, currency text) TO epione_jobs;

GRANT ALL ON FUNCTION public.patients_beginning(after_word bytea, after_part bigint, after uuid, most bigint, beginnings bytea[], groups bigint[], names bigint[], group_count bigint, walked bigint, exact bytea[], exact_name bigint, year bytea[]) TO epione_server;

REVOKE ALL ON FUNCTION public.payment_compare(ids text[], kinds text[], amounts bigint[], monies text[], intents text[], owns text[], clinics text[], moved bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_compare(ids text[], kinds text[], amounts bigint[], monies text[], intents text[], owns text[], clinics text[], moved bigint[]) TO epione_jobs;

REVOKE ALL ON FUNCTION public.payment_find(checkout text, intent text, own uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_find(checkout text, intent text, own uuid) TO epione_server;

REVOKE ALL ON FUNCTION public.payment_paid() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.payment_reconcile(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_reconcile(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.payment_settle(payment uuid, intent text, amount bigint, money text, was_paid boolean, ended text, refunded bigint, cost bigint, cost_money text, disputed text, dispute_cost bigint, dispute_returned bigint, dispute_money text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_settle(payment uuid, intent text, amount bigint, money text, was_paid boolean, ended text, refunded bigint, cost bigint, cost_money text, disputed text, dispute_cost bigint, dispute_returned bigint, dispute_money text) TO epione_jobs;

GRANT ALL ON FUNCTION public.recording_agreed(recording uuid) TO epione_server;

REVOKE ALL ON FUNCTION public.recordings_due(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.recordings_due(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.reset_ask(job uuid, tokens bytea[], device bytea, network bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reset_ask(job uuid, tokens bytea[], device bytea, network bytea) TO epione_server;

REVOKE ALL ON FUNCTION public.reset_link(account uuid, link uuid, token_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reset_link(account uuid, link uuid, token_hash bytea) TO epione_jobs;

REVOKE ALL ON FUNCTION public.session_open(token_hash bytea, session uuid, background boolean, kind text, subject uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.session_open(token_hash bytea, session uuid, background boolean, kind text, subject uuid) TO epione_server;

REVOKE ALL ON FUNCTION public.sessions_ended(clinics uuid[], ids uuid[], active uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sessions_ended(clinics uuid[], ids uuid[], active uuid[]) TO epione_server;

REVOKE ALL ON FUNCTION public.sign_in_take(tokens bytea[], device bytea, network bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sign_in_take(tokens bytea[], device bytea, network bytea) TO epione_server;

REVOKE ALL ON FUNCTION public.source_note(clinic uuid, account uuid, was bytea, device bytea, network bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.source_note(clinic uuid, account uuid, was bytea, device bytea, network bytea) TO epione_server;

REVOKE ALL ON FUNCTION public.sweep_attempts(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_attempts(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_idempotency(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_idempotency(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_invitations(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_invitations(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_jobs(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_jobs(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_reports(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_reports(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_sessions(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_sessions(batch bigint) TO epione_jobs;

REVOKE ALL ON FUNCTION public.sweep_strangers(batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sweep_strangers(batch bigint) TO epione_jobs;

GRANT ALL ON FUNCTION public.visit_relation(subject uuid, clinic uuid, actor uuid) TO epione_server;

GRANT ALL ON FUNCTION public.zone_known(zone text) TO epione_server;

GRANT SELECT,INSERT,UPDATE ON TABLE public.access_rule TO epione_server;

GRANT SELECT,INSERT,DELETE ON TABLE public.account_token TO epione_server;

GRANT SELECT,INSERT ON TABLE public.approval TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(id) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(kind) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(account_id) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(role) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(requested_by) ON TABLE public.approval TO epione_reporter;

GRANT SELECT(created_at) ON TABLE public.approval TO epione_reporter;

GRANT UPDATE(expires_at) ON TABLE public.approval TO epione_server;
GRANT SELECT(expires_at) ON TABLE public.approval TO epione_reporter;

GRANT UPDATE(state) ON TABLE public.approval TO epione_server;
GRANT SELECT(state) ON TABLE public.approval TO epione_reporter;

GRANT UPDATE(decided_by) ON TABLE public.approval TO epione_server;
GRANT SELECT(decided_by) ON TABLE public.approval TO epione_reporter;

GRANT UPDATE(decided_at) ON TABLE public.approval TO epione_server;
GRANT SELECT(decided_at) ON TABLE public.approval TO epione_reporter;

GRANT SELECT ON TABLE public.audit_background TO epione_server;
GRANT SELECT ON TABLE public.audit_background TO epione_reporter;

GRANT SELECT ON TABLE public.audit_word TO epione_server;
GRANT SELECT ON TABLE public.audit_word TO epione_reporter;

GRANT SELECT ON TABLE public.audit TO epione_server;
GRANT SELECT ON TABLE public.audit TO epione_reporter;

GRANT SELECT ON TABLE public.audit_gone TO epione_server;

GRANT SELECT ON TABLE public.audit_key TO epione_server;

GRANT SELECT ON TABLE public.audit_month_gone TO epione_server;

GRANT SELECT ON TABLE public.audit_tile TO epione_server;

GRANT SELECT,INSERT,UPDATE ON TABLE public.care_team TO epione_server;

GRANT SELECT ON TABLE public.class_key TO epione_server;
GRANT SELECT ON TABLE public.class_key TO epione_jobs;

GRANT SELECT(clinic_id) ON TABLE public.class_key TO epione_reporter;
GRANT INSERT(clinic_id) ON TABLE public.class_key TO epione_jobs;

GRANT SELECT(class) ON TABLE public.class_key TO epione_reporter;
GRANT INSERT(class) ON TABLE public.class_key TO epione_jobs;

GRANT SELECT(version) ON TABLE public.class_key TO epione_reporter;
GRANT INSERT(version) ON TABLE public.class_key TO epione_jobs;

GRANT INSERT(wrapped) ON TABLE public.class_key TO epione_jobs;

GRANT SELECT(created_at) ON TABLE public.class_key TO epione_reporter;

GRANT SELECT(records) ON TABLE public.class_key TO epione_reporter;

GRANT SELECT(seals) ON TABLE public.class_key TO epione_reporter;

GRANT SELECT(seals_most) ON TABLE public.class_key TO epione_reporter;

GRANT SELECT(counted_at) ON TABLE public.class_key TO epione_reporter;

GRANT SELECT,UPDATE ON TABLE public.clinic TO epione_server;
GRANT SELECT ON TABLE public.clinic TO epione_reporter;
GRANT SELECT ON TABLE public.clinic TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.disclosure TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(id) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(patient_id) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(at) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(basis) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(suspended_until) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(created_at) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT(created_by) ON TABLE public.disclosure TO epione_reporter;

GRANT SELECT,INSERT ON TABLE public.export TO epione_server;

GRANT SELECT,INSERT ON TABLE public.fee TO epione_server;

GRANT UPDATE(retired_at) ON TABLE public.fee TO epione_server;

GRANT SELECT,INSERT ON TABLE public.guest TO epione_server;

GRANT UPDATE(tries) ON TABLE public.guest TO epione_server;

GRANT UPDATE(joined_at) ON TABLE public.guest TO epione_server;

GRANT UPDATE(admitted_at) ON TABLE public.guest TO epione_server;

GRANT UPDATE(ended_at) ON TABLE public.guest TO epione_server;

GRANT UPDATE(mail_id) ON TABLE public.guest TO epione_server;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency TO epione_server;

GRANT SELECT,INSERT ON TABLE public.incident TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.incident TO epione_reporter;

GRANT SELECT(id) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(kind) ON TABLE public.incident TO epione_server;
GRANT SELECT(kind) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(title) ON TABLE public.incident TO epione_server;

GRANT UPDATE(description) ON TABLE public.incident TO epione_server;

GRANT UPDATE(discovered_at) ON TABLE public.incident TO epione_server;
GRANT SELECT(discovered_at) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(began_at) ON TABLE public.incident TO epione_server;
GRANT SELECT(began_at) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(ended_at) ON TABLE public.incident TO epione_server;
GRANT SELECT(ended_at) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(affected) ON TABLE public.incident TO epione_server;
GRANT SELECT(affected) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(in_state) ON TABLE public.incident TO epione_server;
GRANT SELECT(in_state) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(conclusion) ON TABLE public.incident TO epione_server;
GRANT SELECT(conclusion) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(outcome) ON TABLE public.incident TO epione_server;

GRANT UPDATE(version) ON TABLE public.incident TO epione_server;

GRANT SELECT(created_at) ON TABLE public.incident TO epione_reporter;

GRANT SELECT(created_by) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(closed_at) ON TABLE public.incident TO epione_server;
GRANT SELECT(closed_at) ON TABLE public.incident TO epione_reporter;

GRANT UPDATE(closed_by) ON TABLE public.incident TO epione_server;
GRANT SELECT(closed_by) ON TABLE public.incident TO epione_reporter;

GRANT SELECT,INSERT ON TABLE public.incident_entry TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(id) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(incident_id) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(kind) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(at) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(finding) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(until) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(created_at) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT(created_by) ON TABLE public.incident_entry TO epione_reporter;

GRANT SELECT,INSERT ON TABLE public.incident_link TO epione_server;
GRANT SELECT ON TABLE public.incident_link TO epione_reporter;

GRANT SELECT ON TABLE public.installation TO epione_server;
GRANT SELECT ON TABLE public.installation TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.invitation TO epione_server;

GRANT UPDATE(confirmed_at) ON TABLE public.invitation TO epione_server;

GRANT UPDATE(phrase_hash) ON TABLE public.invitation TO epione_server;

GRANT UPDATE(tries) ON TABLE public.invitation TO epione_server;

GRANT UPDATE(ended_at) ON TABLE public.invitation TO epione_server;

GRANT INSERT ON TABLE public.job TO epione_server;
GRANT SELECT,INSERT,UPDATE ON TABLE public.job TO epione_jobs;

GRANT SELECT(clinic_id) ON TABLE public.job TO epione_server;

GRANT SELECT(id) ON TABLE public.job TO epione_server;

GRANT SELECT(kind) ON TABLE public.job TO epione_server;

GRANT SELECT(key) ON TABLE public.job TO epione_server;

GRANT SELECT(state),UPDATE(state) ON TABLE public.job TO epione_server;

GRANT SELECT(run_at),UPDATE(run_at) ON TABLE public.job TO epione_server;

GRANT SELECT(attempts),UPDATE(attempts) ON TABLE public.job TO epione_server;

GRANT SELECT(record_id) ON TABLE public.job TO epione_server;

GRANT SELECT(error_code),UPDATE(error_code) ON TABLE public.job TO epione_server;

GRANT SELECT(created_at) ON TABLE public.job TO epione_server;

GRANT SELECT(asked_at),UPDATE(asked_at) ON TABLE public.job TO epione_server;

GRANT SELECT(ended_at),UPDATE(ended_at) ON TABLE public.job TO epione_server;

GRANT SELECT ON TABLE public.job_pause TO epione_jobs;

GRANT SELECT,DELETE ON TABLE public.known_source TO epione_server;

GRANT SELECT,INSERT ON TABLE public.ledger TO epione_server;
GRANT SELECT,INSERT ON TABLE public.ledger TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.name_beginning TO epione_server;

GRANT SELECT,INSERT ON TABLE public.password_history TO epione_server;

GRANT SELECT,INSERT,UPDATE ON TABLE public.patient TO epione_server;

GRANT SELECT,INSERT,DELETE ON TABLE public.patient_token TO epione_server;

GRANT SELECT ON TABLE public.payment_difference TO epione_server;

GRANT UPDATE(resolved_at) ON TABLE public.payment_difference TO epione_server;

GRANT UPDATE(resolved_by) ON TABLE public.payment_difference TO epione_server;

GRANT SELECT,INSERT ON TABLE public.payment_event TO epione_server;

GRANT SELECT ON TABLE public.payment_receipt TO epione_server;
GRANT SELECT,INSERT,UPDATE ON TABLE public.payment_receipt TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.payment_refund TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(id) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(payment_id) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(amount_minor) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(state),UPDATE(state) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(external_id),UPDATE(external_id) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT(created_at) ON TABLE public.payment_refund TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.record_key TO epione_server;
GRANT SELECT,DELETE ON TABLE public.record_key TO epione_jobs;

GRANT UPDATE(wrapped) ON TABLE public.record_key TO epione_jobs;

GRANT UPDATE(seals) ON TABLE public.record_key TO epione_server;
GRANT UPDATE(seals) ON TABLE public.record_key TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.recording TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(clinic_id) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(id) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(id) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(visit_id) ON TABLE public.recording TO epione_reporter;

GRANT SELECT(patient_id) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(patient_id) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(clinician_id) ON TABLE public.recording TO epione_reporter;

GRANT UPDATE(state) ON TABLE public.recording TO epione_server;
GRANT SELECT(state) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(state),UPDATE(state) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(secret) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(prefix) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(media_type) ON TABLE public.recording TO epione_server;
GRANT UPDATE(media_type) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(duration_s) ON TABLE public.recording TO epione_server;
GRANT SELECT(duration_s) ON TABLE public.recording TO epione_reporter;

GRANT UPDATE(chunks) ON TABLE public.recording TO epione_server;
GRANT SELECT(chunks) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(chunks) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(created_at) ON TABLE public.recording TO epione_reporter;

GRANT UPDATE(started_at) ON TABLE public.recording TO epione_server;
GRANT SELECT(started_at) ON TABLE public.recording TO epione_reporter;

GRANT UPDATE(stopped_at) ON TABLE public.recording TO epione_server;
GRANT SELECT(stopped_at) ON TABLE public.recording TO epione_reporter;

GRANT SELECT(checked_at) ON TABLE public.recording TO epione_reporter;
GRANT UPDATE(checked_at) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(check_from) ON TABLE public.recording TO epione_server;
GRANT SELECT(check_from) ON TABLE public.recording TO epione_jobs;

GRANT SELECT(keep_until) ON TABLE public.recording TO epione_reporter;

GRANT SELECT(deleted_at) ON TABLE public.recording TO epione_reporter;
GRANT UPDATE(deleted_at) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(hold_at) ON TABLE public.recording TO epione_server;
GRANT SELECT(hold_at) ON TABLE public.recording TO epione_reporter;
GRANT SELECT(hold_at) ON TABLE public.recording TO epione_jobs;

GRANT UPDATE(hold_by) ON TABLE public.recording TO epione_server;
GRANT SELECT(hold_by) ON TABLE public.recording TO epione_reporter;

GRANT UPDATE(hold_reason) ON TABLE public.recording TO epione_server;

GRANT UPDATE(delete_reason) ON TABLE public.recording TO epione_server;

GRANT SELECT,INSERT ON TABLE public.recording_chunk TO epione_server;
GRANT SELECT,DELETE ON TABLE public.recording_chunk TO epione_jobs;

GRANT UPDATE(asked_at) ON TABLE public.recording_chunk TO epione_server;

GRANT UPDATE(done_at) ON TABLE public.recording_chunk TO epione_server;

GRANT UPDATE(seen_at) ON TABLE public.recording_chunk TO epione_server;
GRANT UPDATE(seen_at) ON TABLE public.recording_chunk TO epione_jobs;

GRANT UPDATE(fault) ON TABLE public.recording_chunk TO epione_server;
GRANT UPDATE(fault) ON TABLE public.recording_chunk TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.recording_consent TO epione_server;
GRANT SELECT ON TABLE public.recording_consent TO epione_reporter;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.recovery_code TO epione_server;

GRANT SELECT ON TABLE public.report_asked TO epione_reporter;
GRANT SELECT ON TABLE public.report_asked TO epione_server;
GRANT SELECT ON TABLE public.report_asked TO epione_jobs;

GRANT INSERT(clinic_id) ON TABLE public.report_asked TO epione_server;

GRANT INSERT(id) ON TABLE public.report_asked TO epione_server;

GRANT INSERT(report) ON TABLE public.report_asked TO epione_server;

GRANT INSERT(parameters) ON TABLE public.report_asked TO epione_server;

GRANT SELECT ON TABLE public.report_part TO epione_server;
GRANT SELECT,DELETE ON TABLE public.report_part TO epione_jobs;

GRANT INSERT(clinic_id) ON TABLE public.report_part TO epione_jobs;

GRANT INSERT(id) ON TABLE public.report_part TO epione_jobs;

GRANT INSERT(run_id) ON TABLE public.report_part TO epione_jobs;

GRANT INSERT(content) ON TABLE public.report_part TO epione_jobs;

GRANT SELECT ON TABLE public.report_run TO epione_server;
GRANT SELECT ON TABLE public.report_run TO epione_jobs;

GRANT INSERT(clinic_id) ON TABLE public.report_run TO epione_server;

GRANT INSERT(id) ON TABLE public.report_run TO epione_server;

GRANT INSERT(account_id) ON TABLE public.report_run TO epione_server;

GRANT INSERT(asked_id) ON TABLE public.report_run TO epione_server;

GRANT INSERT(job_id) ON TABLE public.report_run TO epione_server;

GRANT INSERT(format) ON TABLE public.report_run TO epione_server;

GRANT INSERT(created_at) ON TABLE public.report_run TO epione_server;

GRANT INSERT(expires_at) ON TABLE public.report_run TO epione_server;

GRANT UPDATE(place) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(lines) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(parts) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(bytes) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(written) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(checkpoint) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(sha256) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(done_at) ON TABLE public.report_run TO epione_jobs;

GRANT UPDATE(error_code) ON TABLE public.report_run TO epione_jobs;

GRANT SELECT,INSERT ON TABLE public.review TO epione_server;

GRANT SELECT(clinic_id) ON TABLE public.review TO epione_reporter;

GRANT SELECT(id) ON TABLE public.review TO epione_reporter;

GRANT SELECT(kind) ON TABLE public.review TO epione_reporter;

GRANT SELECT(patient_id) ON TABLE public.review TO epione_reporter;

GRANT SELECT(account_id) ON TABLE public.review TO epione_reporter;

GRANT SELECT(created_at) ON TABLE public.review TO epione_reporter;

GRANT SELECT(access_until) ON TABLE public.review TO epione_reporter;

GRANT SELECT(rule) ON TABLE public.review TO epione_reporter;

GRANT SELECT(day) ON TABLE public.review TO epione_reporter;

GRANT SELECT(found) ON TABLE public.review TO epione_reporter;

GRANT SELECT(usual) ON TABLE public.review TO epione_reporter;

GRANT UPDATE(finding) ON TABLE public.review TO epione_server;
GRANT SELECT(finding) ON TABLE public.review TO epione_reporter;

GRANT UPDATE(note) ON TABLE public.review TO epione_server;

GRANT UPDATE(account_note) ON TABLE public.review TO epione_server;

GRANT UPDATE(signed_by) ON TABLE public.review TO epione_server;
GRANT SELECT(signed_by) ON TABLE public.review TO epione_reporter;

GRANT UPDATE(signed_at) ON TABLE public.review TO epione_server;
GRANT SELECT(signed_at) ON TABLE public.review TO epione_reporter;

GRANT SELECT,INSERT,UPDATE ON TABLE public.session TO epione_server;

GRANT SELECT ON TABLE public.store_signer TO epione_server;
GRANT SELECT,INSERT,UPDATE ON TABLE public.store_signer TO epione_jobs;

