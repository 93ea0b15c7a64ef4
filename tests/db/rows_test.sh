#!/bin/sh
# Row-level security, on a database of its own in the cluster of run.sh: as each
# role, in no clinic, in one and in another, each table gives and takes exactly
# what it should; and whatever lets it give more, or less, is noticed.
set -u
failed=0
db=$(echo "$SUPER_URL" | sed 's|/epione?|/rows?|')
psql -X -q -d "$SUPER_URL" -c 'CREATE DATABASE rows OWNER epione_owner'
"$EPIONECTL" migrate --database "$(echo "$OWNER_URL" | sed 's|/epione?|/rows?|')" \
	--dir sql/migrations >"$WORK/out" 2>&1 || { cat "$WORK/out"; exit 1; }
ask() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$db" \
		-c 'SET session_replication_role = replica' "$@" 2>&1
}

check() { # check WHAT QUERY: whatever the query answers is a fault
	if ask -c "$2" >"$WORK/out" && [ ! -s "$WORK/out" ]; then
		echo "ok   $1"
	else
		echo "FAIL $1"
		sed 's/^/     /' "$WORK/out"
		failed=1
	fi
}

ask -f tests/db/rows.sql >"$WORK/out" || { cat "$WORK/out"; exit 1; }
#= AZ-04, AU-04: nothing of another clinic, and nothing but its addition to the log
check 'each role reaches the rows of its clinic, by its rights, and no others' \
	'SELECT * FROM proof.faults()'
check 'each change of a policy, a lock or a right is noticed' \
	'SELECT u FROM (SELECT proof.unnoticed(change, rel) AS u FROM proof.change) AS s WHERE u IS NOT NULL'
check 'many were tried' 'SELECT count(*) FROM proof.change HAVING count(*) < 300'
exit $failed
