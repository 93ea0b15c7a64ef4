-- previous: sha256:0000000000000000000000000000000000000000000000000000000000000000   purpose: clinics, keys, accounts, sessions, patients, visits, audit
--
-- Every table of a clinic is keyed by (clinic_id, id) and guarded by row-level
-- security on the clinic of the transaction. That is the second lock; the
-- first is the gate. The server's role owns nothing here and can neither
-- delete records nor touch an audit row.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE FUNCTION current_clinic() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('epione.clinic', true), '')::uuid $$;

CREATE FUNCTION current_actor() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('epione.actor', true), '')::uuid $$;

-- The installation

CREATE TABLE installation (
    singleton       boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    root_check      bytea NOT NULL CHECK (octet_length(root_check) = 16),
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE clinic (
    id                        uuid PRIMARY KEY,
    name                      text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone                 text NOT NULL DEFAULT 'UTC',
    password_max_age_days     integer NOT NULL DEFAULT 90 CHECK (password_max_age_days BETWEEN 0 AND 365),
    password_min_length       integer NOT NULL DEFAULT 12 CHECK (password_min_length BETWEEN 8 AND 64),
    password_history          integer NOT NULL DEFAULT 4 CHECK (password_history BETWEEN 0 AND 24),
    idle_minutes_workforce    integer NOT NULL DEFAULT 15 CHECK (idle_minutes_workforce BETWEEN 1 AND 60),
    idle_minutes_patient      integer NOT NULL DEFAULT 30 CHECK (idle_minutes_patient BETWEEN 1 AND 60),
    session_hours             integer NOT NULL DEFAULT 12 CHECK (session_hours BETWEEN 1 AND 24),
    totp_window_steps         integer NOT NULL DEFAULT 1 CHECK (totp_window_steps BETWEEN 0 AND 1),
    failures_before_delay     integer NOT NULL DEFAULT 5 CHECK (failures_before_delay BETWEEN 3 AND 10),
    care_days_after_visit     integer NOT NULL DEFAULT 30 CHECK (care_days_after_visit BETWEEN 0 AND 365),
    emergency_minutes         integer NOT NULL DEFAULT 60 CHECK (emergency_minutes BETWEEN 5 AND 60),
    recording                 integer NOT NULL DEFAULT 0 CHECK (recording BETWEEN 0 AND 1),
    recording_days            integer NOT NULL DEFAULT 365 CHECK (recording_days BETWEEN 1 AND 36500),
    recording_patient         integer NOT NULL DEFAULT 1 CHECK (recording_patient BETWEEN 0 AND 1),
    -- where a checkpoint of the log goes each day: outside, or it proves little
    checkpoint_mail           text CHECK (length(checkpoint_mail) BETWEEN 3 AND 254),
    --= AU-06: how long the log is kept: six years, never less
    audit_years               integer NOT NULL DEFAULT 6 CHECK (audit_years BETWEEN 6 AND 100),
    audit_hold                integer NOT NULL DEFAULT 0 CHECK (audit_hold BETWEEN 0 AND 1),
    pay_when                  text NOT NULL DEFAULT 'before' CHECK (pay_when IN ('before', 'check_in', 'after')),
    fees_version              bigint NOT NULL DEFAULT 1,
    access_rules_version      bigint NOT NULL DEFAULT 1,
    version                   bigint NOT NULL DEFAULT 1,
    created_at                timestamptz NOT NULL DEFAULT now()
);

-- Keys: wrapped, never in the clear
--
-- An envelope says in its bytes 2 to 5 under which version of a key it is. A row
-- that holds some names the version in a column made of one of them, so that no
-- write can forget to, and points at that key: class_version here, key_version of
-- what is sealed. All that one row holds is under one version.

-- clinic_id nil stands for the installation itself.
CREATE TABLE class_key (
    clinic_id   uuid NOT NULL,
    class       text NOT NULL CHECK (class IN ('patient', 'account', 'index', 'job', 'audit', 'incident')),
    version     bigint NOT NULL CHECK (version > 0),
    wrapped     bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- of what lay under it at counted_at: how many record keys, what they sealed
    -- together, and the one that sealed most (keys_watch)
    records     bigint,
    seals       bigint,
    seals_most  bigint,
    counted_at  timestamptz,
    PRIMARY KEY (clinic_id, class, version),
    -- until all processes hear of a new one before the first of them writes, and
    -- what is to be unique is so over both (docs/KEYS.md)
    CONSTRAINT class_key_index_turn CHECK (class <> 'index' OR version = 1)
);

--= EN-03: seals are counted for all processes; the constraint refuses at 2^32
CREATE TABLE record_key (
    clinic_id   uuid NOT NULL REFERENCES clinic,
    subject_id  uuid NOT NULL,
    class       text NOT NULL CHECK (class IN ('patient', 'account', 'job', 'incident')),
    version     bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    wrapped     bytea,
    seals       bigint NOT NULL DEFAULT 0 CONSTRAINT record_key_seals CHECK (seals < 4294967296),
    created_at  timestamptz NOT NULL DEFAULT now(),
    shredded_at timestamptz,
    class_version bigint GENERATED ALWAYS AS (('x' || encode(substr(wrapped, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, subject_id, version),
    --= EN-07: a class key goes when no key is wrapped under it any more
    FOREIGN KEY (clinic_id, class, class_version) REFERENCES class_key (clinic_id, class, version),
    CHECK ((wrapped IS NULL) = (shredded_at IS NOT NULL))
);
-- what is to be wrapped anew, and whether a class key can go
CREATE INDEX record_key_class ON record_key (clinic_id, class, class_version);

-- Patients

CREATE TABLE patient (
    clinic_id          uuid NOT NULL REFERENCES clinic,
    id                 uuid NOT NULL,
    family_name        bytea NOT NULL,
    given_name         bytea,
    preferred_name     bytea,
    birth_date         bytea,
    sex                bytea NOT NULL,
    mrn                bytea,
    ssn                bytea,
    phone              bytea,
    email              bytea,
    address            bytea,
    language           bytea,
    emergency_contact  bytea,
    insurance          bytea,
    -- who has it is marked: jobs see that it is there, and nothing of it
    vip                bytea,
    --= EN-09: keyed tokens; the same value in two clinics gives different ones.
    -- The first two bytes are the version of the index key.
    mrn_token          bytea CHECK (octet_length(mrn_token) = 10),
    ssn_token          bytea CHECK (octet_length(ssn_token) = 10),
    phone_token        bytea CHECK (octet_length(phone_token) = 10),
    email_token        bytea CHECK (octet_length(email_token) = 10),
    birth_year         bytea CHECK (octet_length(birth_year) = 10),
    birth_month        bytea CHECK (octet_length(birth_month) = 10),
    birth_day          bytea CHECK (octet_length(birth_day) = 10),
    -- who wrote the address to which an invitation goes
    email_by           uuid DEFAULT current_actor(),
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    key_version        bigint GENERATED ALWAYS AS (('x' || encode(substr(family_name, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT patient_mrn_key UNIQUE (clinic_id, mrn_token),
    FOREIGN KEY (clinic_id, id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    CONSTRAINT patient_one_key CHECK (
        substr(given_name, 2, 4) = substr(family_name, 2, 4)
        AND substr(preferred_name, 2, 4) = substr(family_name, 2, 4)
        AND substr(birth_date, 2, 4) = substr(family_name, 2, 4)
        AND substr(sex, 2, 4) = substr(family_name, 2, 4)
        AND substr(mrn, 2, 4) = substr(family_name, 2, 4)
        AND substr(ssn, 2, 4) = substr(family_name, 2, 4)
        AND substr(phone, 2, 4) = substr(family_name, 2, 4)
        AND substr(email, 2, 4) = substr(family_name, 2, 4)
        AND substr(address, 2, 4) = substr(family_name, 2, 4)
        AND substr(language, 2, 4) = substr(family_name, 2, 4)
        AND substr(emergency_contact, 2, 4) = substr(family_name, 2, 4)
        AND substr(insurance, 2, 4) = substr(family_name, 2, 4)
        AND substr(vip, 2, 4) = substr(family_name, 2, 4))
);
COMMENT ON COLUMN patient.family_name IS 'sealed:patient_family_name';
COMMENT ON COLUMN patient.given_name IS 'sealed:patient_given_name';
COMMENT ON COLUMN patient.preferred_name IS 'sealed:patient_preferred_name';
COMMENT ON COLUMN patient.birth_date IS 'sealed:patient_birth_date';
COMMENT ON COLUMN patient.sex IS 'sealed:patient_sex';
COMMENT ON COLUMN patient.mrn IS 'sealed:patient_mrn';
COMMENT ON COLUMN patient.ssn IS 'sealed:patient_ssn';
COMMENT ON COLUMN patient.phone IS 'sealed:patient_phone';
COMMENT ON COLUMN patient.email IS 'sealed:patient_email';
COMMENT ON COLUMN patient.address IS 'sealed:patient_address';
COMMENT ON COLUMN patient.language IS 'sealed:patient_language';
COMMENT ON COLUMN patient.emergency_contact IS 'sealed:patient_emergency_contact';
COMMENT ON COLUMN patient.insurance IS 'sealed:patient_insurance';
COMMENT ON COLUMN patient.vip IS 'sealed:patient_vip';

CREATE INDEX patient_ssn ON patient (clinic_id, ssn_token, id) WHERE ssn_token IS NOT NULL;
CREATE INDEX patient_phone ON patient (clinic_id, phone_token, id) WHERE phone_token IS NOT NULL;
CREATE INDEX patient_email ON patient (clinic_id, email_token, id) WHERE email_token IS NOT NULL;
CREATE INDEX patient_birth ON patient (clinic_id, birth_year, birth_month, birth_day, id)
    WHERE birth_year IS NOT NULL;

-- The words of a patient's names: in the family name (1) or the given name (2),
-- and whether the name is that word, or those words, and nothing else (3, 4).
CREATE TABLE patient_token (
    clinic_id   uuid NOT NULL,
    patient_id  uuid NOT NULL,
    token       bytea NOT NULL CHECK (octet_length(token) = 10),
    part        smallint NOT NULL CHECK (part BETWEEN 1 AND 4),
    PRIMARY KEY (clinic_id, patient_id, token, part),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id)
);
CREATE UNIQUE INDEX patient_token_word ON patient_token (clinic_id, token, part, patient_id);

-- Which words begin how. A row for each word that a clinic has, not for each who
-- bears it: a million patients share a hundred thousand.
CREATE TABLE name_beginning (
    clinic_id      uuid NOT NULL REFERENCES clinic,
    beginning      bytea NOT NULL CHECK (octet_length(beginning) = 10),
    word           bytea NOT NULL CHECK (octet_length(word) = 10),
    PRIMARY KEY (clinic_id, beginning, word)
);

-- Does a patient have, for each group of beginnings, a word that begins so? Which
-- names it may be in: 1 the family name, 2 the given name, 3 either. Begins at
-- the patient's few words: groups and beginnings are looked up for each. One row,
-- and not a value, as PostgreSQL puts only a table in line: a call took 70 µs a
-- patient, this takes 12.
CREATE FUNCTION bears_names(patient uuid, beginnings bytea[], groups bigint[], names bigint[])
    RETURNS TABLE (n bigint) LANGUAGE sql STABLE PARALLEL SAFE
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

-- Those who have a word that begins so (the group `walked`), after a place in the
-- order of word, part and patient, and words of all other groups besides; and are
-- not just `exact` and nothing else, in the name that exact_name says: those were
-- found before. It stops when it has as many as are wanted.
CREATE FUNCTION patients_beginning(after_word bytea, after_part bigint, after uuid,
        most bigint, beginnings bytea[], groups bigint[], names bigint[],
        group_count bigint, walked bigint, exact bytea[], exact_name bigint, year bytea[])
    RETURNS TABLE (word bytea, part smallint, patient_id uuid)
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

-- Accounts

CREATE TABLE account (
    clinic_id           uuid NOT NULL REFERENCES clinic,
    id                  uuid NOT NULL,
    role                text NOT NULL CHECK (role IN ('admin', 'clinician', 'scheduler', 'compliance', 'patient', 'guest')),
    patient_id          uuid,
    email               bytea,
    email_token         bytea CHECK (octet_length(email_token) = 10),
    sign_in_token       bytea, -- the same once its owner has opened the account
    display_name        bytea NOT NULL,
    password_hash       text,
    password_changed_at timestamptz,
    compromised_at      timestamptz,
    totp_seed           bytea,
    totp_pending        bytea,
    totp_confirmed_at   timestamptz,
    totp_last_step      bigint NOT NULL DEFAULT 0,
    deactivated_at      timestamptz,
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          uuid,
    last_sign_in_at     timestamptz,
    warned_at           timestamptz, -- that strangers guess
    key_version         bigint GENERATED ALWAYS AS (('x' || encode(substr(display_name, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    UNIQUE (id),
    --= IA-01: one login, whatever its case or Unicode form. A clinic learns of its
    -- own accounts alone that an address is taken; of all others its owner does,
    -- who opens the second.
    CONSTRAINT account_email_key UNIQUE (clinic_id, email_token),
    CONSTRAINT account_sign_in_key UNIQUE (sign_in_token),
    CHECK (sign_in_token = email_token),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    CONSTRAINT account_one_key CHECK (
        substr(email, 2, 4) = substr(display_name, 2, 4)
        AND substr(totp_seed, 2, 4) = substr(display_name, 2, 4)
        AND substr(totp_pending, 2, 4) = substr(display_name, 2, 4)),
    CHECK ((role = 'patient') = (patient_id IS NOT NULL)),
    -- a guest signs in by a link alone, and may have no address (table guest)
    CHECK (CASE WHEN role = 'guest' THEN email_token IS NULL AND password_hash IS NULL
        ELSE email IS NOT NULL AND email_token IS NOT NULL END)
);
COMMENT ON COLUMN account.email IS 'sealed:account_email';
COMMENT ON COLUMN account.display_name IS 'sealed:account_display_name';
COMMENT ON COLUMN account.totp_seed IS 'sealed:account_totp_seed';
COMMENT ON COLUMN account.totp_pending IS 'sealed:account_totp_pending';
CREATE UNIQUE INDEX account_patient_key ON account (clinic_id, patient_id) WHERE patient_id IS NOT NULL;
-- who work here are few beside their patients and guests; named one by one, as
-- the planner then knows how few
CREATE INDEX account_staff ON account (clinic_id, id)
    WHERE role IN ('admin', 'clinician', 'scheduler', 'compliance');

-- The words of the names of those who work here, as those of patients' names are in
-- patient_token: in the family name (1), which is the last of a display name, or
-- before it (2); and the address as a patient's would be (3). Whether an employee and
-- a patient are called the same can be asked by them, and nothing is opened.
CREATE TABLE account_token (
    clinic_id   uuid NOT NULL,
    account_id  uuid NOT NULL,
    token       bytea NOT NULL CHECK (octet_length(token) = 10),
    part        smallint NOT NULL CHECK (part BETWEEN 1 AND 3),
    PRIMARY KEY (clinic_id, account_id, part, token),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);
CREATE UNIQUE INDEX account_token_word ON account_token (clinic_id, token, part, account_id);

CREATE TABLE password_history (
    clinic_id     uuid NOT NULL,
    account_id    uuid NOT NULL,
    password_hash text NOT NULL,
    set_at        timestamptz NOT NULL,
    PRIMARY KEY (clinic_id, account_id, set_at),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);

-- Where an account was signed in to with both factors: a browser, by the hash of
-- the cookie that it was given then, and a network, by an HMAC of its address.
-- Failures there are counted apart from those of strangers.
CREATE TABLE known_source (
    clinic_id     uuid NOT NULL,
    id            uuid NOT NULL DEFAULT gen_random_uuid(),
    account_id    uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('device', 'network')),
    token         bytea NOT NULL CHECK (octet_length(token) = 32),
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT known_source_key UNIQUE (clinic_id, account_id, kind, token),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);
CREATE INDEX known_source_device ON known_source (token) WHERE kind = 'device';

--= IA-09: counted for all workers and addresses by account, factor and source:
-- nil for all strangers together, the account's own id for the networks it
-- knows, and for a known device that one's id
CREATE TABLE attempt (
    clinic_id     uuid NOT NULL,
    account_id    uuid NOT NULL,
    factor        text NOT NULL CHECK (factor IN ('password', 'totp', 'recovery')),
    source        uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    failures      integer NOT NULL DEFAULT 0,
    blocked_until timestamptz,
    tried_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, account_id, factor, source),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);

-- The same for sign-in names that no account has, so that a stranger meets the
-- same delays, for as long, and learns nothing from them.
--= IA-11: unknown and known answer alike, delays too
CREATE TABLE attempt_stranger (
    email_token   bytea PRIMARY KEY CHECK (octet_length(email_token) = 10),
    failures      integer NOT NULL,
    blocked_until timestamptz,
    tried_at      timestamptz NOT NULL
);
CREATE INDEX attempt_stranger_tried ON attempt_stranger (tried_at);

-- How many mails with a link for a new password an address may still be asked to
-- get, whether somebody has it or not: by whose asking, as in attempt. Three at
-- once and one an hour, which is as long as a link lives: whoever is not sent
-- another one has one that is good, or nobody asked.
--= IA-09, IA-11: no mailbox is flooded, and no stranger takes the owner's turn
CREATE TABLE reset_wait (
    email_token bytea NOT NULL CHECK (octet_length(email_token) = 10),
    source      uuid NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (email_token, source)
);
CREATE INDEX reset_wait_until ON reset_wait (until);

--= IA-20: hashed, single use
CREATE TABLE recovery_code (
    clinic_id   uuid NOT NULL,
    account_id  uuid NOT NULL,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_at     timestamptz,
    PRIMARY KEY (clinic_id, account_id, hash),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);

--= IA-19: a link opens nothing before it is confirmed; with a phrase, not
-- without it, and a few wrong ones end it
CREATE TABLE invitation (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    account_id   uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    mailed       boolean NOT NULL DEFAULT false,
    confirmed_at timestamptz,
    phrase_hash  bytea CHECK (octet_length(phrase_hash) = 32),
    tries        integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    ended_at     timestamptz,
    -- who has the address asked for it: a new password, for an account in use
    own_reset    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT invitation_hash_key UNIQUE (hash),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    CHECK (phrase_hash IS NULL OR confirmed_at IS NOT NULL)
);
CREATE INDEX invitation_account ON invitation (clinic_id, account_id, id);

-- What one person asked for and a second one has to confirm. Nobody decided it
-- here where decided_by is NULL and it is decided: the operator did.
--= AZ-05: nobody alone opens an account that sees charts, or takes one over
CREATE TABLE approval (
    clinic_id     uuid NOT NULL,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('invite', 'role', 'reset_password', 'reset_totp', 'delete_recording')),
    account_id    uuid NOT NULL, -- of a recording, the clinician's who made it
    role          text CHECK (role IN ('admin', 'clinician', 'scheduler', 'compliance')),
    invitation_id uuid, -- swept before this row is
    recording_id  uuid,
    requested_by  uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'confirmed', 'refused')),
    decided_by    uuid,
    decided_at    timestamptz,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, requested_by) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, decided_by) REFERENCES account (clinic_id, id),
    CHECK ((kind = 'role') = (role IS NOT NULL)),
    CHECK ((kind IN ('role', 'delete_recording')) = (invitation_id IS NULL)),
    CHECK ((kind = 'delete_recording') = (recording_id IS NOT NULL)),
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT approval_second_person CHECK (state <> 'confirmed'
        OR decided_by IS NULL OR decided_by NOT IN (requested_by, account_id))
);
CREATE INDEX approval_account ON approval (clinic_id, account_id, id);
-- those that time let pass are never written again, and stay among these
CREATE INDEX approval_waiting ON approval (clinic_id, expires_at) WHERE state = 'waiting';
CREATE INDEX approval_by_state ON approval (clinic_id, state, id);

-- What has become of it: one that nobody decided in time has expired.
CREATE FUNCTION approval_state(state text, expires_at timestamptz, t timestamptz)
    RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN state = 'waiting' AND expires_at <= t
        THEN 'expired' ELSE state END $$;

--= SE-03: tokens are stored as SHA-256 only
CREATE TABLE session (
    clinic_id     uuid NOT NULL,
    id            uuid NOT NULL,
    account_id    uuid NOT NULL,
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    client        text NOT NULL CHECK (client IN ('browser', 'api')),
    user_agent    text NOT NULL DEFAULT '',
    address       text NOT NULL,
    created_at    timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    idle_s        integer NOT NULL,
    expires_at    timestamptz NOT NULL,
    factor_at     timestamptz,
    step_up_until timestamptz,
    rebind_until  timestamptz, -- may set up another authenticator
    previous_at   timestamptz, -- the sign-in before, and what failed since
    failed        integer NOT NULL DEFAULT 0,
    ended_at      timestamptz,
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT session_hash_key UNIQUE (hash),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);
CREATE INDEX session_account ON session (clinic_id, account_id) WHERE ended_at IS NULL;

-- Care

-- Who is on a patient's care team until when: for good if somebody put them
-- there, else for some days after the last of their visits (care_team_follow).
--= AZ-05: a removal stands, whatever visits come, until somebody adds them again
CREATE TABLE care_team (
    clinic_id   uuid NOT NULL,
    patient_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    source      text NOT NULL CHECK (source IN ('explicit', 'visit')),
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    added_by    uuid NOT NULL,
    visits_end  timestamptz,
    removed_at  timestamptz,
    removed_by  uuid,
    PRIMARY KEY (clinic_id, patient_id, account_id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    CHECK (removed_at IS NULL OR until <= removed_at),
    CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE INDEX care_team_account ON care_team (clinic_id, account_id, patient_id, until);

-- What somebody has to look at afterwards and say what they think of it.
--
-- That a record is opened by emergency access is one until it is signed, and is what
-- opens the record until access_until: nothing else does, and nothing prolongs it.
-- Unusual access is what a rule found (access_watch): whose, on which day of the
-- clinic, of which record unless it is about the day itself, and numbers, of which
-- words are made. It says nothing of a patient.
--
-- A note lies under the patient's key, as the reason does; about unusual access, and
-- where the record was shredded meanwhile, under the key of whom it is about.
--= AZ-06
CREATE TABLE review (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('emergency_access', 'unusual_access')),
    patient_id   uuid,
    account_id   uuid NOT NULL, -- who did it
    reason       bytea,
    created_at   timestamptz NOT NULL,
    access_until timestamptz CHECK (access_until BETWEEN created_at AND created_at + interval '60 minutes'),
    rule         text CHECK (rule ~ '^[a-z_]{1,40}$'),
    day          date,
    found        bigint,
    usual        bigint,
    finding      text CHECK (finding IN ('justified', 'unjustified', 'unclear')),
    note         bytea,
    account_note bytea,
    signed_by    uuid,
    signed_at    timestamptz,
    key_version  bigint GENERATED ALWAYS AS (('x' || encode(substr(reason, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    account_key_version bigint GENERATED ALWAYS AS (('x' || encode(substr(account_note, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, account_id, account_key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, signed_by) REFERENCES account (clinic_id, id),
    CHECK (CASE kind WHEN 'emergency_access'
        THEN patient_id IS NOT NULL AND reason IS NOT NULL AND access_until IS NOT NULL
             AND rule IS NULL AND day IS NULL
        ELSE reason IS NULL AND note IS NULL AND access_until IS NULL
             AND rule IS NOT NULL AND day IS NOT NULL END),
    CHECK (note IS NULL OR substr(note, 2, 4) = substr(reason, 2, 4)),
    CHECK (note IS NULL OR account_note IS NULL),
    CHECK ((finding IS NULL) = (signed_at IS NULL) AND (signed_by IS NULL) = (signed_at IS NULL)),
    CONSTRAINT review_by_another CHECK (signed_by <> account_id)
);
COMMENT ON COLUMN review.reason IS 'sealed:review_reason';
COMMENT ON COLUMN review.note IS 'sealed:review_note';
COMMENT ON COLUMN review.account_note IS 'sealed:review_account_note';
CREATE INDEX review_open ON review (clinic_id, id) WHERE signed_at IS NULL;
CREATE INDEX review_made ON review (clinic_id, kind, created_at, id);
CREATE INDEX review_access ON review (clinic_id, account_id, patient_id, access_until);
CREATE INDEX review_rule ON review (clinic_id, rule, created_at) WHERE rule IS NOT NULL;
--= AU-07: what was found once is there once, however often it is looked for
CREATE UNIQUE INDEX review_found ON review (clinic_id, rule, account_id,
    coalesce(patient_id, '00000000-0000-0000-0000-000000000000'), day) WHERE rule IS NOT NULL;

-- What the officer decided of a rule of tables/access_rules.def, where the others
-- stand as they are until somebody does.
CREATE TABLE access_rule (
    clinic_id  uuid NOT NULL REFERENCES clinic,
    rule       text NOT NULL CHECK (rule ~ '^[a-z_]{1,40}$'),
    enabled    boolean NOT NULL,
    threshold  bigint NOT NULL,
    PRIMARY KEY (clinic_id, rule)
);

-- What is usual: how many records each of the staff opened on a day of the clinic, in
-- which hours (bit n: the hour n), and from which networks. Made of the log.
CREATE TABLE access_day (
    clinic_id  uuid NOT NULL,
    account_id uuid NOT NULL,
    day        date NOT NULL,
    records    bigint NOT NULL,
    hours      bigint NOT NULL,
    networks   text[] NOT NULL,
    PRIMARY KEY (clinic_id, account_id, day),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);

-- How far the log was looked through, in the order of all clinics.
CREATE TABLE access_watched (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tx        bigint NOT NULL,
    seq       bigint NOT NULL
);
INSERT INTO access_watched (tx, seq) VALUES (0, 0);

-- What a clinic charges. A row is never changed: a visit costs what it cost when
-- it was booked, so a new amount is a new row and the old one is retired.
CREATE TABLE fee (
    clinic_id    uuid NOT NULL REFERENCES clinic,
    id           uuid NOT NULL,
    code         text NOT NULL CHECK (length(code) BETWEEN 1 AND 40),
    title        text NOT NULL CHECK (length(title) BETWEEN 1 AND 100),
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 99999999),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    retired_at   timestamptz,
    PRIMARY KEY (clinic_id, id)
);
CREATE UNIQUE INDEX fee_code_key ON fee (clinic_id, code) WHERE retired_at IS NULL;

CREATE TABLE visit (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    patient_id   uuid NOT NULL,
    clinician_id uuid NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason       bytea NOT NULL,
    fee_id       uuid,
    due          boolean NOT NULL DEFAULT false, -- has a fee that is not paid
    status       text NOT NULL DEFAULT 'booked'
        CHECK (status IN ('booked', 'arrived', 'in_call', 'ended', 'cancelled', 'no_show')),
    arrived_at   timestamptz,
    admitted_at  timestamptz,
    ended_at     timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   uuid NOT NULL,
    key_version  bigint GENERATED ALWAYS AS (('x' || encode(substr(reason, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, clinician_id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, fee_id) REFERENCES fee (clinic_id, id),
    --= IN-04: two bookings that arrive together cannot both stand
    CONSTRAINT visit_no_overlap EXCLUDE USING gist
        (clinic_id WITH =, clinician_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status NOT IN ('cancelled', 'no_show', 'ended')),
    CONSTRAINT visit_patient_no_overlap EXCLUDE USING gist
        (clinic_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status NOT IN ('cancelled', 'no_show', 'ended'))
);
COMMENT ON COLUMN visit.reason IS 'sealed:visit_reason';
CREATE INDEX visit_day ON visit (clinic_id, starts_at, id);
CREATE INDEX visit_patient ON visit (clinic_id, patient_id, starts_at, id);
CREATE INDEX visit_clinician ON visit (clinic_id, clinician_id, starts_at, id);
CREATE INDEX visit_status ON visit (clinic_id, status, starts_at, id);
CREATE INDEX visit_due ON visit (clinic_id, starts_at, id) WHERE due;
CREATE INDEX visit_due_patient ON visit (clinic_id, patient_id, starts_at, id) WHERE due;

-- Nobody owes anything for a visit that is cancelled.
CREATE FUNCTION visit_due() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    NEW.due := CASE WHEN TG_OP = 'INSERT' THEN NEW.fee_id IS NOT NULL ELSE NEW.due END
        AND NEW.status <> 'cancelled';
    RETURN NEW;
END $$;
CREATE TRIGGER visit_due BEFORE INSERT OR UPDATE OF status ON visit
    FOR EACH ROW WHEN (NEW.fee_id IS NOT NULL) EXECUTE FUNCTION visit_due();

-- What a visit's status comes to: one whose window closed (its end lies at or
-- before closed_at) while somebody waited or was in the call is over.
CREATE FUNCTION visit_status(status text, ends_at timestamptz, closed_at timestamptz)
    RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN status IN ('arrived', 'in_call') AND ends_at <= closed_at
        THEN 'ended' ELSE status END $$;

-- Who comes to one visit by a link: an account without a password or an address to
-- sign in with, so that the room, the log and consent know one kind of person. A
-- row stays as long as its visit: it says who was there.
--= IA-19, AZ-05: the link is 256 random bits, of which the SHA-256 is here; three
-- wrong birth dates end it, and so do its visit's end and who made it
CREATE TABLE guest (
    clinic_id   uuid NOT NULL,
    id          uuid NOT NULL, -- of its account, too
    visit_id    uuid NOT NULL,
    role        text NOT NULL,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    tries       integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    created_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    joined_at   timestamptz, -- last
    admitted_at timestamptz, -- since then
    ended_at    timestamptz,
    mail_id     uuid, -- the job that carries the link
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT guest_role CHECK (role IN ('patient', 'interpreter', 'family', 'clinician')),
    CONSTRAINT guest_hash_key UNIQUE (hash),
    FOREIGN KEY (clinic_id, id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, visit_id) REFERENCES visit (clinic_id, id),
    FOREIGN KEY (clinic_id, created_by) REFERENCES account (clinic_id, id)
);
CREATE INDEX guest_visit ON guest (clinic_id, visit_id, id);

-- With the visit end its links, and the sessions of who came by them.
CREATE FUNCTION guests_leave() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER guests_leave AFTER UPDATE OF status ON visit
    FOR EACH ROW WHEN (NEW.status IN ('ended', 'cancelled', 'no_show'))
    EXECUTE FUNCTION guests_leave();

-- Is a visit on a list, apart from when it starts, which indexes see to? Those
-- that reach into the span are, and, if now lies in it, what is going on.
CREATE FUNCTION visit_listed(v visit, from_at timestamptz, closed_at timestamptz,
        today boolean, wanted text, after_at timestamptz, after_id uuid)
    RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT (v.ends_at > from_at OR (today AND v.ends_at > closed_at
            AND v.status IN ('arrived', 'in_call')))
       AND (wanted IS NULL OR visit_status(v.status, v.ends_at, closed_at) = wanted)
       AND (after_id IS NULL OR (v.starts_at, v.id) > (after_at, after_id))
$$;

-- Recordings

-- A call that was recorded, or was to be. Sound and picture are objects of a
-- store elsewhere, in pieces that the browser seals before they leave it; the key
-- is here, sealed, and goes when the recording does: the row stays, as what is
-- left of it.
--
-- prefix: what the names of its objects begin with, random. keep_until is settled
-- when it is made, as that is what people agree to. check_from: what was looked
-- at in the store before then is looked at anew.
CREATE TABLE recording (
    clinic_id     uuid NOT NULL,
    id            uuid NOT NULL,
    visit_id      uuid NOT NULL,
    patient_id    uuid NOT NULL,
    clinician_id  uuid NOT NULL,
    state         text NOT NULL DEFAULT 'consent' CHECK (state IN ('consent', 'recording',
        'stopped', 'checking', 'stored', 'incomplete', 'deleting', 'deleted')),
    secret        bytea,
    prefix        text NOT NULL CONSTRAINT recording_prefix_key UNIQUE CHECK (prefix ~ '^[0-9a-f]{32}$'),
    media_type    text,
    duration_s    bigint CHECK (duration_s >= 0),
    chunks        bigint CHECK (chunks BETWEEN 1 AND 100000),
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    stopped_at    timestamptz,
    checked_at    timestamptz,
    check_from    timestamptz NOT NULL,
    keep_until    timestamptz NOT NULL,
    deleted_at    timestamptz,
    hold_at       timestamptz,
    hold_by       uuid,
    hold_reason   bytea,
    delete_reason bytea,
    key_version   bigint GENERATED ALWAYS AS
        (('x' || encode(substr(coalesce(secret, hold_reason, delete_reason), 2, 4), 'hex'))::bit(32)::bigint) STORED, -- NULL: nothing is sealed in it
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    CONSTRAINT recording_one_key CHECK (
        substr(hold_reason, 2, 4) = substr(coalesce(secret, hold_reason), 2, 4)
        AND substr(delete_reason, 2, 4) = substr(coalesce(secret, hold_reason, delete_reason), 2, 4)),
    FOREIGN KEY (clinic_id, visit_id) REFERENCES visit (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, clinician_id) REFERENCES account (clinic_id, id),
    CHECK ((hold_at IS NULL) = (hold_by IS NULL)),
    CHECK ((state = 'deleted') = (deleted_at IS NOT NULL)),
    --= RC-07: nothing is left that opens it
    CHECK (state <> 'deleted' OR secret IS NULL),
    --= RC-07: what is held is not deleted
    CONSTRAINT recording_held CHECK (hold_at IS NULL OR state NOT IN ('deleting', 'deleted'))
);
COMMENT ON COLUMN recording.secret IS 'sealed:recording_secret';
COMMENT ON COLUMN recording.hold_reason IS 'sealed:recording_hold_reason';
COMMENT ON COLUMN recording.delete_reason IS 'sealed:recording_delete_reason';
-- one at a time of a visit
CREATE UNIQUE INDEX recording_going_on ON recording (clinic_id, visit_id)
    WHERE state IN ('consent', 'recording');
CREATE INDEX recording_visit ON recording (clinic_id, visit_id, id);
CREATE INDEX recording_patient ON recording (clinic_id, patient_id, id);
CREATE INDEX recording_made ON recording (clinic_id, created_at, id);
CREATE INDEX recording_keep ON recording (keep_until) WHERE state NOT IN ('deleting', 'deleted');
CREATE INDEX recording_open ON recording (created_at) WHERE state IN ('consent', 'recording', 'stopped');
CREATE INDEX recording_checked ON recording (checked_at) WHERE state = 'stored';

-- A piece: what it is to be, and since when it was seen so in the store (seen_at),
-- or what was wrong with it there.
CREATE TABLE recording_chunk (
    clinic_id    uuid NOT NULL,
    recording_id uuid NOT NULL,
    index        bigint NOT NULL CHECK (index BETWEEN 0 AND 99999),
    object       text NOT NULL CHECK (object ~ '^[0-9a-f]{32}/[0-9a-f]{32}$'),
    bytes        bigint NOT NULL CHECK (bytes BETWEEN 16 AND 16777216),
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),
    asked_at     timestamptz NOT NULL,
    done_at      timestamptz,
    seen_at      timestamptz,
    fault        text CHECK (fault IN ('missing', 'size', 'checksum')),
    PRIMARY KEY (clinic_id, recording_id, index),
    FOREIGN KEY (clinic_id, recording_id) REFERENCES recording (clinic_id, id)
);

-- What each answered who was asked, and when: answers are added, never changed.
--= RC-01: each answer is a row, with the wording that was answered
CREATE TABLE recording_consent (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    recording_id uuid NOT NULL,
    account_id   uuid NOT NULL,
    role         text NOT NULL,
    given        boolean NOT NULL,
    wording      bigint NOT NULL CHECK (wording > 0),
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, recording_id) REFERENCES recording (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id)
);
CREATE INDEX recording_consent_recording ON recording_consent (clinic_id, recording_id, at);
CREATE INDEX recording_consent_at ON recording_consent (clinic_id, at, id);

-- Who has agreed to a recording by the last that they said.
CREATE FUNCTION recording_agreed(recording uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
AS $$
    SELECT c.account_id
      FROM (SELECT DISTINCT ON (account_id) account_id, given
              FROM recording_consent
             WHERE clinic_id = current_clinic() AND recording_id = recording
             ORDER BY account_id, at DESC, id DESC) AS c
     WHERE c.given
$$;

-- What addresses of the store are signed with on a day (UTC): a key that is made
-- of the store's own secret by a one-way function, sealed. The secret itself never
-- leaves epione-jobs. clinic_id is not here: the store is the installation's.
--= RC-03: who presigns holds a day's key, not the credentials
CREATE TABLE store_signer (
    day         date PRIMARY KEY,
    access_key  text NOT NULL,
    sealed      bytea NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Requests

-- The answer is kept sealed: it may name people or carry a single-use link. Key
-- and request are kept as HMACs: nobody who reads the table can test a guess.
CREATE TABLE idempotency (
    clinic_id    uuid NOT NULL,
    actor_id     uuid NOT NULL,
    operation    text NOT NULL,
    key_hash     bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status       integer,
    answer       bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, actor_id, operation, key_hash)
);
-- it is emptied by age
CREATE INDEX idempotency_created ON idempotency (created_at);

-- Jobs: what is done without a request (tables/jobs.def)

-- Written in the transaction of the act that wants it, and told by NOTIFY.
-- clinic_id nil is the installation's own. run_at is when whoever is free may
-- take it; while it runs that is the end of its lease, so that a process which
-- died loses nothing. Whoever took it last is named by `lease`, and nobody
-- else can end it. The payload is sealed under a record key of the job's own,
-- and both are destroyed when it is done.
CREATE TABLE job (
    clinic_id   uuid NOT NULL,
    id          uuid NOT NULL,
    kind        text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 100),
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'dead')),
    run_at      timestamptz NOT NULL,
    lease       uuid,
    attempts    bigint NOT NULL DEFAULT 0,
    record_id   uuid,
    payload     bytea,
    error_code  text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    key_version bigint GENERATED ALWAYS AS (('x' || encode(substr(payload, 2, 4), 'hex'))::bit(32)::bigint) STORED, -- its key goes first
    PRIMARY KEY (clinic_id, id),
    -- what is to be done once is asked for once
    CONSTRAINT job_key UNIQUE (clinic_id, kind, key),
    CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'dead'))),
    CHECK ((lease IS NOT NULL) = (state = 'running')),
    CHECK (payload IS NULL OR clinic_id <> '00000000-0000-0000-0000-000000000000')
);
COMMENT ON COLUMN job.payload IS 'sealed:job_payload';
-- Nearly all are done: a sample may hold no other, and then every state would
-- seem to be all of the table, and not worth its index.
ALTER TABLE job ALTER COLUMN state SET (n_distinct = 4);
CREATE INDEX job_due ON job (kind, run_at) WHERE state IN ('waiting', 'running');
CREATE INDEX job_state ON job (clinic_id, state, id);
CREATE INDEX job_dead ON job (kind) WHERE state = 'dead';
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;

-- Kinds that an operator holds back; '*' is all of them.
CREATE TABLE job_pause (
    kind        text PRIMARY KEY,
    paused_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What sweeps look for.
CREATE INDEX session_expires ON session (expires_at);
CREATE INDEX invitation_expires ON invitation (expires_at);
CREATE INDEX attempt_none ON attempt (clinic_id, account_id) WHERE failures = 0;
CREATE INDEX attempt_tried ON attempt (tried_at);
CREATE INDEX known_source_seen ON known_source (seen_at);

-- Payments: what is asked of a patient for a visit. The processor has the card;
-- here are an amount, the processor's names for it, and how it stands.

CREATE TABLE payment (
    clinic_id      uuid NOT NULL,
    id             uuid NOT NULL,
    visit_id       uuid NOT NULL,
    patient_id     uuid NOT NULL,
    --= PY-06: of the fee, never of a request
    fee_id         uuid NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    currency       text NOT NULL,
    state          text NOT NULL DEFAULT 'opening' CHECK (state IN
        ('opening', 'open', 'paid', 'failed', 'expired', 'refunding', 'refunded')),
    checkout_id    text CONSTRAINT payment_checkout_key UNIQUE,
    checkout_url   text,
    intent_id      text CONSTRAINT payment_intent_key UNIQUE,
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    dispute        text CHECK (dispute IN ('open', 'won', 'lost')),
    difference     text, -- what the processor says otherwise, for an administrator
    --= PR-04: its payer asked that no health plan is told of the visit
    restricted     boolean NOT NULL DEFAULT false,
    receipt_minor  bigint, -- given back, as its receipt has it; NULL: there is none
    expires_at     timestamptz,
    paid_at        timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     uuid NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    version        bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, visit_id) REFERENCES visit (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, fee_id) REFERENCES fee (clinic_id, id)
);
-- Nobody pays a visit twice: two that are asked for together cannot both stand.
CREATE UNIQUE INDEX payment_visit_key ON payment (clinic_id, visit_id)
    WHERE state NOT IN ('failed', 'expired', 'refunded');
CREATE INDEX payment_list ON payment (clinic_id, created_at, id);
CREATE INDEX payment_patient ON payment (clinic_id, patient_id, created_at, id);
CREATE INDEX payment_visit ON payment (clinic_id, visit_id, created_at, id);
CREATE INDEX payment_state ON payment (clinic_id, state, created_at, id)
    WHERE state <> 'paid';
CREATE INDEX payment_differs ON payment (clinic_id, created_at, id)
    WHERE difference IS NOT NULL OR dispute IS NOT NULL;
CREATE INDEX payment_currency ON payment (clinic_id, currency, created_at, id);
CREATE INDEX payment_going_on ON payment (created_at)
    WHERE state IN ('opening', 'open', 'refunding');

-- What was paid is no longer owed, whoever saw it first.
CREATE FUNCTION payment_paid() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE visit v SET due = false
     WHERE v.clinic_id = NEW.clinic_id AND v.id = NEW.visit_id AND v.due;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_paid AFTER UPDATE OF state ON payment
    FOR EACH ROW WHEN (NEW.state = 'paid' AND OLD.state <> 'paid')
    EXECUTE FUNCTION payment_paid();

-- Instants to the microsecond, as cursors carry them.
CREATE FUNCTION us_of(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
    AS $$ SELECT (extract(epoch FROM at) * 1000000)::bigint $$;
CREATE FUNCTION at_us(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE
    AS $$ SELECT to_timestamp(us / 1000000) + us % 1000000 * interval '1 microsecond' $$;

CREATE TABLE payment_refund (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    payment_id   uuid NOT NULL,
    patient_id   uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason       bytea NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'made', 'refused')),
    external_id  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   uuid NOT NULL,
    key_version  bigint GENERATED ALWAYS AS (('x' || encode(substr(reason, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, payment_id) REFERENCES payment (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES record_key (clinic_id, subject_id, version)
);
-- a record key that is removed is looked for here
CREATE INDEX payment_refund_patient ON payment_refund (clinic_id, patient_id);
COMMENT ON COLUMN payment_refund.reason IS 'sealed:payment_refund_reason';
-- One at a time: of two that are asked for together, one is made.
CREATE UNIQUE INDEX payment_refund_key ON payment_refund (clinic_id, payment_id)
    WHERE state = 'waiting';

--= PY-05: an event of the processor counts once, whatever comes
CREATE TABLE payment_event (
    clinic_id  uuid NOT NULL,
    id         text NOT NULL CHECK (length(id) BETWEEN 1 AND 255),
    payment_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, payment_id) REFERENCES payment (clinic_id, id)
);

-- Double entry: a row takes from one account what it gives to another, so that
-- all of them together are always zero. Rows are added and nothing else.
CREATE TABLE ledger (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL DEFAULT gen_random_uuid(),
    payment_id   uuid, -- of no payment: what the processor pays out, or keeps beside
    kind         text NOT NULL CHECK (kind IN ('opened', 'paid', 'fee', 'failed', 'expired',
        'refunded', 'disputed', 'won', 'lost', 'payout')),
    reference    text NOT NULL DEFAULT '', -- tells those of one kind apart
    debit        text NOT NULL,
    credit       text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT ledger_key UNIQUE NULLS NOT DISTINCT (clinic_id, payment_id, kind, reference),
    FOREIGN KEY (clinic_id, payment_id) REFERENCES payment (clinic_id, id),
    CHECK (debit <> credit),
    CHECK (payment_id IS NOT NULL OR kind IN ('payout', 'fee')),
    CHECK (debit IN ('patient', 'income', 'processor', 'fees', 'dispute', 'bank') AND
           credit IN ('patient', 'income', 'processor', 'fees', 'dispute', 'bank'))
);
CREATE INDEX ledger_at ON ledger (clinic_id, at);
CREATE FUNCTION ledger_kept() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the ledger is only added to'; END $$;
CREATE TRIGGER ledger_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();

CREATE FUNCTION ledger_add(p payment, kind text, reference text, debit text,
        credit text, amount bigint, currency text)
    RETURNS void LANGUAGE sql
AS $$
    INSERT INTO ledger (clinic_id, payment_id, kind, reference, debit, credit, amount_minor, currency)
    VALUES (p.clinic_id, p.id, kind, reference, debit, credit, amount, currency)
    ON CONFLICT ON CONSTRAINT ledger_key DO NOTHING
$$;

-- Whose payment an event of the processor is about, by whatever name it has for
-- it: for no clinic is known before.
CREATE FUNCTION payment_find(checkout text, intent text, own uuid)
    RETURNS TABLE (clinic_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
AS $$
    SELECT p.clinic_id, p.id FROM payment p
     WHERE p.checkout_id = checkout OR p.intent_id = intent OR p.id = own
     LIMIT 1
$$;

-- Brings a payment to what the processor says of it, and writes each step into
-- the ledger once. Events come twice and in any order, and what was asked for
-- first may be answered last: what was paid stays paid, what was given back
-- stays so. What cannot be is shown to an administrator and changes nothing.
CREATE FUNCTION payment_settle(payment uuid, intent text, amount bigint, money text,
        was_paid boolean, ended text, refunded bigint, cost bigint, cost_money text,
        disputed text, dispute_cost bigint, dispute_returned bigint, dispute_money text)
    RETURNS text LANGUAGE plpgsql
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

-- Drawn for who paid: the clinic's name, and what payment has of it, so that it
-- is no more secret than that.
CREATE TABLE payment_receipt (
    clinic_id      uuid NOT NULL,
    payment_id     uuid NOT NULL,
    refunded_minor bigint NOT NULL,
    pdf            bytea NOT NULL CHECK (octet_length(pdf) BETWEEN 1 AND 1048576),
    drawn_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, payment_id),
    FOREIGN KEY (clinic_id, payment_id) REFERENCES payment (clinic_id, id)
);

-- Money at the processor that no payment of ours is about: shown until somebody
-- has looked at it.
CREATE TABLE payment_difference (
    clinic_id    uuid NOT NULL REFERENCES clinic,
    id           uuid NOT NULL,
    reference    text NOT NULL CHECK (length(reference) BETWEEN 1 AND 255), -- the processor's name of it
    kind         text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    amount_minor bigint NOT NULL,
    currency     text NOT NULL,
    moved_at     timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at  timestamptz,
    resolved_by  uuid,
    PRIMARY KEY (clinic_id, id),
    CONSTRAINT payment_difference_key UNIQUE (clinic_id, reference)
);
CREATE INDEX payment_difference_open ON payment_difference (clinic_id, moved_at, id)
    WHERE resolved_at IS NULL;

-- What moved at the processor, against what is known here. What is of a payment
-- and later than what is known of it is asked for; what the processor pays out, or
-- keeps beside, is booked where one clinic has the account for itself; anything
-- else is shown to the clinic that it names, or to all. Answers how many are new.
CREATE FUNCTION payment_compare(ids text[], kinds text[], amounts bigint[], monies text[],
        intents text[], owns text[], clinics text[], moved bigint[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Asks anew for what is going on and for what was paid of late, so that an event
-- which never came is made good. One whose page was never made, and is no longer
-- tried, is over: nobody was told where to pay it.
CREATE FUNCTION payment_reconcile(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Audit

-- The words of the log (events, outcomes, operations, roles, purposes), which
-- its rows name by number. A word is added when a server first says it, and
-- keeps its number: no number comes from the order of a list in the code.
CREATE TABLE audit_word (
    id   smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    word text NOT NULL CONSTRAINT audit_word_key UNIQUE CHECK (word ~ '^[A-Za-z0-9._ -]{1,60}$')
);

-- One row per event, and every request writes one: hence numbers for words,
-- NULL for what most rows would repeat, and indexes that say a time once for
-- all events of it (B-tree deduplication). `audit` below reads as words.
--
-- Nothing here is in the order of commits: an event may be seen long after one
-- with a higher seq. The log is sealed in the order of transactions and, within
-- one, of seq: `tx` says which wrote the row, and only those are sealed before
-- which no other still runs, so that nothing comes in between later.
--= AU-02: who, what, when, where, on whom, with which result
CREATE FUNCTION audit_tx(tx xid8) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$ SELECT $1::text::bigint + 0 $$; -- audit_restored() adds another number

CREATE TABLE audit_log (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    tx           bigint NOT NULL DEFAULT audit_tx(pg_current_xact_id()),
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

-- Times in steps, so that events share a key: a page sorts one step at most.
CREATE FUNCTION audit_minute(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 minute', at, '2000-01-01T00:00:00Z') $$;
CREATE FUNCTION audit_hour(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 hour', at, '2000-01-01T00:00:00Z') $$;
CREATE FUNCTION audit_day(at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT date_bin('1 day', at, '2000-01-01T00:00:00Z') $$;
-- By the thousand transactions: what is not sealed yet is found by it.
CREATE FUNCTION audit_turn(tx bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT tx >> 10 $$;
CREATE INDEX audit_log_seq ON audit_log USING brin (seq) WITH (autosummarize = on);
CREATE INDEX audit_log_turn ON audit_log (audit_turn(tx));
CREATE INDEX audit_log_minute ON audit_log (clinic_id, audit_minute(at));
CREATE INDEX audit_log_actor ON audit_log (actor_id, audit_day(at)) WHERE actor_id IS NOT NULL;
-- four bytes of a patient suffice to find the few rows to look at
CREATE INDEX audit_log_patient ON audit_log (uuid_hash(patient_id)) WHERE patient_id IS NOT NULL;
-- who saw a record counts the searches and lists that returned it; without a
-- pending list, whose clearing one request would have to wait for
CREATE INDEX audit_log_returned ON audit_log USING gin (returned) WITH (fastupdate = off) WHERE returned IS NOT NULL;
-- what is rare is found without passing by what is not
CREATE INDEX audit_log_action ON audit_log (clinic_id, action, audit_hour(at)) WHERE action <> 'R';
CREATE INDEX audit_log_actor_action ON audit_log (actor_id, action, audit_day(at)) WHERE action <> 'R' AND actor_id IS NOT NULL;
CREATE INDEX audit_log_outcome ON audit_log (clinic_id, outcome, audit_hour(at)) WHERE outcome IS NOT NULL;
CREATE INDEX audit_log_outcome_action ON audit_log (clinic_id, outcome, action, audit_hour(at)) WHERE outcome IS NOT NULL;
CREATE INDEX audit_log_actor_outcome ON audit_log (actor_id, outcome, audit_day(at)) WHERE outcome IS NOT NULL AND actor_id IS NOT NULL;

-- Reads that a page makes by itself, in the hour that runs. The first of an actor,
-- a set of records and an hour is an event like any other, at once. Those after
-- it are counted here, and when the hour is over they are one event more, of so
-- many: no event is ever written again, so that the log can be sealed as it
-- grows. Whoever reads the log is told of both together.
CREATE TABLE audit_background (
    clinic_id   uuid NOT NULL REFERENCES clinic,
    hour        timestamptz NOT NULL,
    what        bytea NOT NULL CHECK (octet_length(what) = 32), -- who read what
    first_seq   bigint NOT NULL,
    first_at    timestamptz NOT NULL,
    more        bigint NOT NULL DEFAULT 0,
    last_at     timestamptz NOT NULL,
    request_id  uuid NOT NULL,       -- the last
    PRIMARY KEY (clinic_id, hour, what),
    UNIQUE (clinic_id, first_seq)
);
CREATE INDEX audit_background_hour ON audit_background (hour);

-- Takes what comes in a month that was not made in time: no event is refused.
CREATE TABLE audit_log_other PARTITION OF audit_log DEFAULT;
CREATE INDEX audit_log_other_at ON audit_log_other (at);

-- Notes in each month's index of numbers which lie on its last pages. Without it they
-- are noted once they are many, and each look for one event reads them in every month.
CREATE FUNCTION audit_numbers_note() RETURNS void
    LANGUAGE sql SECURITY INVOKER SET search_path = public, pg_temp
AS $$
    SELECT brin_summarize_new_values(i.indexrelid)
      FROM pg_inherits p
      JOIN pg_index i ON i.indrelid = p.inhrelid
      JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_am m ON m.oid = c.relam
     WHERE p.inhparent = 'audit_log'::regclass AND m.amname = 'brin'
$$;

-- The name of a month's partition.
CREATE FUNCTION audit_month_name(month timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT to_char(month AT TIME ZONE 'UTC', '"audit_log_"YYYY_MM') $$;

-- Makes the partitions of the months from one time to another; those that are
-- there stay. Events of a new month that had to go elsewhere move to it.
-- Answers how many it made.
CREATE FUNCTION audit_months(from_at timestamptz, to_at timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC'
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
SELECT audit_months(now(), now() + interval '3 months');

-- The log in words, for people, reports and tests. As whoever asks: it shows
-- what row-level security lets them see.
CREATE VIEW audit WITH (security_invoker = true) AS
    SELECT l.seq, l.clinic_id, l.at, e.word AS event, l.action::text AS action,
           coalesce(o.word, 'ok') AS outcome, l.actor_id, r.word AS actor_role,
           l.session, p.word AS purpose, l.patient_id,
           coalesce(l.record_id, l.patient_id) AS record_id,
           coalesce(l.returned, '{}') AS returned, abbrev(l.address) AS address,
           l.request_id, f.word AS operation, coalesce(l.count, 1) + coalesce((
               SELECT b.more FROM audit_background b
                WHERE b.clinic_id = l.clinic_id AND b.first_seq = l.seq), 0) AS count
      FROM audit_log l
      JOIN audit_word e ON e.id = l.event
      JOIN audit_word f ON f.id = l.operation
      JOIN audit_word p ON p.id = l.purpose
      LEFT JOIN audit_word o ON o.id = l.outcome
      LEFT JOIN audit_word r ON r.id = l.actor_role;

-- Notes a read that a page made by itself. Such reads are the same if all that
-- an event would say of them is, but for its time and request.
CREATE FUNCTION audit_background_note(event bigint, action "char", actor uuid,
        actor_role bigint, session bigint, purpose bigint, patient uuid,
        record uuid, returned uuid[], address inet, request uuid, operation bigint)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

-- What was counted in hours that are over becomes events, at most `batch` of them.
CREATE FUNCTION audit_background_close(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- The sealed log: a Merkle tree (RFC 6962) for each clinic, and one for nobody's
-- events. docs/AUDIT.md has it byte by byte.

-- An event as it is sealed: words, and what the row itself says.
CREATE TYPE audit_entry AS (tx bigint, seq bigint, clinic_id uuid, at timestamptz,
    at_us bigint, event text, action text, outcome text, actor_id uuid,
    actor_role text, session text, patient_id uuid, record_id uuid, returned uuid[],
    address text, request_id uuid, operation text, purpose text, count bigint);
CREATE FUNCTION audit_entry_of(l audit_log) RETURNS SETOF audit_entry
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

-- How far the log is sealed, in the order of all clinics. Whoever locks the row
-- seals: one at a time, over all processes and hosts.
CREATE TABLE audit_sealed (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    tx        bigint NOT NULL,
    seq       bigint NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
INSERT INTO audit_sealed (tx, seq) VALUES (0, 0);

-- A tree as it is now: `edge` holds the hash of each whole subtree on its right
-- edge, the largest first, as many as `size` has bits that are one. The note is the
-- signed checkpoint of this size; NULL for a clinic that has no key to sign with.
CREATE TABLE audit_tree (
    clinic_id uuid PRIMARY KEY,
    size      bigint NOT NULL CHECK (size > 0),
    edge      bytea NOT NULL,
    note      text,
    sealed_at timestamptz NOT NULL DEFAULT now(),
    CHECK (octet_length(edge) = 32 * length(replace(size::bit(64)::text, '0', '')))
);

-- Hashes side by side: at level 0 those of leaves, at level n the roots of whole
-- subtrees of 256 ^ n leaves. Those that came in one turn are a row, until 256 are
-- together: then they are one. The last leaf of a row says which event it is.
CREATE TABLE audit_tile (
    clinic_id uuid NOT NULL,
    level     bigint NOT NULL CHECK (level BETWEEN 0 AND 7),
    first     bigint NOT NULL CHECK (first >= 0),
    hashes    bytea NOT NULL CHECK (octet_length(hashes) % 32 = 0
              AND octet_length(hashes) / 32 BETWEEN 1 AND 256 - first % 256),
    last_tx   bigint NOT NULL,
    last_seq  bigint NOT NULL,
    PRIMARY KEY (clinic_id, level, first)
);
ALTER TABLE audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE INDEX audit_tile_last ON audit_tile (clinic_id, last_tx, last_seq) WHERE level = 0;

-- The public halves of the keys that sign; the other is derived from the class key.
-- Each but the first follows another, which says so in a note that both signed.
CREATE TABLE audit_key (
    clinic_id  uuid NOT NULL,
    version    bigint NOT NULL,
    public     bytea NOT NULL CHECK (octet_length(public) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    follows    text,
    PRIMARY KEY (clinic_id, version),
    CONSTRAINT audit_key_follows CHECK ((version = 1) = (follows IS NULL))
);

-- Leaves whose events are gone by retention, side by side. Their hashes stay.
CREATE TABLE audit_gone (
    clinic_id uuid NOT NULL,
    first     bigint NOT NULL CHECK (first >= 0),
    n         bigint NOT NULL CHECK (n > 0),
    month     date NOT NULL,
    PRIMARY KEY (clinic_id, first)
);
-- The months that are gone, and the numbers of their events.
CREATE TABLE audit_month_gone (
    month     date PRIMARY KEY,
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL,
    gone_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Is there anything to seal, and is it ours to do? At most `batch` events, of each
-- clinic in its order; none while another seals. Whoever got some ends with
-- audit_sealed_to, in the same transaction.
CREATE FUNCTION audit_unsealed(batch bigint) RETURNS SETOF audit_entry
    LANGUAGE plpgsql SECURITY DEFINER ROWS 500 SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_sort = off SET jit = off
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

-- Adds hashes behind those that are there: nothing that stands is written again.
CREATE FUNCTION audit_tile_put(clinic uuid, height bigint, start bigint,
        added bytea, tx bigint, number bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

CREATE FUNCTION audit_tree_put(clinic uuid, was bigint, becomes bigint,
        right_edge bytea, checkpoint text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

CREATE FUNCTION audit_sealed_to(last_tx bigint, last_seq bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE audit_sealed s SET tx = last_tx, seq = last_seq, at = clock_timestamp()
     WHERE (s.tx, s.seq) < (last_tx, last_seq);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'sealed already';
    END IF;
END $$;

-- For the jobs' role, which reads trees by it alone.
CREATE FUNCTION audit_tree_of(clinic uuid) RETURNS SETOF audit_tree
    LANGUAGE sql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
    AS $$ SELECT * FROM audit_tree WHERE clinic_id = clinic $$;

-- Asks for today's checkpoint of each clinic that names an address, or of all where
-- they are put into files; once a day, whatever clocks do. Answers how many it asked
-- for.
CREATE FUNCTION checkpoints_due(files boolean) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- A database that was restored from a dump counts transactions from the beginning
-- again. Called by the operator before anything is served: what is written from
-- then on is after all that was written before.
CREATE FUNCTION audit_restored() RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    past bigint := greatest((SELECT max(tx) FROM audit_log), (SELECT max(tx) FROM audit_sealed));
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION audit_tx(tx xid8) RETURNS bigint
        LANGUAGE sql STABLE AS ''SELECT $1::text::bigint + %s''',
        greatest(0, past + 1 - pg_current_xact_id()::text::bigint));
END $$;

-- The gate's functions: what must be known before the clinic is

-- When a password made then runs out; NULL where the clinic lets it live.
CREATE FUNCTION password_expiry(changed_at timestamptz, max_age_days integer)
    RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT CASE WHEN max_age_days > 0
                 THEN changed_at + make_interval(days => max_age_days) END $$;

-- What stands between a session and full access, in order of precedence.
--= IA-03, IA-15, IA-16
CREATE FUNCTION session_state(factor_at timestamptz, totp_confirmed_at timestamptz,
        compromised_at timestamptz, password_expires_at timestamptz, t timestamptz)
    RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN totp_confirmed_at IS NULL THEN 'totp_enrolment_required'
        WHEN factor_at IS NULL THEN 'totp_required'
        WHEN compromised_at IS NOT NULL OR t >= password_expires_at THEN 'password_expired'
        ELSE 'active' END $$;

-- Finds the session of a token, notes that it was used, sets the clinic and actor
-- of the transaction, and says how the actor stands to a patient or a visit. One
-- row or none. A socket has no token: it names its session, in a transaction of
-- its clinic.
--
-- Each request asks this, and what costs is to start a plan, not to run it: each
-- kind of subject has its own, and what needs no plan is assigned.
--
-- Several requests may ask in one transaction, each before what it then does: one
-- without a session leaves nothing of the one before it.
--
-- epione.standing is the answer in short (gate/expect.h), for an audit row that
-- travels with the question; it is empty where there is no such subject.
--= SE-01: idle and absolute limits, by the server's clock alone
CREATE FUNCTION session_open(token_hash bytea, session uuid, background boolean,
        kind text, subject uuid)
    RETURNS TABLE (
        clinic_id uuid, session_id uuid, account_id uuid, patient_id uuid,
        role text, client text, state text, step_up_until timestamptz,
        rebind_until timestamptz, idle_expires_at timestamptz,
        expires_at timestamptz, password_expires_at timestamptz,
        subject_patient uuid, is_self boolean, is_care boolean, is_part boolean,
        is_emergency boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
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

-- What has become of an invitation.
CREATE FUNCTION invitation_state(confirmed_at timestamptz, ended_at timestamptz,
        tries integer, expires_at timestamptz, t timestamptz)
    RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN ended_at IS NOT NULL OR tries >= 5 OR expires_at <= t THEN 'ended'
        WHEN confirmed_at IS NULL THEN 'waiting' ELSE 'open' END $$;

-- Can this person sign in, and if not, what is missing? `invited` is the state
-- of their last invitation.
CREATE FUNCTION account_state(deactivated_at timestamptz, password_hash text,
        invited text)
    RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE
        WHEN deactivated_at IS NOT NULL THEN 'deactivated'
        WHEN password_hash IS NOT NULL THEN 'active'
        WHEN invited IN ('waiting', 'open') THEN 'invited' ELSE 'none' END $$;

-- May whoever has its mailbox set a new password? Only where a second factor is
-- asked for afterwards, and the clinic has not taken the password away: else the
-- mailbox alone were the account.
--= IA-19
CREATE FUNCTION account_resettable(a account)
    RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT a.deactivated_at IS NULL AND a.password_hash IS NOT NULL
              AND a.totp_confirmed_at IS NOT NULL $$;

-- The account that a live invitation is for.
CREATE FUNCTION invitation_find(token_hash bytea)
    RETURNS TABLE (clinic_id uuid, invitation_id uuid, account_id uuid,
        role text, confirmed boolean, phrase_hash bytea, clinic_name text,
        password_min_length integer, own_reset boolean)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- The guest whom a live link is for, and the visit.
CREATE FUNCTION guest_find(token_hash bytea)
    RETURNS TABLE (clinic_id uuid, id uuid, visit_id uuid, patient_id uuid, role text,
        clinic_name text)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT g.clinic_id, g.id, g.visit_id, v.patient_id, g.role, c.name
      FROM guest g
      JOIN visit v ON v.clinic_id = g.clinic_id AND v.id = g.visit_id
      JOIN clinic c ON c.id = g.clinic_id
     WHERE g.hash = token_hash AND g.ended_at IS NULL AND g.tries < 3
       AND v.status IN ('booked', 'arrived', 'in_call')
$$;

-- Which of these sessions have ended? (for sockets that are open.) Those that
-- are part of a call are used by it: they do not run idle, yet end in time.
--
-- Each worker asks this every two seconds for all of its sockets. The planner
-- takes an array for ten rows: left to join them as it liked, it read the
-- accounts first and looked up every session once for each of them. Hence the
-- subquery for each row, which it cannot take apart.
--= SE-02: the sweep that closes their sockets asks this; a call is activity
CREATE FUNCTION sessions_ended(clinics uuid[], ids uuid[], active uuid[])
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

-- How long the next attempt must wait after so many failures. Who has a known
-- device never waits longer than an hour. All others together, those on known
-- networks and strangers apart, have 20 and then one a day: less than 100 in
-- any 30 days, however many they are.
--= IA-09: after `free` failures a delay from 30 s to 1 h; less than 100 guesses
CREATE FUNCTION attempt_block(failures integer, free integer, device boolean, t timestamptz)
    RETURNS timestamptz LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE WHEN failures < free THEN NULL
        WHEN failures >= 20 AND NOT device THEN t + interval '1 day'
        ELSE t + least(interval '1 hour',
            interval '30 seconds' * power(2, least(failures - free, 10))) END $$;

-- Has a factor stopped? Codes do, for whoever is not on a known device, after
-- 100 failures: whoever made them knows the password. Passwords do not: for
-- that it would suffice to know an address.
--= IA-10
CREATE FUNCTION attempt_stopped(a attempt)
    RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT a.factor <> 'password' AND a.failures >= 100
              AND a.source IN ('00000000-0000-0000-0000-000000000000', a.account_id) $$;

-- Must somebody wait?
CREATE FUNCTION attempt_closed(a attempt, t timestamptz)
    RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT coalesce(a.blocked_until > t, false) OR attempt_stopped(a) $$;

-- Whose failures somebody's are who shows this cookie and comes from this
-- network. 100 of them make a device a stranger.
CREATE FUNCTION attempt_source(clinic uuid, account uuid, device bytea, network bytea)
    RETURNS uuid LANGUAGE sql STABLE
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

-- Takes one attempt at a factor, before the factor is looked at: attempts that
-- arrive together cannot all slip through. Answers the time until which the
-- caller must wait, or NULL if the attempt may go on; and whether the owner
-- is to be told, once a day, that others guess, or somebody at a device of theirs.
--= IA-09: delays that grow; strangers' are not those of who is known
CREATE FUNCTION attempt_take(clinic uuid, account uuid, what text, free integer, who uuid)
    RETURNS TABLE (wait_until timestamptz, warn boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
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

-- The same for a sign-in name that no account has.
CREATE FUNCTION attempt_take_stranger(token bytea, free integer)
    RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Both factors were right: this browser and this network are known from now on.
-- A browser shows what it was given last time and gets another: a copy of the old
-- one is worth nothing, to the others who sign in with this browser neither.
-- Answers whether one of the two was not known until now.
CREATE FUNCTION source_note(clinic uuid, account uuid, was bytea, device bytea, network bytea)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
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

-- The account behind a sign-in name, and one attempt at its password taken.
-- Always one row: nil ids where there is no such account.
--= IA-11: the same work whether the account exists or not
CREATE FUNCTION sign_in_take(tokens bytea[], device bytea, network bytea)
    RETURNS TABLE (clinic_id uuid, account_id uuid, role text,
        password_hash text, wait_until timestamptz, warn boolean)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
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

-- Somebody asks for a new password of a sign-in name: always one row, with nil ids
-- where no account has it, and the same is written. What comes of it is for the
-- job to see, later. The transaction is that of the account's clinic from here on.
--= IA-11: the same work whether the account exists, is closed, or waits
CREATE FUNCTION reset_ask(job uuid, tokens bytea[], device bytea, network bytea)
    RETURNS TABLE (clinic_id uuid, account_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
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

-- Makes the link that a job mails, once, and says where to. No row: the account
-- may have none, or it was used. epione-jobs sees of an account what it mails to,
-- and could ask for the same at the door: it reads the mails that it sends.
CREATE FUNCTION reset_link(account uuid, link uuid, token_hash bytea)
    RETURNS TABLE (id uuid, key_subject uuid, key_version bigint, key_wrapped bytea,
        email bytea, patient_id uuid, patient_subject uuid, patient_version bigint,
        patient_wrapped bytea, language bytea, expires_at timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
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

-- The numbers of words, which it adds where they are new. Sorted, so that two
-- servers that start at once wait for each other and do not deadlock.
CREATE FUNCTION audit_words(words text[])
    RETURNS TABLE (id smallint, word text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 200 SET search_path = public, pg_temp
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

-- One word's number: for a row that is written once in a long while.
CREATE FUNCTION audit_word(word text) RETURNS smallint
    LANGUAGE sql SECURITY INVOKER
    AS $$ SELECT w.id FROM audit_words(ARRAY[$1]) AS w $$;

-- An event of ours, in each of these clinics.
CREATE FUNCTION audit_say(clinics uuid[], counts bigint[], event text, action text, operation text)
    RETURNS void LANGUAGE sql SET search_path = public, pg_temp
AS $$
    INSERT INTO audit_log (clinic_id, event, action, actor_role, operation, purpose, request_id, count)
    SELECT c.id, audit_word(event), action::"char", audit_word('system'), audit_word(operation),
           audit_word('HSYSADMIN'), gen_random_uuid(),
           CASE WHEN c.n > 1 THEN least(c.n, 2147483647)::integer END
      FROM unnest(clinics, counts) AS c(id, n)
$$;

-- Each tree has an event in each month: what is older than the one after it is
-- older than that month, whatever the clinic does.
CREATE FUNCTION audit_month_begin() RETURNS bigint
    LANGUAGE plpgsql SET search_path = public, pg_temp SET timezone = 'UTC'
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

-- Which leaves the events of a month are: those of a clinic are in the order of tx
-- and seq, and fill the places that are not gone. Each tile says which event its last
-- leaf is: if the rows do not come to the same, nothing goes, as they are evidence.
CREATE FUNCTION audit_leaves_go(part name, month date) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp SET jit = off
AS $$
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
END $$;

-- Drops the oldest month of the log when all that is in it is sealed and older than
-- every clinic keeps it, and none holds it. Answers how many months that were. Writers
-- of that month wait meanwhile; others for as long as it takes to drop a table.
--= AU-06: six years, never less; that it is gone stands in each log
CREATE FUNCTION audit_retain() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' SET lock_timeout = '2s'
AS $$
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
END $$;

-- Whose events without a clinic are: strangers' failures, for one. Where there
-- is one clinic, they are its own to see. NULL where there are several: then
-- they belong to the operator, who reads them with epionectl.
CREATE FUNCTION audit_nobody() RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid
           WHERE (SELECT count(*) FROM clinic) = 1
             AND current_clinic() = (SELECT id FROM clinic) $$;

-- One event as it is sealed, by its number: of the clinic that asks, or nobody's
-- where that is its own to see. As its owner, as audit_page is.
CREATE FUNCTION audit_found(number bigint) RETURNS SETOF audit_entry
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
    SET enable_seqscan = off SET jit = off
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

-- The month in which the log begins.
CREATE FUNCTION audit_begin() RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = public, pg_temp SET timezone = 'UTC'
AS $$
    SELECT least((SELECT min(at) FROM audit_log_other),
        (SELECT min(to_timestamp(right(c.relname, 7), 'YYYY_MM'))
           FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'audit_log'::regclass
            AND c.relname ~ '^audit_log_\d{4}_\d\d$'))
$$;

-- What a visit says about the care team: its clinician is on it from booking
-- until some days after its end. Whoever was there for a visit that is cancelled
-- now, or another's, is so no longer. The row is locked before the visits are
-- looked at, so that of two changes that meet the second sees the first.
CREATE FUNCTION care_team_settle(v visit, clinician uuid)
    RETURNS void
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = public, pg_temp
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

CREATE FUNCTION care_team_follow() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = public, pg_temp
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

CREATE TRIGGER care_team_booked AFTER INSERT ON visit
    FOR EACH ROW EXECUTE FUNCTION care_team_follow();
CREATE TRIGGER care_team_changed AFTER UPDATE ON visit
    FOR EACH ROW WHEN (OLD.clinician_id <> NEW.clinician_id
        OR OLD.ends_at <> NEW.ends_at
        OR (OLD.status = 'cancelled') <> (NEW.status = 'cancelled'))
    EXECUTE FUNCTION care_team_follow();

-- The events about a patient in a span: acts on the record, and searches and
-- lists that returned it. All of them, in no order.
CREATE FUNCTION audit_about(clinic uuid, patient uuid, lo timestamptz, hi timestamptz)
    RETURNS SETOF audit_log
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
    SET enable_seqscan = off SET jit = off
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

-- A page of the log, newest first: at most `page` events before one (its time
-- and seq), within a span, of an actor, about a patient, of an action, with an
-- outcome; `besides`, of a patient's, leaves out that actor, and that disclosures were
-- written down: of those the accounting tells, which knows what the police asked to be
-- kept back for now. NULL is any. It walks backward over spans of months that double in
-- length and has one statement for each index, because one for all would be planned for
-- the filters that are asked for most.
--
-- Steps of an index come in order, so that only the last is sorted: a plan that
-- sorts all first, because it takes them for few, is kept away.
--
-- As its owner: row-level security lets no index on an expression or array be
-- used (neither is leakproof). Hence the clinic is asked for in every branch.
CREATE FUNCTION audit_page(from_at timestamptz, to_at timestamptz, actor uuid,
        patient uuid, what text, result text, before_at timestamptz,
        before_seq bigint, page bigint, nobody boolean, besides uuid)
    RETURNS SETOF audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET timezone = 'UTC'
    SET enable_seqscan = off SET enable_sort = off SET jit = off
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

-- A page of the events of some kinds that are no reads, of one actor or (NULL) of
-- all, those that were refused or not, or (NULL) either, newest first; all of the
-- span where `page` is NULL. By the index of what is rare, as audit_page walks.
CREATE FUNCTION audit_kinds(kinds text[], from_at timestamptz, to_at timestamptz,
        actor uuid, refused boolean, before_at timestamptz, before_seq bigint, page bigint)
    RETURNS SETOF audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET timezone = 'UTC'
    SET enable_seqscan = off SET jit = off
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

-- A page of what was refused, for whatever reason, newest first: to one actor, or
-- (NULL) to all, and to those who were nobody where that is the clinic's own to see.
-- Refusals are few: it sorts those of a span of months, as audit_kinds does.
CREATE FUNCTION audit_refused(from_at timestamptz, to_at timestamptz, actor uuid,
        before_at timestamptz, before_seq bigint, page bigint)
    RETURNS SETOF audit_log
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET timezone = 'UTC'
    SET enable_seqscan = off SET jit = off
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

-- The minute of the first event of the clinic.
CREATE FUNCTION audit_oldest() RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off
AS $$
    SELECT audit_minute(l.at) FROM audit_log l
     WHERE l.clinic_id = current_clinic() ORDER BY audit_minute(l.at) LIMIT 1
$$;

-- Where somebody was: the network of an address, as far as one household or
-- practice reaches.
CREATE FUNCTION network_of(address inet) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT network(set_masklen($1, CASE family($1) WHEN 4 THEN 24 ELSE 64 END))::text $$;

-- Unusual access: what is found in the log by jobs, and reviewed by people

-- Somebody who works here opened a record on a day of the clinic: for the first time
-- of that day in what is looked through, and from when to when the day is.
CREATE TYPE access_seen AS (clinic_id uuid, account_id uuid, patient_id uuid, day date,
    day_from timestamptz, day_to timestamptz);

-- What a rule finds: whose access on which day, of which record unless it is about the
-- day itself, and two numbers for the words.
CREATE TYPE access_found AS (account_id uuid, patient_id uuid, day date, found bigint,
    usual bigint);

-- The events by which a record is opened, and those that look like work and are none:
-- a copy that is taken away, and emergency access, which is reviewed by itself.
CREATE FUNCTION access_opens() RETURNS smallint[] LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT w.id FROM audit_word w WHERE w.word IN
        ('patient.read', 'patient.updated', 'export.made', 'export.taken', 'recording.played')) $$;
CREATE FUNCTION access_no_work() RETURNS smallint[] LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT w.id FROM audit_word w WHERE w.word IN
        ('export.made', 'emergency.opened')) $$;

-- Each time that somebody opened a record in a span.
CREATE FUNCTION access_of(clinic uuid, account uuid, from_at timestamptz, to_at timestamptz)
    RETURNS TABLE (patient_id uuid, at timestamptz, network text) LANGUAGE sql STABLE
AS $$
    SELECT l.patient_id, l.at, network_of(l.address)
      FROM audit_log l
     WHERE l.actor_id = account AND l.clinic_id = clinic
       AND audit_day(l.at) BETWEEN audit_day(from_at) AND audit_day(to_at)
       AND l.at >= from_at AND l.at < to_at AND l.outcome IS NULL
       AND l.patient_id IS NOT NULL AND l.event = ANY (access_opens())
    OFFSET 0 -- for each who asks, by the index: joined, the whole log was read
$$;

-- Had the patient a visit so many days before or after?
CREATE FUNCTION access_visited(s access_seen, days bigint) RETURNS boolean
    LANGUAGE sql STABLE
AS $$
    SELECT EXISTS (SELECT FROM visit v
     WHERE v.clinic_id = s.clinic_id AND v.patient_id = s.patient_id
       AND v.status <> 'cancelled'
       AND v.starts_at >= s.day_from - make_interval(days => days::integer)
       AND v.starts_at < s.day_to + make_interval(days => days::integer))
$$;

-- Did they work on the record that day: book, change, see the patient?
CREATE FUNCTION access_worked(s access_seen) RETURNS boolean LANGUAGE sql STABLE
AS $$
    SELECT EXISTS (SELECT FROM audit_log l
     WHERE uuid_hash(l.patient_id) = uuid_hash(s.patient_id)
       AND l.patient_id = s.patient_id AND l.clinic_id = s.clinic_id
       AND l.at >= s.day_from AND l.at < s.day_to
       AND l.actor_id = s.account_id AND l.outcome IS NULL AND l.action <> 'R'
       AND l.event <> ALL (access_no_work()))
$$;

-- Who of the staff this patient is: of the same address, or of the same family name
-- and another name in common.
CREATE FUNCTION access_staff(clinic uuid, patient uuid) RETURNS SETOF uuid
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

-- The rules: one function for each row of tables/access_rules.def, which takes what
-- was seen of one clinic, and the threshold.

-- A patient of their own family name, unless more than so many bear it.
CREATE FUNCTION access_same_name(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- A patient who works here, without a visit so near.
CREATE FUNCTION access_colleague(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
AS $$
    SELECT s.account_id, s.patient_id, s.day, NULL::bigint, NULL::bigint
      FROM unnest(seen) AS s
     WHERE NOT access_visited(s, threshold)
       AND EXISTS (SELECT FROM access_staff(clinic, s.patient_id))
$$;

-- A patient with the telephone number of their own record.
CREATE FUNCTION access_household(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- A record that nobody else opened for so many days.
CREATE FUNCTION access_dormant(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- So many times as many records as on their usual day, which is the middle one of
-- those that they worked of late; and twenty at least.
CREATE FUNCTION access_many_records(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- At hours at which they were not seen in the ninety days before, nor in the hour
-- before or after: so many records at least.
CREATE FUNCTION access_odd_hours(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- The same record on so many of fourteen days, without work on it or a visit; told
-- once in that time.
CREATE FUNCTION access_repeated(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- A record that is marked, without a visit so near.
CREATE FUNCTION access_vip(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
AS $$
    SELECT s.account_id, s.patient_id, s.day, NULL::bigint, NULL::bigint
      FROM unnest(seen) AS s
      JOIN patient p ON p.clinic_id = clinic AND p.id = s.patient_id AND p.vip IS NOT NULL
     WHERE NOT access_visited(s, threshold)
$$;

-- So many records from a network that they did not come from in the year before.
CREATE FUNCTION access_new_network(clinic uuid, seen access_seen[], threshold bigint)
    RETURNS SETOF access_found LANGUAGE sql STABLE
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

-- What each of those seen did on that day, as far as it is known.
CREATE FUNCTION access_day_note(clinic uuid, seen access_seen[]) RETURNS void
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

-- An id as the server makes them (RFC 9562, 5.7): by it lists are in order of time.
CREATE FUNCTION uuid_of_now() RETURNS uuid LANGUAGE sql VOLATILE
    AS $$ SELECT overlay(overlay(gen_random_uuid()::text
            PLACING regexp_replace(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint),
                12, '0'), '^(.{8})', '\1-') FROM 1)
            PLACING '7' FROM 15)::uuid $$;

-- Looks through what was committed since, at most `batch` events, and puts what the
-- rules find into the queue of reviews. What is younger than so many seconds waits:
-- work often begins with a look. What a clock that was ahead wrote does not: nothing
-- behind it would be looked at until then. Rules are those of tables/access_rules.def, with what
-- holds where a clinic decided nothing else. Answers how many events it read.
--
-- In the order in which the log is sealed, so that no event comes in between later;
-- how far it is stands in the same transaction as what was found. Once more over the
-- same events finds nothing new.
--= AU-07
CREATE FUNCTION access_watch(rules text[], enabled bigint[], thresholds bigint[],
        settle_s bigint, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_sort = off SET jit = off
AS $$
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
END $$;

-- What reports were asked for: parameters by their digest, which is what the event
-- of each run names as its record, so that the sealed log says which they were.
CREATE TABLE report_asked (
    clinic_id  uuid NOT NULL REFERENCES clinic,
    id         uuid NOT NULL,
    report     text NOT NULL,
    parameters text NOT NULL CHECK (octet_length(parameters) <= 2000),
    first_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, id)
);

-- Copies of a record that were asked for: by whom, of whom, and until when they may be
-- taken. What is in one is made while it is taken, and is not kept.
CREATE TABLE export (
    clinic_id    uuid NOT NULL,
    id           uuid NOT NULL,
    patient_id   uuid NOT NULL,
    requested_by uuid NOT NULL,
    format       text NOT NULL CHECK (format IN ('fhir')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, requested_by) REFERENCES account (clinic_id, id)
);

-- Incidents

-- What went wrong with what is to be protected, or may have, until somebody has said
-- what it was. What people wrote of it is sealed under a key of its own: it may name
-- several patients, and stays when the record of one of them goes. Closed, it stays as
-- it is; what is kept for six years has nobody who could delete it.
--= OP-05, PR-08
CREATE TABLE incident (
    clinic_id     uuid NOT NULL REFERENCES clinic,
    id            uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('access', 'recipient', 'device', 'backup', 'credentials', 'malware', 'outage', 'other')),
    title         bytea NOT NULL,
    description   bytea,
    discovered_at timestamptz NOT NULL,
    began_at      timestamptz,
    ended_at      timestamptz CHECK (ended_at >= began_at),
    affected      bigint CHECK (affected >= 0), -- people; NULL: not known yet
    in_state      bigint CHECK (in_state BETWEEN 0 AND affected), -- of them, in the state where most live
    conclusion    text CHECK (conclusion IN ('low_probability', 'breach')),
    outcome       bytea,
    version       bigint NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL,
    created_by    uuid NOT NULL,
    closed_at     timestamptz,
    closed_by     uuid,
    key_version   bigint GENERATED ALWAYS AS (('x' || encode(substr(title, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, created_by) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, closed_by) REFERENCES account (clinic_id, id),
    CONSTRAINT incident_one_key CHECK (
        substr(description, 2, 4) = substr(title, 2, 4)
        AND substr(outcome, 2, 4) = substr(title, 2, 4)),
    CONSTRAINT incident_closed CHECK (
        num_nonnulls(closed_at, closed_by, conclusion, outcome) IN (0, 4))
);
COMMENT ON COLUMN incident.title IS 'sealed:incident_title';
COMMENT ON COLUMN incident.description IS 'sealed:incident_description';
COMMENT ON COLUMN incident.outcome IS 'sealed:incident_outcome';
CREATE INDEX incident_open ON incident (clinic_id, id) WHERE closed_at IS NULL;
CREATE INDEX incident_discovered ON incident (clinic_id, discovered_at, id);

-- What was done and found, in the order in which it was written down. A factor is one
-- of the four of 164.402(2), and the newest of each counts; a notice is the proof that
-- it was given; a delay is what the police asked for (164.412).
CREATE TABLE incident_entry (
    clinic_id   uuid NOT NULL,
    id          uuid NOT NULL,
    incident_id uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('note', 'detection', 'containment', 'recovery', 'nature', 'recipient',
        'acquired', 'mitigation', 'notice_people', 'notice_media', 'notice_secretary', 'delay')),
    at          timestamptz NOT NULL, -- when it was done
    body        bytea NOT NULL,
    finding     text CHECK (finding IN ('lowers', 'raises', 'unclear')),
    until       date,
    created_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    key_version bigint GENERATED ALWAYS AS (('x' || encode(substr(body, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, incident_id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, incident_id) REFERENCES incident (clinic_id, id),
    FOREIGN KEY (clinic_id, created_by) REFERENCES account (clinic_id, id),
    CHECK ((kind IN ('nature', 'recipient', 'acquired', 'mitigation')) = (finding IS NOT NULL)),
    CHECK ((kind = 'delay') = (until IS NOT NULL))
);
COMMENT ON COLUMN incident_entry.body IS 'sealed:incident_entry_body';
CREATE INDEX incident_entry_incident ON incident_entry (clinic_id, incident_id, id);

-- An event of the log, an account or a patient that has to do with it.
CREATE TABLE incident_link (
    clinic_id   uuid NOT NULL,
    id          uuid NOT NULL,
    incident_id uuid NOT NULL,
    event_seq   bigint,
    account_id  uuid,
    patient_id  uuid,
    created_at  timestamptz NOT NULL,
    created_by  uuid NOT NULL,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, incident_id) REFERENCES incident (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, created_by) REFERENCES account (clinic_id, id),
    CONSTRAINT incident_link_key UNIQUE NULLS NOT DISTINCT (clinic_id, incident_id, event_seq, account_id, patient_id),
    CHECK (num_nonnulls(event_seq, account_id, patient_id) = 1)
);
CREATE INDEX incident_link_incident ON incident_link (clinic_id, incident_id, id);

CREATE FUNCTION incident_kept() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'what was said of an incident stays'; END $$;
CREATE TRIGGER incident_kept BEFORE DELETE OR TRUNCATE ON incident
    FOR EACH STATEMENT EXECUTE FUNCTION incident_kept();
CREATE TRIGGER incident_closed BEFORE UPDATE ON incident
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION incident_kept();
CREATE TRIGGER incident_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_entry
    FOR EACH STATEMENT EXECUTE FUNCTION incident_kept();
CREATE TRIGGER incident_link_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON incident_link
    FOR EACH STATEMENT EXECUTE FUNCTION incident_kept();

-- The last day for a notice of a breach, from the day of its discovery: to those
-- affected 60 days (164.404(b)); to the media the same where more than 500 live in one
-- state (164.406); to the Secretary the same for 500 or more, else 60 days after the
-- year's end (164.408). A number that nobody knows yet counts as large. NULL: none is due.
--= PR-07
CREATE FUNCTION incident_due(notice text, discovered date, affected bigint, in_state bigint, delay_on date)
    RETURNS date LANGUAGE sql IMMUTABLE
AS $$
    SELECT greatest(d.due, CASE WHEN d.due IS NOT NULL THEN delay_on END)
      FROM (SELECT CASE
            WHEN affected = 0 THEN NULL
            WHEN notice = 'media' AND coalesce(in_state, affected, 501) <= 500 THEN NULL
            WHEN notice = 'secretary' AND affected < 500
            THEN make_date(extract(year FROM discovered)::integer, 12, 31) + 60
            ELSE discovered + 60 END AS due) AS d
$$;

-- How an incident stands: the newest finding of each factor, and of each notice when
-- it is due and when it was first given, as days of the clinic's zone.
CREATE FUNCTION incident_stands(clinic uuid, incident uuid, zone text, discovered_at timestamptz,
        affected bigint, in_state bigint)
    RETURNS TABLE (nature text, recipient text, acquired text, mitigation text, delay_on date,
        people_due date, people_on date, media_due date, media_on date, secretary_due date,
        secretary_on date, today date)
    LANGUAGE sql STABLE ROWS 1
AS $$
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
$$;

-- Disclosures of a record to others than who cares for the patient, pays or runs the
-- clinic (164.528): on what ground, when, and what people wrote of them, sealed under the
-- patient's key. A copy that staff took away is one whose recipient they say, if it was
-- one. Added, never changed. Until suspended_until the patient is not told (164.528(a)(2)).
--= AU-09
CREATE TABLE disclosure (
    clinic_id       uuid NOT NULL,
    id              uuid NOT NULL,
    patient_id      uuid NOT NULL,
    at              timestamptz NOT NULL,
    basis           text NOT NULL CHECK (basis IN ('law', 'public_health', 'abuse', 'oversight', 'court', 'police',
        'deceased', 'research', 'danger', 'government', 'compensation', 'breach', 'other', 'copy')),
    recipient       bytea,
    data            bytea,
    purpose         bytea,
    suspended_until timestamptz,
    created_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    key_version     bigint GENERATED ALWAYS AS (('x' || encode(substr(recipient, 2, 4), 'hex'))::bit(32)::bigint) STORED, -- NULL: nothing is sealed in it
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, patient_id, key_version) REFERENCES record_key (clinic_id, subject_id, version),
    FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
    FOREIGN KEY (clinic_id, created_by) REFERENCES account (clinic_id, id),
    CONSTRAINT disclosure_one_key CHECK (
        substr(data, 2, 4) = substr(recipient, 2, 4)
        AND substr(purpose, 2, 4) = substr(recipient, 2, 4)),
    CHECK (num_nonnulls(recipient, data, purpose) = CASE WHEN basis = 'copy' THEN 0 ELSE 3 END)
);
COMMENT ON COLUMN disclosure.recipient IS 'sealed:disclosure_recipient';
COMMENT ON COLUMN disclosure.data IS 'sealed:disclosure_data';
COMMENT ON COLUMN disclosure.purpose IS 'sealed:disclosure_purpose';
CREATE INDEX disclosure_patient ON disclosure (clinic_id, patient_id, at, id);
CREATE INDEX disclosure_at ON disclosure (clinic_id, at, id);
CREATE FUNCTION disclosure_kept() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'what was disclosed stays written down'; END $$;
CREATE TRIGGER disclosure_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure
    FOR EACH STATEMENT EXECUTE FUNCTION disclosure_kept();

-- What an event of the log showed of a record, or changed in it.
CREATE FUNCTION breach_data(event text) RETURNS text
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

-- What there was of a patient at a time.
CREATE FUNCTION breach_held(clinic uuid, patient uuid, t timestamptz) RETURNS text
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

-- Whose records something that went wrong reaches, and what of them, in the order of
-- patients behind one of them: what an account, a session (the last half of its id) or
-- an address was shown or changed in a span, by the log; all that there was when it
-- ended under a version of the clinic's class key that others hold, and all that a
-- backup of then has, by the records. What the log tells of was shown open. What is in
-- a backup is sealed under the version that wrapped its record key then, and a record
-- key that a version may ever have wrapped is one of that version.
--
-- As its owner: row-level security lets no index on an expression be used. Hence the
-- clinic is asked for everywhere.
--= PR-07
CREATE FUNCTION breach_scope(from_at timestamptz, to_at timestamptz, actor uuid, session_half text,
        network text, lost_version bigint, backup_at timestamptz, after uuid, page bigint)
    RETURNS TABLE (patient_id uuid, data text, events bigint, first_at timestamptz,
        last_at timestamptz, sealed boolean, class_version bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp
    SET enable_seqscan = off SET jit = off
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

-- Reports as files: who asked for one, how far it is, and what it came to. Each is
-- sealed part by part under a record key of its own, with which it ends.
CREATE TABLE report_run (
    clinic_id  uuid NOT NULL,
    id         uuid NOT NULL,
    account_id uuid NOT NULL,
    asked_id   uuid NOT NULL,
    job_id     uuid NOT NULL,
    format     text NOT NULL CHECK (format IN ('csv', 'json', 'pdf')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > created_at),
    place      text,                        -- of the last line, which the next comes behind
    lines      bigint NOT NULL DEFAULT 0,
    parts      bigint NOT NULL DEFAULT 0,
    bytes      bigint NOT NULL DEFAULT 0,
    written    boolean NOT NULL DEFAULT false,
    checkpoint text,                        -- of the log, when all was written
    sha256     bytea CHECK (octet_length(sha256) = 32),
    done_at    timestamptz,
    error_code text,
    gone_at    timestamptz,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, account_id) REFERENCES account (clinic_id, id),
    FOREIGN KEY (clinic_id, asked_id) REFERENCES report_asked (clinic_id, id),
    CHECK ((done_at IS NULL) = (sha256 IS NULL)),
    CHECK (done_at IS NULL OR written)
);
CREATE INDEX report_run_account ON report_run (clinic_id, account_id, id);
CREATE INDEX report_run_expires ON report_run (expires_at) WHERE gone_at IS NULL;
CREATE INDEX report_run_gone ON report_run (gone_at) WHERE gone_at IS NOT NULL;

-- Its id says of which run it is which part, so that none can stand in the place of
-- another.
CREATE TABLE report_part (
    clinic_id   uuid NOT NULL,
    id          uuid NOT NULL,
    run_id      uuid NOT NULL,
    content     bytea NOT NULL CHECK (octet_length(content) BETWEEN 34 AND 262177),
    key_version bigint GENERATED ALWAYS AS (('x' || encode(substr(content, 2, 4), 'hex'))::bit(32)::bigint) STORED,
    PRIMARY KEY (clinic_id, id),
    FOREIGN KEY (clinic_id, run_id) REFERENCES report_run (clinic_id, id)
);
COMMENT ON COLUMN report_part.content IS 'sealed:report_part_content';
CREATE INDEX report_part_run ON report_part (clinic_id, run_id);

-- Is this a time zone? As whoever asks calls it: "America/New_York".
CREATE FUNCTION zone_known(zone text) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

-- Who saw a record, a row for each person, role, purpose and day of a time zone,
-- newest first: at most `page` rows whose last event is before one (its time and
-- seq), of what happened until `seen_at`, so that pages which are read one after
-- the other are of one state. Refusals showed nothing; `besides` leaves out what it does
-- of audit_page.
-- It walks backward over days, twice as many each time, because a page that
-- looks by itself leaves thousands of events a day, and a quiet year has none.
CREATE FUNCTION audit_days(patient uuid, besides uuid, zone text,
        seen_at timestamptz, before_at timestamptz, before_seq bigint, page bigint)
    RETURNS TABLE (seq bigint, at timestamptz, first_at timestamptz, day date,
        event smallint, events smallint[], action "char", actor_id uuid,
        actor_role smallint, purpose smallint, count bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = public, pg_temp SET jit = off
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

-- How an account stands to a visit. Without a search_path of its own, so that it
-- is inlined: PostgreSQL plans the body of any other SQL function anew at each
-- call, which took six times as long. As its invoker it lends no right that
-- another path could misuse. A visit's clinician takes part in it, but not once
-- taken off the care team; a guest of it as long as the link is good.
CREATE FUNCTION visit_relation(subject uuid, clinic uuid, actor uuid)
    RETURNS TABLE (patient_id uuid, is_self boolean, is_care boolean, is_part boolean)
    LANGUAGE sql STABLE SECURITY INVOKER ROWS 1
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

-- The sweeps: what is nobody's goes, at most `batch` rows at a time, found by
-- an index. They run as the owner, so that the role that calls them can delete
-- nothing but what these lines name.

CREATE FUNCTION sweep_sessions(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM session WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM session
             WHERE expires_at < clock_timestamp() - interval '30 days'
             ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION sweep_invitations(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM invitation WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM invitation
             WHERE expires_at < clock_timestamp() - interval '30 days'
             ORDER BY expires_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION sweep_idempotency(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency
             WHERE created_at < clock_timestamp() - interval '25 hours'
             ORDER BY created_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
$$;

-- A count of none says nothing: the next attempt makes its row again. One that
-- nobody added to for 30 days is none, and a place that its owner did not come
-- back to in 90 is no longer known.
CREATE FUNCTION sweep_attempts(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- As long as failures at names that somebody has, so that nobody sees by its end
-- which they are. Each row cost whoever left it a password hash: no machine makes
-- a million between two sweeps, so nobody is forgotten early who was not
-- meant to be.
--= IA-11
CREATE FUNCTION sweep_strangers(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Those that ended, with the keys of their payloads.
CREATE FUNCTION sweep_jobs(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Files of reports whose time is over: the key of each, then what it sealed; and a
-- month later that there was one.
CREATE FUNCTION sweep_reports(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Counts what lies under each class key, and asks for a turn of each clinic's keys
-- that are older than so many days (0: none), and for wrapping anew where a record
-- key is not under the newest. `worn` are the record keys that have sealed half of
-- what one may.
CREATE FUNCTION keys_watch(days bigint, classes text[], OUT asked bigint, OUT worn bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- What is due with recordings, of all clinics: those whose time is over, those
-- that began and never went on, those not looked at for a month. The work is a
-- job's of its own clinic; this asks for it. Answers how many it found.
--= RC-07: what is held is passed by
CREATE FUNCTION recordings_due(batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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

-- Row-level security

ALTER TABLE clinic ENABLE ROW LEVEL SECURITY;
CREATE POLICY same_clinic ON clinic USING (id = current_clinic());
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['record_key', 'patient', 'patient_token', 'name_beginning', 'account', 'account_token',
        'password_history', 'known_source', 'attempt', 'recovery_code', 'invitation', 'approval',
        'session',
        'care_team', 'fee', 'visit', 'guest', 'idempotency', 'recording', 'recording_chunk',
        'recording_consent', 'review', 'payment', 'payment_difference', 'payment_refund', 'payment_event', 'payment_receipt', 'ledger',
        'incident', 'incident_entry', 'incident_link', 'disclosure',
        'audit_background', 'report_asked', 'report_run', 'report_part', 'export', 'access_rule'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY same_clinic ON %I USING (clinic_id = current_clinic())', t);
    END LOOP;
END $$;
-- Nobody is let in: access_watch alone, as the owner, writes and reads it.
ALTER TABLE access_day ENABLE ROW LEVEL SECURITY;
-- Keys of the installation itself (nil) belong to every clinic. What the log is
-- signed with is no business of the server's, whose acts stand in it.
ALTER TABLE class_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY same_clinic ON class_key
    USING (clinic_id IN (current_clinic(), '00000000-0000-0000-0000-000000000000'));
CREATE POLICY server_signs_nothing ON class_key AS RESTRICTIVE TO epione_server
    USING (class <> 'audit');
-- The seals of what nobody did are everybody's: they are hashes.
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['audit_tree', 'audit_tile', 'audit_key', 'audit_gone'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY same_clinic ON %I
            USING (clinic_id IN (current_clinic(), ''00000000-0000-0000-0000-000000000000''))', t);
    END LOOP;
END $$;
-- A refusal may come before any clinic is known: it is written, and read by no clinic.
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log_other ENABLE ROW LEVEL SECURITY;
CREATE POLICY same_clinic_read ON audit_log FOR SELECT USING (clinic_id = current_clinic());
CREATE POLICY any_clinic_write ON audit_log FOR INSERT
    WITH CHECK (clinic_id = coalesce(current_clinic(), '00000000-0000-0000-0000-000000000000'));

-- Jobs are taken for every clinic; the work itself is done in one. The server
-- can ask for a job and, when it is dead, for another try: no more.
ALTER TABLE job ENABLE ROW LEVEL SECURITY;
CREATE POLICY same_clinic ON job TO epione_server USING (clinic_id = current_clinic());
CREATE POLICY server_asks ON job AS RESTRICTIVE FOR INSERT TO epione_server
    WITH CHECK (state = 'waiting' AND attempts = 0);
CREATE POLICY server_retries ON job AS RESTRICTIVE FOR UPDATE TO epione_server
    USING (state = 'dead') WITH CHECK (state = 'waiting');
CREATE POLICY every_clinic ON job TO epione_jobs USING (true);
CREATE POLICY jobs_destroy ON record_key AS RESTRICTIVE FOR DELETE TO epione_jobs
    USING (class = 'job');
-- Who works here is named in a report that they make; nobody else is.
CREATE POLICY jobs_name_staff ON account AS RESTRICTIVE TO epione_jobs
    USING (patient_id IS NULL);
-- What signs the log is the operator's to turn.
CREATE POLICY jobs_turn ON class_key AS RESTRICTIVE FOR INSERT TO epione_jobs
    WITH CHECK (clinic_id = current_clinic() AND class <> 'audit');

-- What the server may do: nothing that loses a record

GRANT USAGE ON SCHEMA public TO epione_server, epione_reporter;
GRANT SELECT ON installation, class_key TO epione_server;
GRANT SELECT, UPDATE ON clinic TO epione_server;
GRANT SELECT, INSERT ON record_key TO epione_server;
GRANT UPDATE (seals) ON record_key TO epione_server;
GRANT SELECT, INSERT, UPDATE ON patient, account, visit, care_team, session,
    recovery_code, attempt, idempotency TO epione_server;
GRANT SELECT, DELETE ON known_source TO epione_server;
GRANT SELECT, INSERT ON invitation, approval, guest TO epione_server;
GRANT SELECT, INSERT ON recording, recording_chunk, recording_consent TO epione_server;
GRANT UPDATE (state, media_type, duration_s, chunks, started_at, stopped_at, check_from,
    hold_at, hold_by, hold_reason, delete_reason) ON recording TO epione_server;
GRANT UPDATE (asked_at, done_at, seen_at, fault) ON recording_chunk TO epione_server;
GRANT SELECT ON store_signer TO epione_server;
-- What was asked for stays as it was; a review is signed once.
GRANT SELECT, INSERT ON review, export TO epione_server;
GRANT UPDATE (finding, note, account_note, signed_by, signed_at) ON review TO epione_server;
GRANT SELECT, INSERT, UPDATE ON access_rule TO epione_server;
-- What is written of an incident is added to; how it stands changes until it is closed.
GRANT SELECT, INSERT ON incident, incident_entry, incident_link, disclosure TO epione_server;
GRANT UPDATE (kind, title, description, discovered_at, began_at, ended_at, affected, in_state,
    conclusion, outcome, version, closed_at, closed_by) ON incident TO epione_server;
-- What was agreed and what was paid stay as they are; the server asks, and
-- epione-jobs says how it went.
GRANT SELECT, INSERT ON fee, payment, payment_refund, payment_event TO epione_server;
GRANT SELECT, UPDATE (resolved_at, resolved_by) ON payment_difference TO epione_server;
GRANT SELECT ON payment_receipt TO epione_server;
GRANT UPDATE (retired_at) ON fee TO epione_server;
GRANT UPDATE (state, restricted, updated_at, version) ON payment TO epione_server;
GRANT SELECT, INSERT ON ledger TO epione_server;
GRANT UPDATE (confirmed_at, phrase_hash, tries, ended_at) ON invitation TO epione_server;
GRANT UPDATE (tries, joined_at, admitted_at, ended_at, mail_id) ON guest TO epione_server;
GRANT UPDATE (state, decided_by, decided_at, expires_at) ON approval TO epione_server;
GRANT SELECT, INSERT ON password_history TO epione_server;
-- Tokens, old answers and spent codes are no records: they are replaced.
GRANT SELECT, INSERT, DELETE ON patient_token, account_token TO epione_server;
GRANT SELECT, INSERT ON name_beginning TO epione_server;
GRANT DELETE ON idempotency, recovery_code TO epione_server;
-- A payload goes in and does not come back.
GRANT INSERT, SELECT (clinic_id, id, kind, key, state, run_at, attempts,
    record_id, error_code, created_at, asked_at, ended_at) ON job TO epione_server;
GRANT UPDATE (state, run_at, attempts, error_code, asked_at, ended_at) ON job TO epione_server;
--= AU-04: the server adds audit rows and can do nothing else to them; when
-- that was, and the row's number, are not its to say
GRANT SELECT ON audit_log, audit_word, audit TO epione_server, epione_reporter;
GRANT SELECT ON audit_background TO epione_server, epione_reporter;
GRANT SELECT ON audit_tree, audit_tile, audit_key, audit_gone, audit_month_gone TO epione_server;
GRANT INSERT (clinic_id, actor_id, session, request_id, patient_id,
    record_id, event, outcome, operation, actor_role, purpose, action, address,
    count, returned) ON audit_log TO epione_server, epione_jobs;
GRANT SELECT ON clinic TO epione_reporter;
REVOKE ALL ON FUNCTION session_open, sign_in_take, invitation_find, guest_find, reset_ask, reset_link,
    sessions_ended, attempt_take, attempt_take_stranger, source_note, audit_background_note,
    audit_background_close, audit_words,
    audit_months, audit_page, audit_days, audit_kinds, audit_refused, audit_oldest, audit_found, audit_nobody, audit_begin,
    audit_about, audit_unsealed, audit_tile_put, audit_tree_put, audit_sealed_to,
    audit_tree_of, audit_restored, audit_say, audit_month_begin, audit_leaves_go, audit_retain,
    breach_scope, payment_find, payment_settle, payment_reconcile, payment_compare, payment_paid FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_open, sign_in_take, invitation_find, guest_find, reset_ask,
    account_resettable, sessions_ended, attempt_take, attempt_source, attempt_stopped, attempt_closed,
    source_note, audit_background_note, audit_words, audit_page, audit_days, audit_found, audit_nobody, zone_known, visit_relation,
    invitation_state, account_state, current_clinic, current_actor, bears_names,
    patients_beginning, recording_agreed, payment_find, ledger_add TO epione_server;

-- What reports are made of: nothing that is sealed, no key, and no row is written
GRANT SELECT (id, role, patient_id, password_changed_at, compromised_at, totp_confirmed_at,
    deactivated_at, created_at, created_by, last_sign_in_at, clinic_id) ON account TO epione_reporter;
GRANT SELECT (clinic_id, id, kind, account_id, role, requested_by, created_at, state, decided_by,
    decided_at, expires_at) ON approval TO epione_reporter;
GRANT SELECT (clinic_id, class, version, created_at, records, seals, seals_most, counted_at)
    ON class_key TO epione_reporter;
GRANT SELECT (clinic_id, id, visit_id, patient_id, clinician_id, state, duration_s, chunks, created_at,
    started_at, stopped_at, checked_at, keep_until, deleted_at, hold_at, hold_by) ON recording TO epione_reporter;
GRANT SELECT (clinic_id, id, kind, patient_id, account_id, created_at, access_until, rule, day, found,
    usual, finding, signed_by, signed_at) ON review TO epione_reporter;
GRANT SELECT (clinic_id, id, kind, discovered_at, began_at, ended_at, affected, in_state, conclusion,
    created_at, created_by, closed_at, closed_by) ON incident TO epione_reporter;
GRANT SELECT (clinic_id, id, incident_id, kind, at, finding, until, created_at, created_by) ON incident_entry TO epione_reporter;
GRANT SELECT ON incident_link TO epione_reporter;
GRANT SELECT (clinic_id, id, patient_id, at, basis, suspended_until, created_at, created_by) ON disclosure TO epione_reporter;
GRANT SELECT ON recording_consent, report_asked TO epione_reporter;
GRANT SELECT (clinic_id, id, visit_id, patient_id, amount_minor, currency, state, refunded_minor,
    dispute, difference, restricted, paid_at, created_at, created_by) ON payment TO epione_reporter;
GRANT SELECT, INSERT (clinic_id, id, report, parameters) ON report_asked TO epione_server;
-- The server asks for a file and hands it over; epione-jobs makes it.
GRANT SELECT, INSERT (clinic_id, id, account_id, asked_id, job_id, format, created_at, expires_at)
    ON report_run TO epione_server;
GRANT SELECT ON report_part TO epione_server;
GRANT EXECUTE ON FUNCTION audit_page, audit_kinds, audit_refused, audit_oldest, breach_scope TO epione_reporter;

-- What jobs may do: their own table, and what each kind needs
GRANT USAGE ON SCHEMA public TO epione_jobs;
GRANT SELECT ON installation, class_key, record_key, clinic, job_pause TO epione_jobs;
GRANT SELECT, INSERT, UPDATE ON job TO epione_jobs;
GRANT DELETE, UPDATE (wrapped, seals) ON record_key TO epione_jobs;
GRANT INSERT (clinic_id, class, version, wrapped) ON class_key TO epione_jobs;
-- They see what lies in the store, and not what opens it.
GRANT SELECT (clinic_id, id, patient_id, state, prefix, chunks, check_from, hold_at),
    UPDATE (state, secret, media_type, checked_at, deleted_at) ON recording TO epione_jobs;
GRANT SELECT, UPDATE (seen_at, fault), DELETE ON recording_chunk TO epione_jobs;
GRANT SELECT, INSERT, UPDATE ON store_signer TO epione_jobs;
GRANT SELECT ON report_asked TO epione_jobs;
GRANT SELECT, UPDATE (place, lines, parts, bytes, written, checkpoint, sha256, done_at, error_code)
    ON report_run TO epione_jobs;
GRANT SELECT, INSERT (clinic_id, id, run_id, content), DELETE ON report_part TO epione_jobs;
GRANT SELECT (clinic_id, id, patient_id, role, deactivated_at, display_name, key_version) ON account TO epione_jobs;
REVOKE ALL ON FUNCTION recordings_due, checkpoints_due FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recordings_due, checkpoints_due TO epione_jobs;
GRANT SELECT, UPDATE ON payment TO epione_jobs;
GRANT SELECT, INSERT, UPDATE ON payment_receipt TO epione_jobs;
GRANT SELECT (clinic_id, id, payment_id, amount_minor, state, external_id, created_at) ON payment_refund TO epione_jobs;
GRANT UPDATE (state, external_id) ON payment_refund TO epione_jobs;
GRANT SELECT, INSERT ON ledger TO epione_jobs;
REVOKE ALL ON FUNCTION sweep_sessions, sweep_invitations, sweep_idempotency,
    sweep_attempts, sweep_strangers, sweep_jobs, sweep_reports, keys_watch, access_watch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sweep_sessions, sweep_invitations, sweep_idempotency,
    sweep_attempts, sweep_strangers, sweep_jobs, sweep_reports, keys_watch, access_watch, current_clinic, current_actor,
    audit_words, audit_months, audit_background_close, audit_unsealed, audit_tile_put, audit_tree_put,
    audit_sealed_to, audit_tree_of, audit_retain, reset_link, payment_settle, payment_reconcile, payment_compare,
    ledger_add TO epione_jobs;

-- verify
DO $$ BEGIN
    ASSERT NOT has_column_privilege('epione_server', 'job', 'payload', 'SELECT');
    ASSERT NOT has_table_privilege('epione_jobs', 'patient', 'SELECT');
    ASSERT NOT has_table_privilege('epione_jobs', 'account', 'SELECT');
    ASSERT NOT has_column_privilege('epione_jobs', 'account', 'email', 'SELECT');
    ASSERT NOT has_table_privilege('epione_jobs', 'session', 'DELETE');
    ASSERT NOT has_any_column_privilege('epione_jobs', 'audit_log', 'UPDATE');
    ASSERT NOT has_table_privilege('epione_jobs', 'audit_log', 'DELETE');
    ASSERT NOT has_any_column_privilege('epione_server', 'audit_log', 'UPDATE');
    ASSERT NOT has_any_column_privilege('epione_server', 'audit_background', 'INSERT, UPDATE');
    ASSERT NOT has_table_privilege('epione_server', 'audit_log', 'DELETE');
    ASSERT NOT has_table_privilege('epione_server', 'audit_log', 'TRUNCATE');
    ASSERT NOT has_column_privilege('epione_server', 'audit_log', 'seq', 'INSERT');
    ASSERT NOT has_column_privilege('epione_server', 'audit_log', 'at', 'INSERT');
    ASSERT NOT has_column_privilege('epione_server', 'audit_log', 'tx', 'INSERT');
    ASSERT NOT has_any_column_privilege('epione_server', 'audit_tile', 'INSERT, UPDATE');
    ASSERT NOT has_any_column_privilege('epione_server', 'audit_tree', 'INSERT, UPDATE');
    ASSERT NOT has_any_column_privilege('epione_jobs', 'audit_tile', 'SELECT, INSERT, UPDATE');
    ASSERT NOT has_table_privilege('epione_server', 'patient', 'DELETE');
    ASSERT NOT has_table_privilege('epione_server', 'visit', 'DELETE');
    ASSERT NOT has_table_privilege('epione_server', 'recording', 'DELETE');
    ASSERT NOT has_any_column_privilege('epione_server', 'recording_consent', 'UPDATE');
    ASSERT NOT has_column_privilege('epione_server', 'review', 'access_until', 'UPDATE');
    ASSERT NOT has_table_privilege('epione_server', 'review', 'DELETE');
    ASSERT NOT has_table_privilege('epione_server', 'incident', 'DELETE');
    ASSERT NOT has_any_column_privilege('epione_server', 'incident_entry', 'UPDATE');
    ASSERT NOT has_any_column_privilege('epione_server', 'incident_link', 'UPDATE');
    ASSERT NOT has_any_column_privilege('epione_server', 'disclosure', 'UPDATE');
    ASSERT NOT has_column_privilege('epione_reporter', 'disclosure', 'recipient', 'SELECT');
    ASSERT NOT has_column_privilege('epione_reporter', 'incident', 'title', 'SELECT');
    ASSERT NOT has_column_privilege('epione_jobs', 'recording', 'secret', 'SELECT');
    ASSERT NOT has_any_column_privilege('epione_reporter', 'record_key', 'SELECT');
    ASSERT NOT has_column_privilege('epione_reporter', 'account', 'display_name', 'SELECT');
    ASSERT NOT has_column_privilege('epione_reporter', 'class_key', 'wrapped', 'SELECT');
END $$;
