#!/bin/sh
# demo.sh PORT [DIR]: prepares the demo clinic in DIR (var/) and serves it. The
# binaries are built already (make run).
set -eu
cd "$(dirname "$0")/.."
port=${1:-8443}
dir=${2:-$PWD/var}
fresh=no
[ -s "$dir/people.json" ] || fresh=yes
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -lt 500 ]; then
	echo "Only $free MiB of disk are free here; the demo wants 500. Make room and start again." >&2
	exit 1
fi
mailbox=$((port + 1))
store=$((port + 3))
checkout=$((port + 4))
for p in $mailbox $((mailbox + 1)) $store $checkout $((checkout + 1)); do
	if ss -Hltn "sport = :$p" | grep -q .; then
		echo "Port $p, which the demo's mailbox, store or checkout wants, is in use. Choose others: ./demo --port $((port + 10))" >&2
		exit 1
	fi
done
mail="smtp_url smtps://localhost:$((mailbox + 1))
smtp_from no-reply@demo.example"
recordings="store_endpoint http://localhost:$store
store_bucket recordings"
export MAILBOX_PORT=$mailbox EPIONE_MAIL_SETTINGS="$mail"
export STORE_PORT=$store CHECKOUT_PORT=$checkout EPIONE_SETTINGS="$recordings"
export EPIONE_JOBS_SETTINGS="$mail
$recordings
store_credentials $dir/store.credentials
smtp_ca $dir/tls/cert.pem"
tools/clinic.sh prepare "$dir" "$port"
echo
echo "Epione is at  https://localhost:$port"
echo "(Its certificate is this machine's own: the browser asks once whether you trust it.)"
echo
if [ "$fresh" = yes ]; then
	build/epione-demo people --people "$dir/people.json"
	echo
	echo "These passwords are shown this once. Codes of the authenticator app:  ./demo codes"
else
	echo "People and passwords are those of the first start. Codes:  ./demo codes"
fi
echo "Mail of the demo:  http://localhost:$mailbox"
echo "Payments:  sign in as patient@demo.example and pay for a visit; no card is asked for."
echo "           What payers and banks do:  http://localhost:$checkout"
echo "           Fees, who owes, refunds: as scheduler@demo.example or admin@demo.example."
echo "Logs: $dir/server.log, $dir/jobs.log.  Stop with Ctrl-C."
echo
exec tools/clinic.sh serve "$dir"
