#!/bin/sh
# epionectl migrate, on databases of its own in the cluster of run.sh.
set -u
dir=$WORK/migrations
failed=0
n=0

super() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$SUPER_URL" -c "$1"
}

# A new database, and a folder with the given number of migrations.
fresh() {
	n=$((n + 1))
	super "CREATE DATABASE migrate$n OWNER epione_owner"
	url=$(echo "$OWNER_URL" | sed "s|/epione?|/migrate$n?|")
	rm -rf "$dir" && mkdir "$dir"
	previous=$(printf '0%.0s' $(seq 64))
	count=0
	while [ "$count" -lt "$1" ]; do
		add "CREATE TABLE t$((count + 1)) (n bigint);"
	done
}

add() {
	count=$((count + 1))
	file=$dir/$(printf %04d $count)_step.sql
	printf -- '-- previous: sha256:%s   purpose: a test\n%s\n' "$previous" "$1" >"$file"
	previous=$(sha256sum "$file" | cut -d ' ' -f 1)
}

migrate() {
	"$EPIONECTL" migrate --database "$url" --dir "$dir" "$@" >"$WORK/out" 2>&1
}

# The first value of a query in the database under test.
value() {
	psql -X -q -A -t -d "$url" -c "$1" 2>/dev/null
}

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

said() {
	grep -q -- "$1" "$WORK/out"
}

refused() {
	! migrate "$@"
}

applied() {
	[ "$(value 'SELECT count(*) FROM schema_migration')" = "$1" ]
}

# soon QUERY: until it answers a row, which it will.
soon() {
	tries=1200
	until [ -n "$(value "$1")" ] || [ $tries = 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
}

tables() {
	[ "$(value "SELECT count(*) FROM pg_tables WHERE tablename ~ '^t[0-9]+$'")" = "$1" ]
}

fresh 3
check 'dry run says what would be applied' migrate --dry-run
check '  all three' said 'pending  0003_step'
check '  and applies nothing' tables 0
check 'applies all' migrate
check '  all three' tables 3
check 'again: nothing to do' migrate
check '  and says so' said 'up to date: 0003_step'
check '  three rows' applied 3
add 'CREATE TABLE t4 (n bigint);'
check 'status' migrate --status
check '  knows the old' said 'applied  0003_step'
check '  and the new' said 'pending  0004_step'
check 'applies the new one alone' migrate
check '  four rows' applied 4

fresh 2
check 'before the change' migrate
sed -i 's/t1/t9/' "$dir/0001_step.sql"
check 'a changed file is refused: the chain is broken' refused
check '  and says where' said '0002_step.sql: the first line must begin'
previous=$(sha256sum "$dir/0001_step.sql" | cut -d ' ' -f 1)
sed -i "1s/sha256:[0-9a-f]*/sha256:$previous/" "$dir/0002_step.sql"
check 'a changed file with the chain mended is refused: it was applied' refused
check '  and says which' said '0001_step is not the 0001_step that was applied'
check 'status refuses too' refused --status

fresh 2
check 'before the renaming' migrate
mv "$dir/0002_step.sql" "$dir/0002_other.sql"
check 'a renamed file is refused' refused

fresh 3
check 'before going back' migrate
rm "$dir/0003_step.sql"
check 'a database from a later release is refused' refused
check '  and says so' said 'not in the folder'

fresh 3
rm "$dir/0002_step.sql"
check 'a gap is refused' refused
check '  nothing was applied' tables 0
fresh 2
cp "$dir/0002_step.sql" "$dir/0002_twin.sql"
check 'a number that is there twice is refused' refused
fresh 1
cp "$dir/0001_step.sql" "$dir/2_short.sql"
check 'a name of another form is refused' refused
fresh 0
check 'an empty folder is refused' refused
rm -r "$dir"
check 'a folder that is not there is refused' refused
check '  and says so' said 'No such file'

fresh 1
add 'CREATE TABLE t2 (n bigint); SELECT 1/0; CREATE TABLE t3 (n bigint);'
add 'CREATE TABLE t4 (n bigint);'
check 'a failing file stops' refused
check '  names file, line and SQLSTATE' said '0002_step.*(22012)'
check '  keeps what was before it' tables 1
check '  and nothing of itself' applied 1

fresh 1
add "INSERT INTO t1 VALUES (1); ALTER TABLE t1 ADD CONSTRAINT u UNIQUE (n); INSERT INTO t1 VALUES (4711), (4711);"
check 'an error that would quote a row' refused
check '  is told' said 23505
check '  without the row' sh -c "! grep -q 4711 '$WORK/out'"

fresh 1
add 'CREATE TABLE t2 (n bigint);
COMMIT;'
check 'a file that ends its transaction is refused' refused
check '  before anything' tables 0
fresh 1
add 'CREATE TABLE t2 (n bigint); COMMIT; SELECT 1;'
check 'nor does one that hides it' refused
check '  and says so' said 'ended its transaction'
check '  it is not counted' applied 1

# Two at once: one waits for the other, each file is applied once.
fresh 0
add 'CREATE TABLE t1 (n bigint); SELECT pg_sleep(1);'
add 'CREATE TABLE t2 (n bigint); INSERT INTO t2 VALUES (1);'
"$EPIONECTL" migrate --database "$url" --dir "$dir" >"$WORK/first" 2>&1 &
first=$!
check 'two at once: the second succeeds' migrate
check '  and so does the first' wait $first
check '  once' applied 2
check '  and only once' [ "$(value 'SELECT count(*) FROM t2')" = 1 ]
check '  one of them had nothing to do' [ "$(cat "$WORK/first" "$WORK/out" | grep -c 'applied$')" = 2 ]

# kill -9 in the middle: the next one finds all or nothing.
fresh 0
add 'CREATE TABLE t1 (n bigint);'
add 'CREATE TABLE t2 (n bigint); SELECT pg_sleep(3);'
"$EPIONECTL" migrate --database "$url" --dir "$dir" >"$WORK/first" 2>&1 &
first=$!
soon "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
kill -9 $first
wait $first 2>/dev/null
check 'after kill -9 the next run completes' migrate
check '  both' applied 2

# A table in use: the migration gives up, it does not stop everybody else.
fresh 1
check 'before the lock' migrate
add 'ALTER TABLE t1 ADD more bigint;'
psql -X -q -d "$url" -c 'BEGIN; LOCK TABLE t1; SELECT pg_sleep(90)' >/dev/null 2>&1 &
holder=$!
soon "SELECT 1 FROM pg_locks WHERE relation = 't1'::regclass AND mode = 'AccessExclusiveLock' AND granted"
check 'a table in use fails soon' refused
check '  with the lock as its reason' said 55P03
psql -X -q -d "$url" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()" >/dev/null 2>&1
wait $holder 2>/dev/null

url='postgresql://nobody@/x?host=/nonexistent'
check 'no database: an error' refused
check '  that names the socket' said '/nonexistent/'
"$EPIONECTL" migrate >"$WORK/out" 2>&1
check 'no arguments: status 2' [ $? = 2 ]
"$EPIONECTL" migrate --database x --status --dry-run >"$WORK/out" 2>&1
check 'arguments that exclude each other: status 2' [ $? = 2 ]
"$EPIONECTL" migrate --help >"$WORK/out" 2>&1
check 'help: status 0' [ $? = 0 ]
exit $failed
