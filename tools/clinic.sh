#!/bin/sh
# clinic.sh: a whole clinic in one folder: private PostgreSQL, keys,
# certificate, settings, demo people; for ./demo and for the tests.
#
#   clinic.sh prepare DIR PORT   makes or updates it; the database runs after
#   clinic.sh serve DIR          serves until INT or TERM, then stops the
#                                database too; the log is DIR/server.log
#   clinic.sh server DIR         the server alone, in the foreground
#   clinic.sh jobs DIR           epione-jobs alone, in the foreground
#   clinic.sh mailbox DIR        the demo's mail relay, and a page of what it got
#   clinic.sh store DIR          the demo's store of recordings
#   clinic.sh checkout DIR       the demo's pretend processor of payments
#   clinic.sh stop DIR           stops the database
#
# BUILD names the folder of the binaries (default: build).
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/${BUILD:-build}
cmd=${1:-}
dir=${2:-}
[ -n "$cmd" ] && [ -n "$dir" ] || {
	sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
mkdir -p "$dir" 2>/dev/null || {
	echo "$dir cannot be made: is the disk full (df -h), or not yours?" >&2
	exit 1
}
dir=$(cd "$dir" && pwd)

fail() {
	echo "$*" >&2
	exit 1
}

port_is_free() {
	! ss -Hltn "sport = :$1" | grep -q .
}

# A file that only its owner reads, from standard input, all of it or none.
write_private() {
	(umask 077 && cat >"$1.new") && mv "$1.new" "$1" ||
		fail "$1 could not be written: is the disk full (df -h)?"
}

make_certificate() {
	[ -s "$dir/tls/key.pem" ] && [ -s "$dir/tls/cert.pem" ] && return
	mkdir -p "$dir/tls"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$dir/tls/key.pem" -out "$dir/tls/cert.pem" -days 397 \
		-subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null ||
		fail "openssl could not make a certificate in $dir/tls"
	if [ "$(id -u)" = 0 ]; then
		chown daemon: "$dir/tls" "$dir/tls/key.pem" "$dir/tls/cert.pem"
	fi
	chmod 0400 "$dir/tls/key.pem"
	chmod 0755 "$dir/tls"
}

# Of the demo's store, which is on this machine.
make_credentials() {
	[ -n "${STORE_PORT:-}" ] && [ ! -s "$dir/store.credentials" ] || return 0
	echo "demo $(openssl rand -hex 20)" | write_private "$dir/store.credentials"
}

# Of the demo's pretend processor: a key of test mode, and what it signs with.
make_checkout_secrets() {
	[ -n "${CHECKOUT_PORT:-}" ] && [ ! -s "$dir/stripe.webhook" ] || return 0
	echo "sk_test_$(openssl rand -hex 20)" | write_private "$dir/stripe.key"
	echo "whsec_$(openssl rand -hex 20)" | write_private "$dir/stripe.webhook"
}

# host= of the socket as the confined server sees it: its root is the folder
# that holds the socket and nothing else.
server_conninfo() {
	url=$("$top/tools/cluster.sh" url "$dir/pg" server)
	if [ "$(id -u)" = 0 ]; then
		echo "$url" | sed "s|host=[^& ]*|host=/|"
	else
		echo "$url"
	fi
}

socket_folder() {
	"$top/tools/cluster.sh" url "$dir/pg" server |
		sed 's|.*host=\([^& ]*\).*|\1|'
}

checkout_settings() {
	[ -n "${CHECKOUT_PORT:-}" ] || return 0
	echo "stripe_url https://localhost:$((CHECKOUT_PORT + 1))"
	echo "stripe_ca $dir/tls/cert.pem"
	echo "stripe_key $dir/stripe.key"
}

write_settings() {
	cat <<-END | write_private "$dir/epione.conf"
		origin https://localhost:$port
		database $(server_conninfo)
		root_key $dir/root.key
		assets $top/assets
		workers 2
		turn_urls ${TURN_URLS:-}
		${TURN_SECRET_FILE:+turn_secret $TURN_SECRET_FILE}
		${CHECKOUT_PORT:+stripe_webhook_secret $dir/stripe.webhook}
		${EPIONE_SETTINGS:-}
	END
	# its own role, on the socket itself: it is not confined to a folder
	cat <<-END | write_private "$dir/epione-jobs.conf"
		origin https://localhost:$port
		database $("$top/tools/cluster.sh" url "$dir/pg" jobs)
		root_key $dir/root.key
		$(checkout_settings)
		${EPIONE_JOBS_SETTINGS:-}
	END
	sed -e "s|@HOST@|127.0.0.1|; s|@PORT@|$port|; s|@WORKERS@|2|" \
		-e "s|@ROOT@|$(socket_folder)|; s|@RUNAS@|nobody|" \
		-e "s|@KEYMGR_ROOT@|$dir/tls|; s|@KEYMGR_RUNAS@|daemon|" \
		-e "s|@PIDFILE@|$dir/epione.pid|" \
		-e "s|@CERT@|$(tls_path cert.pem)|; s|@KEY@|$(tls_path key.pem)|" \
		"$top/conf/kore.conf.in" | write_private "$dir/kore.conf"
}

# The key manager is confined to its folder when it may be.
tls_path() {
	if [ "$(id -u)" = 0 ]; then echo "/$1"; else echo "$dir/tls/$1"; fi
}

# EPIONE_TEMPLATE is a clinic made before and packed (tests/lib/template.sh).
unpack() {
	[ -n "${EPIONE_TEMPLATE:-}" ] && [ ! -s "$dir/people.json" ] || return 0
	tar -xf "$EPIONE_TEMPLATE" -C "$dir" ||
		fail "$EPIONE_TEMPLATE could not be unpacked: is the disk full (df -h)?"
	rm -f "$dir/pg/socket" # named after the folder
}

prepare() {
	port=${1:?clinic.sh prepare DIR PORT}
	unpack
	port_is_free "$port" ||
		fail "Port $port is in use. Stop what listens there, or choose another: ./demo --port 8444"
	"$top/tools/cluster.sh" start "$dir/pg"
	export PGPASSFILE="$dir/pg/pgpass"
	owner=$("$top/tools/cluster.sh" address "$dir/pg" owner)
	"$build/epionectl" migrate --database "$owner" \
		--dir "$top/sql/migrations" >"$dir/migrate.log" 2>&1 || {
		cat "$dir/migrate.log" >&2
		fail "The database could not be brought up to date (see above)."
	}
	[ -s "$dir/root.key" ] || "$build/epionectl" key init "$dir/root.key" >/dev/null
	make_certificate
	make_credentials
	make_checkout_secrets
	write_settings
	local_server=$("$top/tools/cluster.sh" address "$dir/pg" server)
	people
	unset PGPASSFILE
	# its people were made through links that are shown: mail comes after them
	[ -z "${EPIONE_MAIL_SETTINGS:-}" ] ||
		echo "$EPIONE_MAIL_SETTINGS" >>"$dir/epione.conf"
}

people() {
	if [ ! -s "$dir/people.json" ]; then
		seed
	else
		(umask 077 && "$build/epione-demo" seed \
			--config "$dir/epione.conf" --database "$local_server" \
			--people "$dir/people.json" >"$dir/people.json.new" \
			2>"$dir/seed.log") &&
			mv "$dir/people.json.new" "$dir/people.json" || {
			grep -v db_connected "$dir/seed.log" >&2
			fail "Today's visits could not be booked (see above)."
		}
	fi
}

# The first administrator and the officer, who confirms what the administrator
# asks for, get links, as in a real clinic; all others follow through the gate.
seed() {
	{ "$build/epionectl" clinic add --config "$dir/epione.conf" \
		--database "$owner" --name "Harbor Family Clinic" >/dev/null &&
		link=$("$build/epionectl" user add --config "$dir/epione.conf" \
			--database "$owner" --role admin \
			--email admin@demo.example --name "Ada Keller") &&
		second=$("$build/epionectl" user add \
			--config "$dir/epione.conf" --database "$owner" \
			--role compliance --email compliance@demo.example \
			--name "Tom Achterberg") &&
		printf '%s\n%s\n' "$link" "$second" |
		"$build/epione-demo" seed --config "$dir/epione.conf" \
			--database "$local_server" ${CHECKOUT_PORT:+--fees} |
			write_private "$dir/people.json" &&
		[ -s "$dir/people.json" ]; } 2>"$dir/seed.log" || {
		grep -v db_connected "$dir/seed.log" >&2
		rm -f "$dir/people.json"
		fail "The demo clinic could not be made (see above). Start afresh with ./demo --reset"
	}
	# a clinic to look at records calls; any other has to be told to
	[ -z "${STORE_PORT:-}" ] ||
		psql -X -q -d "$owner" -c 'UPDATE clinic SET recording = 1'
}

server() {
	set -- --config "$dir/epione.conf" --kore "$dir/kore.conf"
	[ "$(id -u)" = 0 ] || set -- "$@" --unprivileged
	cd "$dir" && exec "$build/epione" "$@"
}

jobs() {
	cd "$dir" && exec "$build/epione-jobs" --config "$dir/epione-jobs.conf"
}

# MAILBOX_PORT: the page; the relay listens one above.
mailbox() {
	exec "$build/epione-demo" mailbox "$dir/mail" "$dir/tls" \
		$((MAILBOX_PORT + 1)) "$MAILBOX_PORT"
}

# STORE_PORT: where it listens.
store() {
	exec "$build/epione-demo" store "$dir/store" "$dir/store.credentials" \
		"$STORE_PORT" "$(sed -n 's/^origin //p' "$dir/epione.conf")"
}

# CHECKOUT_PORT: the page to pay at; the API listens one above.
checkout() {
	exec "$build/epione-demo" checkout "$dir" $((CHECKOUT_PORT + 1)) \
		"$CHECKOUT_PORT" "$(sed -n 's/^origin //p' "$dir/epione.conf")"
}

stop_database() {
	"$top/tools/cluster.sh" stop "$dir/pg" || true
}

serve() {
	# in a session of its own: Ctrl-C reaches us alone, and we stop it in order
	setsid "$0" server "$dir" >>"$dir/server.log" 2>&1 &
	pid=$!
	beside=
	for part in ${STORE_PORT:+store} ${CHECKOUT_PORT:+checkout} jobs ${MAILBOX_PORT:+mailbox}; do
		setsid "$0" $part "$dir" >>"$dir/$part.log" 2>&1 &
		beside="$beside $!"
	done
	trap 'told=yes; kill -TERM $pid 2>/dev/null || true' INT TERM
	# a trapped signal ends a wait with its own number, and not yet the server
	while :; do
		told=
		code=0
		wait $pid || code=$?
		[ -n "$told" ] && [ $code -gt 128 ] || break
	done
	trap - INT TERM
	kill -TERM $beside 2>/dev/null || true
	wait
	stop_database
	[ $code = 0 ] || {
		echo "The server stopped with status $code. Its last words (of $dir/server.log):" >&2
		tail -n 3 "$dir/server.log" >&2
	}
	return $code
}

case $cmd in
prepare) shift 2; prepare "$@" ;;
serve) serve ;;
server) server ;;
jobs) jobs ;;
mailbox) mailbox ;;
store) store ;;
checkout) checkout ;;
stop) stop_database ;;
*) fail "clinic.sh: '$cmd' is not known: prepare, serve, server, jobs, mailbox, store, checkout or stop" ;;
esac
