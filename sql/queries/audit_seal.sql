-- The sealed log (docs/AUDIT.md). A clinic of nil, which arrives as NULL, has the
-- events of nobody.

-- An event as it is sealed.
-- row: audit_event
-- out: tx int, seq int, clinic_id uuid, at time, at_us int, event text, action text,
--      outcome text, actor_id uuid, actor_role text, session text, patient_id uuid,
--      record_id uuid, returned uuid[], address text, request_id uuid,
--      operation text, purpose text, count int

-- text: nil
'00000000-0000-0000-0000-000000000000'

-- What is to be sealed, of each clinic in its order; nothing while another seals.
-- sql: audit_unsealed many
-- in:  batch int
-- out: row audit_event
SELECT {audit_event: e.%} FROM audit_unsealed($1::bigint) AS e;

-- sql: audit_tree_of one
-- in:  clinic uuid
-- out: size int, edge bytes
SELECT size, edge FROM audit_tree_of(coalesce($1::uuid, {nil}));

-- sql: audit_tile_put later
-- in:  clinic uuid, level int, first int, hashes bytes, last_tx int, last_seq int
SELECT audit_tile_put(coalesce($1::uuid, {nil}), $2::bigint, $3::bigint, $4::bytea,
       $5::bigint, $6::bigint);

-- sql: audit_tree_put later
-- in:  clinic uuid, was int, size int, edge bytes, note text
SELECT audit_tree_put(coalesce($1::uuid, {nil}), $2::bigint, $3::bigint, $4::bytea,
       $5::text);

-- sql: audit_sealed_to later
-- in:  tx int, seq int
SELECT audit_sealed_to($1::bigint, $2::bigint);

-- Asks for today's checkpoint of each clinic.
-- sql: checkpoints_due one
-- in:  files bool
-- out: n int
SELECT checkpoints_due($1::boolean);

-- The newest one of this clinic, and where it goes.
-- sql: checkpoint_read one
-- out: note text, address text
SELECT t.note, c.checkpoint_mail
  FROM clinic c
  LEFT JOIN LATERAL audit_tree_of(c.id) AS t ON true
 WHERE c.id = current_clinic();

-- The public half of a key, beside the class key that it comes from.
-- sql: audit_key_insert exec
-- in:  clinic uuid, version int, public bytes, follows text
INSERT INTO audit_key (clinic_id, version, public, follows)
VALUES (coalesce($1::uuid, {nil}), $2::bigint, $3::bytea, $4::text);

-- Nothing is sealed while this transaction runs.
-- sql: audit_seal_hold one
-- out: tx int
SELECT tx FROM audit_sealed FOR UPDATE;

-- Another key's checkpoint of the same tree.
-- sql: audit_note_put later
-- in:  clinic uuid, note text
UPDATE audit_tree SET note = $2::text WHERE clinic_id = coalesce($1::uuid, {nil});

-- Drops the log's oldest month, if its time is over.
-- sql: audit_retain one
-- out: n int
SELECT audit_retain();

-- For who reads a clinic's log, as the server

-- One event of this clinic, or of nobody where that is this clinic's to see.
-- sql: audit_found one
-- in:  seq int
-- out: row audit_event
SELECT {audit_event: e.%} FROM audit_found($1::bigint) AS e;

-- The hashes among which the leaf of an event is, if it is sealed.
-- sql: audit_tile_of one
-- in:  clinic uuid, tx int, seq int
-- out: first int, hashes bytes
SELECT first, hashes FROM audit_tile
 WHERE clinic_id = CASE WHEN $1::uuid IS NULL THEN {nil}::uuid ELSE $1 END AND level = 0
   AND (last_tx, last_seq) >= ($2::bigint, $3::bigint)
 ORDER BY last_tx, last_seq
 LIMIT 1;

-- Was it kept as long as events are, and is gone?
-- sql: audit_event_gone one
-- in:  seq int
-- out: gone bool
SELECT EXISTS (SELECT FROM audit_month_gone WHERE $1::bigint BETWEEN first_seq AND last_seq);

