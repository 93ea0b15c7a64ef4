#!/bin/bash
# cluster.sh: a private PostgreSQL in one folder: a Unix socket and no port,
# SCRAM passwords, checksums, fsync on.
#
#   cluster.sh start DIR              makes it if need be; returns when it answers
#   cluster.sh stop DIR
#   cluster.sh url DIR [ROLE]         connection string: server (default), owner,
#                                     jobs, reporter or super
#   cluster.sh address DIR [ROLE]     the same without its password, which is in
#                                     DIR/pgpass: for a command line, which all see
#   cluster.sh teardown DIR           stops it and deletes everything
#
# As root it runs as the user postgres. The files lie in DIR/cluster, unless that
# user cannot get there: then under /var/lib, and DIR/place says where. The socket
# has a folder of its own, so that a server can be confined to it.
set -euo pipefail

usage() {
	sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

fail() {
	echo "cluster.sh: $*" >&2
	exit 1
}

[ $# -ge 2 ] || usage
cmd=$1
case $cmd in start | stop | url | address | teardown) ;; *) usage ;; esac
if [ "$cmd" = start ]; then
	mkdir -p "$2" 2>/dev/null || fail "$2 cannot be made: is the disk full (df -h), or not yours?"
elif [ ! -d "$2" ]; then
	case $cmd in url | address) fail "$2 is not there: cluster.sh start $2" ;; esac
	exit 0
fi
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$(cd "$2" && pwd -P)
role=${3:-server}
port=5432 # part of the socket's name; nothing listens on the network
os_user=postgres
path_max=107
space_min_kb=131072
unset ${!PG@}
export LC_ALL=C.UTF-8
cd / # the folder we were called from may be closed to the database's user

as() {
	if [ "$(id -u)" = 0 ]; then
		HOME=/ setpriv --reuid="$os_user" --regid="$os_user" \
			--init-groups --no-new-privs "$@"
	else
		"$@"
	fi
}

read_place() {
	place=$dir/cluster
	if [ -s "$dir/place" ]; then
		read -r place <"$dir/place"
	fi
	data=$place/data
	socket=
	if [ -s "$dir/socket" ]; then
		read -r socket <"$dir/socket"
	fi
}

# Programs of the version that made the data; of the newest for new data.
find_programs() {
	local want='*'
	if [ -s "$data/PG_VERSION" ]; then
		read -r want <"$data/PG_VERSION"
	fi
	bin=$(ls -d /usr/lib/postgresql/$want/bin 2>/dev/null | sort -V | tail -n 1) || true
	if [ -z "$bin" ] && [ "$want" != '*' ]; then
		fail "the data in $data are of PostgreSQL $want, which is not installed: apt-get install postgresql-$want"
	fi
	PATH=$bin:/usr/bin:/bin:/usr/sbin:/sbin
	[ -n "$bin" ] && [ -x "$bin/initdb" ] && [ -x "$bin/psql" ] ||
		fail "PostgreSQL is not installed: apt-get install postgresql"
	if [ "$(id -u)" = 0 ] && ! id "$os_user" >/dev/null 2>&1; then
		fail "there is no user $os_user: apt-get install postgresql-common"
	fi
}

check_space() {
	local free
	free=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$space_min_kb" ] ||
		fail "the disk is full: $place has $((free / 1024)) MB left, $((space_min_kb / 1024)) MB are needed"
}

write_file() {
	(umask 077 && cat >"$1.new") && mv "$1.new" "$1" ||
		fail "$1 could not be written: is the disk full (df -h)?"
}

# In DIR if the database's user can get there, elsewhere if not.
choose_place() {
	[ ! -s "$dir/place" ] || return 0
	chmod 0711 "$dir"
	mkdir -p "$place" || fail "$dir cannot be written"
	chmod 0711 "$place"
	if ! as test -x "$place"; then
		rmdir "$place"
		place=$(mktemp -d /var/lib/epione.XXXXXX) ||
			fail "the user $os_user cannot enter $dir, and /var/lib is closed: use another folder"
		chmod 0711 "$place"
		echo "$place" | write_file "$dir/place"
		echo "cluster.sh: the user $os_user cannot enter $dir: the database's files are in $place" >&2
	fi
	read_place
	[ "$(id -u)" != 0 ] || chown "$os_user:" "$place"
}

