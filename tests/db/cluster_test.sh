#!/bin/sh
# tools/cluster.sh on folders of its own; run.sh has WORK.
set -u
cluster=$PWD/tools/cluster.sh
failed=0

check() {
	what=$1
	shift
	if "$@"; then
		echo "ok   $what"
	else
		echo "FAIL $what"
		sed 's/^/     /' "$WORK/out"
		failed=1
	fi
}

run() {
	"$cluster" "$@" >"$WORK/out" 2>&1
}

refused() {
	! run "$@"
}

said() {
	grep -q -- "$1" "$WORK/out"
}

one_line() {
	[ "$(wc -l <"$WORK/out")" = 1 ]
}

# The first value of a query as a role.
value() {
	PGPASSFILE=$1/pgpass psql -X -q -A -t -d "$("$cluster" address "$1" "$2")" \
		-c "$3" 2>&1
}

is() {
	[ "$1" = "$2" ] || { echo "     $1, not $2"; false; }
}

cannot() {
	value "$1" "$2" "$3" | grep -q "$4"
}

d="$WORK/c"
check 'start' run start "$d"
check 'the server signs in' is "$(value "$d" server 'SELECT current_user')" epione_server
check 'the owner signs in' is "$(value "$d" owner 'SELECT current_user')" epione_owner
check 'the reporter signs in' is "$(value "$d" reporter 'SELECT current_user')" epione_reporter
#= EN-11, OP-03: least privilege
check 'none is a superuser or bypasses RLS' is "$(value "$d" super "SELECT count(*)
	FROM pg_roles WHERE rolname LIKE 'epione%' AND (rolsuper OR rolbypassrls
	OR rolcreatedb OR rolcreaterole OR rolreplication)")" 0
check 'the server makes no tables' cannot "$d" server 'CREATE TABLE x ()' 'permission denied'
check 'nor temporary ones' cannot "$d" server 'CREATE TEMP TABLE x ()' 'permission denied'
check 'nor do reports' cannot "$d" reporter 'CREATE TABLE x ()' 'permission denied'
check 'checksums are on' is "$(value "$d" super 'SHOW data_checksums')" on
check 'fsync is on' is "$(value "$d" super 'SHOW fsync')" on
check 'no port is open' is "$(value "$d" super "SHOW listen_addresses")" ''
check 'passwords are SCRAM' is "$(value "$d" super "SELECT count(*) FROM pg_authid
	WHERE rolpassword LIKE 'SCRAM-SHA-256%'")" 5
check 'a wrong password is refused' sh -c "PGPASSWORD=x psql -X -d \
	\"\$('$cluster' address '$d' server)\" -c 'SELECT 1' 2>&1 |
	grep -q 'password authentication failed'"
check 'passwords are for their owner alone' is "$(find "$d" -name '*.password' -perm 600 | wc -l)" 5
check 'no password is on a command line' sh -c "! ps ax -o args | grep -qFf '$d/super.password'"
before=$("$cluster" url "$d" server)
check 'start again' run start "$d"
check 'changes nothing' is "$("$cluster" url "$d" server)" "$before"
check 'says nothing' [ ! -s "$WORK/out" ]
check 'no such role' refused url "$d" nobody
check 'in one line' one_line
value "$d" owner 'CREATE TABLE kept AS SELECT 42 AS n' >/dev/null

# kill -9 of the postmaster is like a power cut
power_cut() {
	pid=$(head -n 1 "$1/cluster/data/postmaster.pid")
	kill -9 "$pid"
	while readlink "/proc/$pid/exe" >/dev/null 2>&1; do sleep 0.1; done
}
power_cut "$d"
check 'starts after kill -9' run start "$d"
check 'and kept what was committed' is "$(value "$d" owner 'SELECT n FROM kept')" 42
check 'stop' run stop "$d"
check 'stop again' run stop "$d"
check 'url while stopped' is "$("$cluster" url "$d" server)" "$before"

