-- The roles and the database; safe to run again. For psql, as a superuser, with
-- the variables owner_password, server_password, jobs_password and
-- reporter_password set.
--
--   epione_owner     owns the tables; epionectl migrate signs in as it
--   epione_server    the server: no table is its own
--   epione_jobs      epione-jobs: takes jobs, and does what their kinds need
--   epione_reporter  reads what reports are made of; the server and
--                    epione-jobs become it for the one statement, and have none
--                    of its rights otherwise
--= EN-11, OP-03: none of them is a superuser, makes roles or bypasses RLS
\set ON_ERROR_STOP on
\set VERBOSITY terse

SELECT format('CREATE ROLE %I', r)
  FROM unnest(ARRAY['epione_owner', 'epione_server', 'epione_jobs', 'epione_reporter']) AS r
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r)
\gexec

ALTER ROLE epione_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE epione_server LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'server_password';
ALTER ROLE epione_jobs LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'jobs_password';
ALTER ROLE epione_reporter LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'reporter_password';

GRANT epione_reporter TO epione_server, epione_jobs;

SELECT 'CREATE DATABASE epione OWNER epione_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'epione')
\gexec

REVOKE ALL ON DATABASE epione FROM PUBLIC;
GRANT CONNECT ON DATABASE epione TO epione_server, epione_jobs, epione_reporter;
