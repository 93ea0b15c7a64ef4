#!/bin/sh
# How pages of the audit log are found among many events: the plan of each kind
# of page, on a database of its own in the cluster of run.sh. ROWS says how many.
set -u
rows=${ROWS:-200000}
failed=0
super_db=$(echo "$SUPER_URL" | sed 's|/epione?|/trail?|')
psql -X -q -d "$SUPER_URL" -c 'CREATE DATABASE trail OWNER epione_owner'
"$EPIONECTL" migrate --database "$(echo "$OWNER_URL" | sed 's|/epione?|/trail?|')" \
	--dir sql/migrations >"$WORK/out" 2>&1 || { cat "$WORK/out"; exit 1; }

# A year of events of one clinic, of 40 people about a fiftieth as many patients;
# one in a hundred is of nobody. Most look, one in twenty changes something, one
# in fifty is refused, and one thing happened three times.
psql -X -q -v ON_ERROR_STOP=1 -v rows="$rows" -d "$super_db" >/dev/null <<'SQL' || exit 1
CREATE FUNCTION id_of(kind bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT (to_hex(kind) || lpad(to_hex(n), 31, '0'))::uuid $$;
INSERT INTO clinic (id, name) VALUES (id_of(1, 1), 'Large');
SELECT audit_months(now() - interval '1 year', now());
SELECT audit_words('{patient.read,patient.updated,patient_read,TREAT,clinician,not_found,weak_password}');
INSERT INTO audit_log (clinic_id, at, actor_id, actor_role, event, action,
       outcome, operation, purpose, patient_id, returned, request_id)
SELECT CASE WHEN n % 100 = 0 THEN '00000000-0000-0000-0000-000000000000' ELSE id_of(1, 1) END,
       now() - interval '1 year' + n * (interval '1 year' / :rows),
       CASE WHEN n % 100 <> 0 THEN id_of(2, 1 + n % 40) END, w.role, w.read,
       CASE WHEN n % 20 = 1 THEN 'U' ELSE 'R' END::"char",
       CASE WHEN n IN (77, :rows / 2 + 1, :rows - 77) THEN w.weak
            WHEN n % 50 = 0 THEN w.none END, w.call, w.why,
       CASE WHEN n % 100 <> 0 THEN id_of(3, 1 + n % (:rows / 50)) END,
       CASE WHEN n % 10 = 3 THEN ARRAY(SELECT id_of(3, 1 + (n + i) % (:rows / 50))
            FROM generate_series(1, 5) i) END, gen_random_uuid()
  FROM generate_series(1, :rows) n
 CROSS JOIN (SELECT audit_word('patient.read') AS read, audit_word('patient_read') AS call,
       audit_word('TREAT') AS why, audit_word('clinician') AS role,
       audit_word('not_found') AS none, audit_word('weak_password') AS weak OFFSET 0) AS w;
VACUUM ANALYZE audit_log;
SELECT audit_months(now(), now());
SQL

# check WHAT MAX FOUND QUERY: the statements inside of the function as well; no
# month is read whole, no more than MAX events are looked at or sorted, and
# FOUND of them are answered.
check() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$super_db" >"$WORK/found" 2>"$WORK/plan" <<SQL || { cat "$WORK/plan"; failed=1; return; }
LOAD 'auto_explain';
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET plan_cache_mode = force_generic_plan;
SET epione.clinic = '10000000-0000-0000-0000-000000000001';
SET auto_explain.log_min_duration = 0;
SET client_min_messages = log;
SELECT count(*) FROM $4;
SQL
	looked=$(awk '
		/actual rows=/ && / on audit_log/ { split($0, a, "actual rows="); split(a[2], b, "[ =)]")
			n += b[1] * b[3]; ours = 1; next }
		/actual rows=/ { ours = 0 }
		ours && /Rows Removed by (Filter|Index Recheck)/ { n += $NF }
		END { print n + 0 }' "$WORK/plan")
	found=$(cat "$WORK/found")
	if grep 'Seq Scan on audit_log_[0-9]' "$WORK/plan" | grep -qv 'never executed' ||
		[ "$looked" -gt "$2" ] || [ "$found" != "$3" ] || [ "$looked" -eq 0 ]; then
		echo "FAIL $1: $looked events looked at, $found found"
		cat "$WORK/plan"
		failed=1
	else
		echo "ok   $1: $looked events looked at"
	fi
}

page=51
# the last step of an index may be looked at for more than a page
of_hour=$((rows / 365 / 24 + 1))
of_day=$((rows / 365 + 1))
most=$((page * 3 + of_hour * 4))
someone="'20000000-0000-0000-0000-000000000007'"
patient="'30000000-0000-0000-0000-000000000007'"
half="now() - interval '6 months'"
# audit_page (from, to, actor, patient, action, outcome, before, before seq, page, nobody, besides)
check 'the newest' $most $page "audit_page(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, $page, false, NULL)"
check 'a page in the middle' $most $page "audit_page(NULL, NULL, NULL, NULL, NULL, NULL, $half, 5, $page, false, NULL)"
check 'a span of the past' $most $page "audit_page($half, $half + interval '9 days', NULL, NULL, NULL, NULL, NULL, NULL, $page, false, NULL)"
check 'an actor' $((most + of_day / 10)) $page "audit_page(NULL, NULL, $someone, NULL, NULL, NULL, NULL, NULL, $page, false, NULL)"
check 'changes' $most $page "audit_page(NULL, NULL, NULL, NULL, 'U', NULL, NULL, NULL, $page, false, NULL)"
check 'refusals of a kind' $most $page "audit_page(NULL, NULL, NULL, NULL, NULL, 'not_found', NULL, NULL, $page, false, NULL)"
check 'what happened three times' $most 3 "audit_page(NULL, NULL, NULL, NULL, NULL, 'weak_password', NULL, NULL, $page, false, NULL)"
check 'refusals of a kind of act' $most $page "audit_page(NULL, NULL, NULL, NULL, 'R', 'not_found', NULL, NULL, $page, false, NULL)"
check 'changes of an actor' $((most + of_day / 40)) $page "audit_page(NULL, NULL, '20000000-0000-0000-0000-000000000002', NULL, 'U', NULL, NULL, NULL, $page, false, NULL)"
check 'refusals of an actor' $((most + of_day / 40)) $page "audit_page(NULL, NULL, '20000000-0000-0000-0000-00000000000b', NULL, NULL, 'not_found', NULL, NULL, $page, false, NULL)"
check 'what nobody did' $most $page "audit_page(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, $page, true, NULL)"
check 'refusals of nobody' $most $page "audit_page(NULL, NULL, NULL, NULL, NULL, 'not_found', NULL, NULL, $page, true, NULL)"
# a patient's events are few: about 50 acts, and 25 lists
check 'a patient' 400 $page "audit_page(NULL, NULL, NULL, $patient, NULL, NULL, NULL, NULL, $page, false, NULL)"
check 'who saw a patient, by day' 400 20 "audit_days($patient, NULL, 'UTC', now(), NULL, NULL, 20)"

# audit_kinds (kinds, from, to, actor, refused, before, before seq, page): looks at
# what is no read, of the months that fill a page; one in twenty changes something,
# and here all of it is of another kind
check 'a kind of change' $((rows / 20 / 12 * 2 + most)) $page "audit_kinds('{patient.read}', $half, now(), NULL, false, NULL, NULL, $page)"
check 'the next page of it' $((rows / 20 / 12 * 2 + most)) $page "audit_kinds('{patient.read}', now() - interval '1 year', now(), NULL, NULL, $half, 5, $page)"
# one in fifty is refused, half of them to nobody, whom this clinic has for itself
check 'refusals of all kinds' $((rows / 50 / 12 * 3 + most)) $page "audit_refused($half, now(), NULL, NULL, NULL, $page)"
check 'the next page of them' $((rows / 50 / 12 * 3 + most)) $page "audit_refused(now() - interval '1 year', now(), NULL, $half, 5, $page)"
# the pages that one entry of the index stands for, of some 70 events each
check 'one event by its number' $((128 * 70)) 1 "audit_found($((rows / 2)))"
check 'the first event' $((most + of_hour * 12)) 1 "audit_oldest()"

# Leaves of a sealed log are in the order in which events were seen, each once; a
# lower seq that commits later becomes a later leaf, and moves none.
database=$(echo "$SUPER_URL" | sed 's|/epione?|/trail?|')
event="INSERT INTO audit_log (clinic_id, event, action, operation, purpose, request_id) VALUES
	('10000000-0000-0000-0000-000000000001', audit_word('patient.read'), 'R', audit_word('patient_read'), audit_word('TREAT'),"
ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$database" -c "$1"; }
# seen_since SNAPSHOT: which requests' events are seen now, and were not then
seen_since() {
	ask "SELECT string_agg(right(request_id::text, 1), ' ' ORDER BY seq) FROM audit_log WHERE request_id::text LIKE 'aaaaaaaa%'
		AND NOT pg_visible_in_snapshot(xmin::text::xid8, '$1')"
}
mkfifo "$WORK/late"
psql -X -q -v ON_ERROR_STOP=1 -d "$database" <"$WORK/late" >/dev/null &
late=$!
exec 4>"$WORK/late"
begun=$(ask 'SELECT pg_current_snapshot()')
echo "SET application_name = 'late'; BEGIN; $event 'aaaaaaaa-0000-0000-0000-000000000001');" >&4
until [ "$(ask "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'late' AND state = 'idle in transaction' AND backend_xid IS NOT NULL")" = 1 ]; do sleep 0.1; done
ask "$event 'aaaaaaaa-0000-0000-0000-000000000002')"
turn=$(ask 'SELECT pg_current_snapshot()')
leaves=$(seen_since "$begun")
echo 'COMMIT;' >&4
exec 4>&-
wait $late || failed=1
ask "$event 'aaaaaaaa-0000-0000-0000-000000000003')"
leaves="$leaves, $(seen_since "$turn")"
if [ "$leaves" = '2, 1 3' ]; then
	echo 'ok   leaves are in the order of commits, and not of seq'
else
	echo "not ok   leaves are in the order of commits, and not of seq: $leaves"
	failed=1
fi
exit $failed
