#!/bin/sh
# PostgreSQL over the network: TLS with a certificate that is checked, or no
# start. A cluster of its own, on 127.0.0.1; PORT from TLS_PORT.
set -u
port=${TLS_PORT:-24201}
d="$WORK/tls"
failed=0
served=40 # tests/db/strict_test.c
not_served=41

check() {
	what=$1
	shift
	if "$@"; then
		echo "ok   $what"
	else
		echo "FAIL $what"
		failed=1
	fi
}

# Each is its own authority.
certificate() { # NAME HOST
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$WORK/$1.key" -out "$WORK/$1.crt" -days 2 \
		-subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
}

certificate right localhost
certificate wrong localhost
certificate elsewhere db.example

tools/cluster.sh start "$d"
export PGPASSFILE="$d/pgpass"
super=$(tools/cluster.sh address "$d" super)
data=$(psql -X -q -A -t -d "$super" -c 'SHOW data_directory')
psql -X -q -d "$super" -c "ALTER SYSTEM SET listen_addresses = '127.0.0.1'" \
	-c 'ALTER SYSTEM SET ssl = on'
use() {
	cp "$WORK/$1.crt" "$data/server.crt"
	cp "$WORK/$1.key" "$data/server.key"
	chmod 0600 "$data/server.key"
	[ "$(id -u)" != 0 ] || chown postgres: "$data/server.crt" "$data/server.key"
	tools/cluster.sh stop "$d"
	tools/cluster.sh start "$d"
}
# the socket is named after the port, so the port is changed by nobody else
sed -i "s/^host  *all  *all  *127.0.0.1.*/hostssl all all 127.0.0.1\/32 scram-sha-256/" "$data/pg_hba.conf"
sed -i "s/^port = .*/port = $port/" "$data/postgresql.conf"
use right
url=$(tools/cluster.sh address "$d" owner | sed "s|@/\(.*\)?.*|@localhost:$port/\1?hostaddr=127.0.0.1|")

psql_owner() {
	psql -X -q -d "$1&sslmode=verify-full&sslrootcert=$WORK/right.crt" -f tests/db/schema.sql
}
check 'over TLS, as libpq alone sees it' psql_owner "$url"

verify="sslmode=verify-full&sslrootcert=$WORK/right.crt"
serve() {
	how=serve
	[ "$2" = $served ] || how=refuse
	SERVER_URL="$url&$1" "$BUILD_DB/strict_test" $how 2>"$WORK/out"
	[ $? = "$2" ]
}
# the owner's statements are the server's here
check 'the right authority' serve "$verify" $served
check 'another authority' serve "sslmode=verify-full&sslrootcert=$WORK/wrong.crt" $not_served
check 'no authority' serve "sslmode=verify-full&sslrootcert=$WORK/nothing.crt" $not_served
check 'unchecked' serve 'sslmode=require' $not_served
check '  is not even tried' grep -q db_conninfo_refused "$WORK/out"
check 'in the clear' serve 'sslmode=disable' $not_served
check '  is not even tried' grep -q db_conninfo_refused "$WORK/out"
over_tls() {
	SERVER_URL="$url&$verify" OWNER_URL="$url&$verify" \
		SUPER_URL=$(tools/cluster.sh address "$d" super |
			sed "s|/postgres?|/epione?|; s|port=5432|port=$port|") \
		"$BUILD_DB/value_test" >"$WORK/out" 2>&1 || {
		cat "$WORK/out"
		false
	}
}
check 'values of every size' over_tls
use elsewhere
check 'the name of another host' serve "sslmode=verify-full&sslrootcert=$WORK/elsewhere.crt" $not_served

tools/cluster.sh teardown "$d"
exit $failed
