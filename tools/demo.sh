#!/bin/sh
# demo.sh PORT: prepares the demo clinic under var/ and serves it. The binaries
# are built already (make run).
set -eu
cd "$(dirname "$0")/.."
port=${1:-8443}
fresh=no
[ -s var/people.json ] || fresh=yes
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -lt 500 ]; then
	echo "Only $free MiB of disk are free here; the demo wants 500. Make room and start again." >&2
	exit 1
fi
tools/clinic.sh prepare var "$port"
echo
echo "Epione is at  https://localhost:$port"
echo "(Its certificate is this machine's own: the browser asks once whether you trust it.)"
echo
if [ "$fresh" = yes ]; then
	build/epionectl demo people --people var/people.json
	echo
	echo "These passwords are shown this once. Codes of the authenticator app:  ./demo codes"
else
	echo "People and passwords are those of the first start. Codes:  ./demo codes"
fi
echo "Log: var/server.log.  Stop with Ctrl-C."
echo
exec tools/clinic.sh serve var
