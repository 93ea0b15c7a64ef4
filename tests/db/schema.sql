-- What the tests of the database layer write to. Applied as the owner.
CREATE TABLE sample (
    id     uuid PRIMARY KEY,
    label  text,
    raw    bytea,
    whole  bigint,
    maybe  bigint,
    flag   boolean,
    at     timestamptz,
    day    date,
    doc    jsonb,
    addr   inet,
    ids    uuid[],
    raws   bytea[],
    wholes bigint[],
    labels text[]
);

CREATE TABLE entry (
    id    uuid PRIMARY KEY,
    slot  bigint CONSTRAINT visit_no_overlap UNIQUE,
    late  bigint CONSTRAINT account_email_key UNIQUE DEFERRABLE INITIALLY DEFERRED,
    other bigint CONSTRAINT nobody_knows_this CHECK (other > 0)
);

-- An entry with slot 7777 takes its time at COMMIT.
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.slot = 7777 THEN
        PERFORM pg_sleep(30);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit();

CREATE TABLE counter (id bigint PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counter VALUES (1, 0), (2, 0);

CREATE TABLE class_key (
    clinic_id uuid, class text, version bigint, wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (clinic_id, class, version)
);
CREATE TABLE record_key (
    clinic_id uuid, subject_id uuid, class text, version bigint, wrapped bytea,
    seals bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(), shredded_at timestamptz,
    PRIMARY KEY (clinic_id, subject_id, version)
);
CREATE TABLE person (
    id uuid PRIMARY KEY, subject uuid NOT NULL, family_name bytea,
    given_name bytea, reason bytea, reason_id uuid,
    key_version bigint GENERATED ALWAYS AS (('x' || encode(substr(family_name, 2, 4), 'hex'))::bit(32)::bigint) STORED
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO epione_server;
