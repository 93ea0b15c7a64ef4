#!/bin/sh
# How the lists of visits are found among many: the plan of each kind of list,
# on a database of its own in the cluster of run.sh. ROWS says how many visits.
set -u
rows=${ROWS:-100000}
failed=0
super_db=$(echo "$SUPER_URL" | sed 's|/epione?|/visits?|')
server_db=$(echo "$SERVER_URL" | sed 's|/epione?|/visits?|')
psql -X -q -d "$SUPER_URL" -c 'CREATE DATABASE visits OWNER epione_owner'
"$EPIONECTL" migrate --database "$(echo "$OWNER_URL" | sed 's|/epione?|/visits?|')" \
	--dir sql/migrations >"$WORK/out" 2>&1 || { cat "$WORK/out"; exit 1; }

# Five years of visits, one of them to come; as many patients as a tenth of
# them, 100 clinicians. Clinician 1 cares for every twentieth patient, 2 for
# three. The constraints are the business of other tests.
psql -X -q -v ON_ERROR_STOP=1 -v rows="$rows" -d "$super_db" <<'SQL' || exit 1
SET session_replication_role = replica;
ALTER TABLE visit DROP CONSTRAINT visit_no_overlap, DROP CONSTRAINT visit_patient_no_overlap;
CREATE FUNCTION id_of(kind bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT (to_hex(kind) || lpad(to_hex(n), 31, '0'))::uuid $$;
INSERT INTO clinic (id, name) VALUES (id_of(1, 1), 'Large');
INSERT INTO record_key (clinic_id, subject_id, class, wrapped)
SELECT id_of(1, 1), id_of(2, n), 'account', '\x00'::bytea FROM generate_series(1, 100) n
 UNION ALL
SELECT id_of(1, 1), id_of(3, n), 'patient', '\x00' FROM generate_series(1, :rows / 10) n;
INSERT INTO account (clinic_id, id, role, email, email_token, display_name)
SELECT id_of(1, 1), id_of(2, n), 'clinician', '\x00', int8send(n), '\x00'
  FROM generate_series(1, 100) n;
INSERT INTO patient (clinic_id, id, family_name, given_name, birth_date, sex)
SELECT id_of(1, 1), id_of(3, n), '\x00', '\x00', '\x00', '\x00'
  FROM generate_series(1, :rows / 10) n;
INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at,
       reason, status, created_by)
SELECT id_of(1, 1), id_of(4, n), id_of(3, 1 + n % (:rows / 10)),
       id_of(2, 1 + n % 97), t.at, t.at + interval '20 min', '\x00',
       CASE WHEN t.at > now() THEN 'booked' WHEN n % 9 = 0 THEN 'cancelled'
            WHEN t.at > now() - interval '30 min' THEN 'in_call' ELSE 'ended' END,
       id_of(2, 1)
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT now() - interval '4 years'
       + n * (interval '5 years' / :rows) AS at) AS t;
INSERT INTO care_team (clinic_id, patient_id, account_id, source, since, until, added_by)
SELECT id_of(1, 1), id_of(3, n), id_of(2, 1), 'explicit', now(), 'infinity'::timestamptz, id_of(2, 1)
  FROM generate_series(1, :rows / 10, 20) n
 UNION ALL
SELECT id_of(1, 1), id_of(3, n * 7), id_of(2, 2), 'explicit', now(), 'infinity'::timestamptz, id_of(2, 1)
  FROM generate_series(1, 3) n
 UNION ALL -- and others for others
SELECT id_of(1, 1), id_of(3, n), id_of(2, 3 + n % 90), 'visit', now(), now() + interval '9 days', id_of(2, 1)
  FROM generate_series(1, :rows / 10) n;
VACUUM ANALYZE;
SQL

# The statement as the server prepares it, planned without its parameters.
statement() {
	echo "SET plan_cache_mode = force_generic_plan;"
	echo "BEGIN;"
	echo "SELECT set_config('epione.clinic', '10000000-0000-0000-0000-000000000001', false) \\g /dev/null"
	echo "PREPARE list (timestamptz, timestamptz, timestamptz, timestamptz, boolean, uuid,"
	echo "    uuid, text, uuid, timestamptz, uuid, bigint) AS"
	sed -n '/^-- sql: visit_list /,/;$/p' sql/queries/visit.sql
}

# check WHAT MAX PARAMETERS: no table that grows is read whole, and no more than
# MAX rows of visits and care teams are looked at, those that a filter drops too.
check() {
	{
		statement
		echo "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) EXECUTE list ($3);"
	} | psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$server_db" >"$WORK/plan" 2>&1 || {
		cat "$WORK/plan"
		failed=1
		return
	}
	looked=$(awk '
		/Scan/ { ours = / on (visit|care_team) / && !/never executed/ }
		ours && /Scan/ { split($0, a, "rows="); split(a[2], b, "[ =)]")
			loops = b[3]; n += b[1] * loops }
		ours && /Rows Removed by Filter/ { n += $NF * loops }
		END { print n + 0 }' "$WORK/plan")
	ms=$(sed -n 's/^Execution Time: //p' "$WORK/plan")
	if grep -qE 'Seq Scan on (visit|care_team|patient|record_key)' "$WORK/plan" || [ "$looked" -gt "$2" ]; then
		echo "FAIL $1: $looked rows looked at, $ms"
		cat "$WORK/plan"
		failed=1
	else
		echo "ok   $1: $looked rows looked at, $ms"
	fi
}

one=20000000-0000-0000-0000-000000000001
two=20000000-0000-0000-0000-000000000002
patient=30000000-0000-0000-0000-000000000007
around="now() - interval '31 days 10 hours', now() - interval '31 days', now() + interval '400 days', now() - interval '2 hours', true"
day="now() - interval '22 hours', now() - interval '12 hours', now() + interval '12 hours', now() - interval '2 hours', true"
always="'1899-12-31', '1900-01-01', '9999-12-31', now() - interval '2 hours', true"
page=26
most=$((page * 4))
of_day=$((rows / 1826 * 3))
# of the hours before the span, from which one may reach into it
reach=$((most + rows / 1826 / 2))
check 'a clinic, about now' $reach "$around, NULL, NULL, NULL, NULL, NULL, NULL, $page"
check 'the next page' $most "now(), now() - interval '31 days', now() + interval '400 days', now() - interval '2 hours', true, NULL, NULL, NULL, NULL, now(), '$two', $page"
check 'who waits' $((most + of_day)) "$around, NULL, NULL, 'arrived', NULL, NULL, NULL, $page"
check 'who is in the call' $((most + of_day)) "$around, NULL, NULL, 'in_call', NULL, NULL, NULL, $page"
check 'a status that none has' $most "$around, NULL, NULL, 'no_show', NULL, NULL, NULL, $page"
check 'those that ended' $reach "$around, NULL, NULL, 'ended', NULL, NULL, NULL, $page"
check 'one patient, always' $most "$always, '$patient', NULL, NULL, NULL, NULL, NULL, $page"
check 'one clinician, about now' $most "$around, NULL, '$two', NULL, NULL, NULL, NULL, $page"
check 'a clinician with three patients, about now' $most "$around, NULL, NULL, NULL, '$two', NULL, NULL, $page"
check 'the same, those who wait' $most "$around, NULL, NULL, 'arrived', '$two', NULL, NULL, $page"
# grows with the clinician's patients, not with the clinic's visits
check 'a clinician with many patients, a day' $((most + rows / 10 / 20 * 4)) "$day, NULL, NULL, NULL, '$one', NULL, NULL, $page"
exit $failed