# a start that was interrupted half way
rm -f "$d/ready"
mkdir -p "$d/cluster/data.new" && touch "$d/cluster/data.new/half"
check 'start after an interrupted one' run start "$d"
check 'works' is "$(value "$d" owner 'SELECT n FROM kept')" 42

# broken for good: one line that says so
run stop "$d"
mv "$d/cluster/data/global/pg_control" "$WORK/pg_control"
check 'a broken cluster is told' refused start "$d"
check 'in one line' one_line
check 'with the reason' said 'pg_control'
mv "$WORK/pg_control" "$d/cluster/data/global/pg_control"
echo 9 >"$WORK/version"
cp "$d/cluster/data/PG_VERSION" "$WORK/kept" && cp "$WORK/version" "$d/cluster/data/PG_VERSION"
check 'data of a version that is not installed' refused start "$d"
check 'in one line' one_line
check 'says which' said 'PostgreSQL 9, which is not installed'
cp "$WORK/kept" "$d/cluster/data/PG_VERSION"
check 'mended' run start "$d"
check 'teardown' run teardown "$d"
check 'leaves nothing' [ ! -e "$d" ]
check 'teardown again' run teardown "$d"
check 'url of nothing' refused url "$d"
check 'in one line' one_line
check 'nonsense' refused dance "$d"

# a socket's path holds 107 bytes, and connection strings want plain ones
long="$WORK/a folder with spaces & more/$(printf 'x%.0s' $(seq 90))"
check 'a long path with spaces' run start "$long"
check 'works' is "$(value "$long" server 'SELECT 1')" 1
socket=$(cat "$long/socket")
check 'the socket is elsewhere' [ "${#socket}" -lt 60 ]
check 'where others may enter and not look' is "$(stat -c %a "$socket")" 711
rm -rf "$socket" && power_cut "$long"
check 'starts although /tmp was swept' run start "$long"
check 'works' is "$(value "$long" server 'SELECT 1')" 1
socket=$(cat "$long/socket")
check 'teardown' run teardown "$long"
check 'leaves no socket' [ ! -e "$socket" ]

# two at once make one cluster
"$cluster" start "$d" >"$WORK/first" 2>&1 &
first=$!
check 'two at once: one' run start "$d"
check 'and the other' wait $first
check 'work' is "$(value "$d" server 'SELECT 1')" 1
run teardown "$d"

if [ "$(id -u)" = 0 ]; then
	# the database's user cannot get into a closed folder
	mkdir -m 0700 "$WORK/closed"
	check 'in a closed folder' run start "$WORK/closed/c"
	check 'it says where' said 'the database.s files are in /var/lib/epione'
	check 'works' is "$(value "$WORK/closed/c" server 'SELECT 1')" 1
	place=$(cat "$WORK/closed/c/place")
	check 'teardown' run teardown "$WORK/closed/c"
	check 'leaves nothing' [ ! -e "$place" ]

	# any user, not only root
	mkdir -m 0755 "$WORK/nobody" && chown nobody: "$WORK/nobody"
	as="setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/"
	check 'as another user' $as "$cluster" start "$WORK/nobody/c"
	check 'works' $as env PGPASSFILE="$WORK/nobody/c/pgpass" psql -X -q -A -t \
		-d "$($as "$cluster" address "$WORK/nobody/c" server)" -c 'SELECT 1'
	check 'stops' $as "$cluster" teardown "$WORK/nobody/c"
	$as "$cluster" start /var/lib/nope >"$WORK/out" 2>&1
	check 'a folder that is not ours' said 'cannot be made'

	# a full disk, if we may mount a small one
	mkdir "$WORK/small"
	if mount -t tmpfs -o size=60m tmpfs "$WORK/small" 2>/dev/null; then
		check 'a full disk' refused start "$WORK/small/c"
		check 'is told' said 'the disk is full'
		check 'in one line' one_line
		umount "$WORK/small"
	fi
fi
exit $failed