-- What each key says of the one that follows it, the first first.
-- sql: audit_successions many
-- in:  clinic uuid
-- out: note text
SELECT follows FROM audit_key
 WHERE clinic_id = CASE WHEN $1::uuid IS NULL THEN {nil}::uuid ELSE $1 END
   AND follows IS NOT NULL
 ORDER BY version
 LIMIT 100;

-- sql: audit_tree_seen one
-- in:  clinic uuid
-- out: size int, note text, public bytes
SELECT t.size, t.note, k.public
  FROM audit_tree t
  LEFT JOIN LATERAL (SELECT public FROM audit_key
         WHERE clinic_id = t.clinic_id ORDER BY version DESC LIMIT 1) AS k ON true
 WHERE t.clinic_id = CASE WHEN $1::uuid IS NULL THEN {nil}::uuid ELSE $1 END;

-- sql: audit_tile_list many
-- in:  clinic uuid, level int, from_first int, to_first int, limit int
-- out: first int, hashes bytes, last_tx int, last_seq int
SELECT first, hashes, last_tx, last_seq FROM audit_tile
 WHERE clinic_id = CASE WHEN $1::uuid IS NULL THEN {nil}::uuid ELSE $1 END
   AND level = $2::bigint AND first >= $3::bigint AND first < $4::bigint
 ORDER BY first
 LIMIT $5::bigint;

-- For whoever checks, as the tables' owner

-- How far the log is sealed.
-- sql: audit_sealed_get one
-- out: tx int, seq int
SELECT tx, seq FROM audit_sealed;

-- Each tree there is, and those of clinics that should have one.
-- sql: audit_tree_list many
-- out: clinic_id uuid, name text, size int, edge bytes, note text
SELECT i.id, c.name, coalesce(t.size, 0) AS size, coalesce(t.edge, '') AS edge, t.note
  FROM (SELECT id FROM clinic
         UNION SELECT clinic_id FROM audit_tree
         UNION SELECT clinic_id FROM audit_tile
         UNION SELECT {nil}::uuid) AS i(id)
  LEFT JOIN clinic c ON c.id = i.id
  LEFT JOIN audit_tree t ON t.clinic_id = i.id
 ORDER BY i.id;

-- Leaves without events, of all trees.
-- sql: audit_gone_list many
-- out: clinic_id uuid, first int, n int
SELECT clinic_id, first, n FROM audit_gone ORDER BY clinic_id, first;

-- What signs, of all trees: what it is derived from, and what others are told of it.
-- sql: audit_key_list many
-- out: clinic_id uuid, version int, wrapped bytes, public bytes, follows text
SELECT c.clinic_id, c.version, c.wrapped, k.public, k.follows
  FROM class_key c
  LEFT JOIN audit_key k ON k.clinic_id = c.clinic_id AND k.version = c.version
 WHERE c.class = 'audit'
 ORDER BY c.clinic_id, c.version;

-- sql: audit_word_list many
-- out: id int, word text
SELECT id::bigint, word FROM audit_word ORDER BY id;

-- Commands that read all rows of the log, some ten thousand pages each, as they lie.
-- sql: audit_part_list many
-- in:  pages int
-- out: command text, bytes int
SELECT format('COPY (SELECT seq, tx, at, clinic_id, actor_id, session, request_id,
               patient_id, record_id, event, outcome, operation, actor_role, purpose,
               action, address, count, returned
          FROM ONLY %I WHERE ctid >= ''(%s,0)''%s) TO STDOUT', p.relname, p.page,
           CASE WHEN p.page + $1::bigint < p.pages
                THEN format(' AND ctid < ''(%s,0)''', p.page + $1) ELSE '' END),
       least($1, p.pages - p.page) * 8192
  FROM (SELECT c.relname, s.pages, n.page
          FROM pg_inherits i
          JOIN pg_class c ON c.oid = i.inhrelid
         CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid) / 8192 AS pages OFFSET 0) AS s
         CROSS JOIN LATERAL generate_series(0, greatest(s.pages - 1, 0), $1::bigint) AS n(page)
         WHERE i.inhparent = 'audit_log'::regclass) AS p
 ORDER BY p.relname, p.page;
