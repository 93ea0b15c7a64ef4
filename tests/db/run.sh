#!/bin/sh
# Tests of the database layer against a real PostgreSQL: makes a cluster of its
# own in a temporary folder and removes it.
#
#   tests/db/run.sh [NAME...]     e.g. run.sh tx loss; all without a name
#
# BUILD, CC and SAN as for make; VERBOSE=1 shows the log.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
make=${MAKE:-make}
build=${BUILD:-build}
san=
if [ -n "${SAN:-}" ]; then
	build=build/asan
	san='-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
fi
"$make" --no-print-directory BUILD="$build" ${SAN:+SAN=1} all
case $build in /*) ;; *) build=$top/$build ;; esac
out=$build/db
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}

mkdir -p "$out"
"$build/sqlgen" -o "$out" src/tables/fields.def tests/db/probe.sql \
	sql/queries/class_key.sql sql/queries/tx.sql

# Our queries stand in front of the library's: it is linked for the rest. Tests run
# on a fiber: what does not fit its stack would write into whatever lies beside it.
stack='-fstack-clash-protection -Wframe-larger-than=16384'
compile() {
	# shellcheck disable=SC2086
	${CC:-cc} -std=gnu11 -O1 -g ${san:-$stack} -Wall -Wextra -Werror -Wshadow \
		-Wmissing-prototypes -Wwrite-strings -D_GNU_SOURCE \
		-I"$out" -Isrc -I"$(pg_config --includedir)" -o "$out/$1_test" \
		"tests/db/$1_test.c" tests/db/harness.c "$out/sql.c" \
		"$build/libepione.a" -lpq -lssl -lcrypto -ljansson -loath \
		-largon2 -lutf8proc -lqrencode -lpthread -ldl -lcmocka
}

work=$(mktemp -d "${TMPDIR:-/tmp}/epione-db.XXXXXX")
chmod 0711 "$work"
trap 'tools/cluster.sh teardown "$work/pg"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
tools/cluster.sh start "$work/pg"
# without passwords: a command line is everybody's to read
export PGPASSFILE="$work/pg/pgpass"
SERVER_URL=$(tools/cluster.sh address "$work/pg" server)
OWNER_URL=$(tools/cluster.sh address "$work/pg" owner)
SUPER_URL=$(tools/cluster.sh address "$work/pg" super | sed 's|/postgres?|/epione?|')
export SERVER_URL OWNER_URL SUPER_URL
export CLUSTER="$work/pg" EPIONECTL="$build/epionectl" WORK="$work" BUILD_DB="$out"
psql -X -q -v ON_ERROR_STOP=1 -d "$OWNER_URL" -f tests/db/schema.sql

[ $# -gt 0 ] || set -- value tx shared loss listen key strict tls migrate cluster list audit rows
failed=
for name in "$@"; do
	echo "== tests/db/$name"
	if [ "$name" = tls ]; then # what it runs
		compile strict
		compile value
	fi
	if [ -f "tests/db/${name}_test.sh" ]; then
		sh "tests/db/${name}_test.sh" || failed="$failed $name"
	else
		compile "$name"
		"$out/${name}_test" || failed="$failed $name"
	fi
done
#= AU-03: nor does PostgreSQL's own log quote what went wrong
if grep -q CANARY "$work/pg/cluster/data/server.log"; then
	echo "server.log quotes values" >&2
	failed="$failed log"
fi
[ -z "$failed" ] || {
	echo "failed:$failed" >&2
	exit 1
}
