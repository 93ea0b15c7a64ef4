#!/bin/sh
# schema.sh: sql/schema.sql, the tables as all migrations leave them.
#
#   schema.sh          writes it
#   schema.sh check    says what differs, and fails if anything does
#
# Makes a cluster of its own for it. BUILD names the folder of epionectl.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-write} in
write | check) ;;
*)
	sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
epionectl=${BUILD:-build}/epionectl
case $epionectl in /*) ;; *) epionectl=$top/$epionectl ;; esac

work=$(mktemp -d "${TMPDIR:-/tmp}/epione-schema.XXXXXX")
chmod 0711 "$work"
trap '"$top/tools/cluster.sh" teardown "$work/pg"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
"$top/tools/cluster.sh" start "$work/pg"
export PGPASSFILE="$work/pg/pgpass"
owner=$("$top/tools/cluster.sh" address "$work/pg" owner)
"$epionectl" migrate --database "$owner" --dir "$top/sql/migrations" >"$work/out" 2>&1 || {
	cat "$work/out" >&2
	exit 1
}

# What differs from one minor version of pg_dump to the next is left out, and
# so are the months of the log, which differ from one day to another.
pg_dump --schema-only --no-tablespaces -T 'audit_log_[0-9]*' -d "$owner" >"$work/dump" || exit 1
{
	echo '-- Made by tools/schema.sh from sql/migrations; not run by anything.'
	sed -e '/^--/d' -e '/^\\restrict /d' -e '/^\\unrestrict /d' \
		-e '/^SET /d' -e '/^SELECT pg_catalog.set_config/d' \
		-e 's/[[:space:]]*$//' "$work/dump" | cat -s
} >"$work/schema.sql"

if [ "${1:-write}" = check ]; then
	diff -u "$top/sql/schema.sql" "$work/schema.sql" || {
		echo "sql/schema.sql is not what the migrations make: run tools/schema.sh" >&2
		exit 1
	}
else
	cp "$work/schema.sql" "$top/sql/schema.sql"
fi