# A socket's path holds 107 bytes; and it goes into connection strings as it is.
choose_socket() {
	local want=$place/sock
	if [ -z "$socket" ] || [ ! -d "$socket" ]; then
		case $want in
		*[!A-Za-z0-9_./-]*) want= ;;
		esac
		if [ -z "$want" ] || [ ${#want} -gt $((path_max - 14 - ${#port})) ]; then
			want=$(mktemp -d /tmp/epione.XXXXXX) || fail "/tmp is full or closed"
		fi
		socket=$want
		echo "$socket" | write_file "$dir/socket"
	fi
	mkdir -p "$socket"
	[ "$(id -u)" != 0 ] || chown "$os_user:" "$socket"
	chmod 0711 "$socket"
}

make_passwords() {
	local r
	for r in super owner server jobs reporter; do
		[ -s "$dir/$r.password" ] ||
			od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | write_file "$dir/$r.password"
	done
}

# For libpq (PGPASSFILE): a command line is everybody's to read.
write_pgpass() {
	local r
	{
		for r in owner server jobs reporter; do
			echo "*:*:*:epione_$r:$(password $r)"
		done
		echo "*:*:*:postgres:$(password super)"
	} | write_file "$dir/pgpass"
}

password() {
	[ -s "$dir/$1.password" ] || fail "no such role, or no cluster in $dir: $1"
	cat "$dir/$1.password"
}

# The last thing the database said, on one line.
why() {
	grep -hE 'FATAL|PANIC|initdb: error|No space left|could not' "$1" 2>/dev/null |
		tail -n 1 | cut -c 1-300
}

settings() {
	cat <<-END
		listen_addresses = ''
		port = $port
		password_encryption = 'scram-sha-256'
		shared_buffers = '64MB'
		max_connections = 60
		#= AU-03: no errors, no DETAIL, no statements: they quote rows
		log_min_messages = 'log'
		log_error_verbosity = 'terse'
		log_min_error_statement = 'panic'
		log_parameter_max_length_on_error = 0
	END
}

# Beside its final place, and renamed: half of a cluster is none.
make_data() {
	[ ! -s "$data/PG_VERSION" ] || return 0
	check_space
	rm -rf "$place/data.new"
	as mkdir -m 0700 "$place/data.new" || fail "$place cannot be written"
	as sh -c "umask 077; cat >'$place/data.new.password'" <"$dir/super.password"
	if ! as initdb -D "$place/data.new" -U postgres -E UTF8 --locale=C.UTF-8 \
		--pwfile="$place/data.new.password" --data-checksums \
		--auth-local=scram-sha-256 --auth-host=reject \
		>"$dir/initdb.log" 2>&1; then
		rm -rf "$place/data.new" "$place/data.new.password"
		fail "the cluster could not be made: $(why "$dir/initdb.log")"
	fi
	rm -f "$place/data.new.password"
	settings | as tee -a "$place/data.new/postgresql.conf" >/dev/null ||
		fail "the disk is full: $place"
	as mv "$place/data.new" "$data"
}

running() {
	[ -d "$data" ] && as pg_ctl -D "$data" -s status >/dev/null 2>&1 && ! dead
}

# After a crash the number in postmaster.pid may belong to somebody else by now,
# or to a process that nobody collects (a container without an init); PostgreSQL
# would not start then.
dead() {
	local pid
	read -r pid <"$data/postmaster.pid" || return 0
	! grep -q '^Name:[[:space:]]*postgres$' "/proc/$pid/status" 2>/dev/null ||
		grep -q '^State:[[:space:]]*Z' "/proc/$pid/status"
}

# Never while a process of the crashed cluster is left: it writes to our files.
clear_crash() {
	local p tries=300
	[ -f "$data/postmaster.pid" ] && dead || return 0
	while p=$(find /proc -maxdepth 2 -name cwd -lname "$data" 2>/dev/null) && [ -n "$p" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || fail "a process of a crashed database is left: $p"
		sleep 0.1
	done
	rm -f "$data/postmaster.pid" "$socket"/.s.PGSQL.*
}

run() {
	PGPASSWORD=$(password super) psql -X -q -v ON_ERROR_STOP=1 \
		-h "$socket" -p "$port" -U postgres -d postgres "$@"
}

make_roles() {
	[ ! -e "$dir/ready" ] || return 0
	{
		for r in owner server jobs reporter; do
			echo "\\set ${r}_password $(password $r)"
		done
		cat "$top/sql/roles.sql"
	} | run -f - >"$dir/roles.log" 2>&1 ||
		fail "the roles could not be made: $(tail -n 1 "$dir/roles.log")"
	: >"$dir/ready"
}

start() {
	find_programs
	choose_place
	make_passwords
	write_pgpass
	make_data
	choose_socket
	if ! running; then
		clear_crash
		check_space
		as pg_ctl -D "$data" -l "$data/server.log" -o "-k $socket" \
			-w -t 60 -s start >/dev/null 2>"$dir/start.log" ||
			fail "the database did not start: $(why "$data/server.log") (see $data/server.log)"
	fi
	make_roles
}

stop() {
	running || return 0
	as pg_ctl -D "$data" -m fast -w -t 20 -s stop >/dev/null 2>&1 ||
		as pg_ctl -D "$data" -m immediate -w -t 20 -s stop >/dev/null 2>&1 ||
		fail "the database does not stop (see $data/server.log)"
}

# address of a role, or with a second argument how to sign in besides.
address() {
	local user=epione_$1 name=epione
	case $1 in
	super) user=postgres name=postgres ;;
	owner | server | jobs | reporter) ;;
	*) fail "no such role: $1 (server, owner, jobs, reporter, super)" ;;
	esac
	[ -n "$socket" ] || fail "no cluster in $dir: cluster.sh start $dir"
	echo "postgresql://$user${2:-}@/$name?host=$socket&port=$port"
}

url() {
	local secret
	secret=$(password "$1") || exit
	address "$1" ":$secret"
}

teardown() {
	stop
	case $socket in /tmp/epione.*) rm -rf "$socket" ;; esac
	case $place in /var/lib/epione.*) rm -rf "$place" ;; esac
	rm -rf "$dir"
}

read_place
case $cmd in
url) url "$role" ;;
address) address "$role" ;;
start)
	# one at a time; the database must not inherit the lock
	exec 9>"$dir/lock" || fail "$dir is not yours"
	flock -w 60 9 || fail "somebody else has been starting this cluster for a minute"
	start 9>&-
	;;
*)
	[ ! -d "$data" ] || find_programs
	"$cmd"
	;;
esac
