-- What a transaction says for itself.

-- For the transaction alone, in place of the connection's own.
-- sql: statement_time_set later
-- in:  ms int
SELECT set_config('statement_timeout', $1::bigint::text, true);

-- Whose rows the transaction sees, and who acts in it.
-- sql: context_set later
-- in:  clinic uuid, actor uuid
SELECT set_config('epione.clinic', coalesce($1::uuid::text, ''), true),
       set_config('epione.actor', coalesce($2::uuid::text, ''), true);

-- From here on the transaction reads as the role that reports have, and nothing else.
-- sql: reporter_enter later
SELECT set_config('role', 'epione_reporter', true);

-- sql: reporter_leave later
SELECT set_config('role', 'none', true);
