-- What a transaction says for itself.

-- For the transaction alone, in place of the connection's own.
-- sql: statement_time_set later
-- in:  ms int
SELECT set_config('statement_timeout', $1::bigint::text, true);
