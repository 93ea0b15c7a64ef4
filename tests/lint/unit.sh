#!/bin/sh
# systemd's own opinion of conf/epione.service: that it understands it, and how
# much of the machine it leaves open, in tenths (0 nothing, 100 everything). No
# systemd has to run for that.
set -eu
cd "$(dirname "$0")/../.."
most=27

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# It looks for the program, which is not installed here.
sed "s|^ExecStart=/usr/local/bin/epione|ExecStart=$PWD/build/epione|" \
	conf/epione.service >"$dir/epione.service"

said=$(systemd-analyze verify --recursive-errors=no "$dir/epione.service" 2>&1) ||
	true
[ -z "$said" ] || {
	echo "$said" >&2
	exit 1
}
systemd-analyze security --offline=true --threshold=$most --no-pager \
	"$dir/epione.service" >"$dir/said" 2>&1 || {
	grep -v '^✓' "$dir/said" >&2
	exit 1
}
tail -n 1 "$dir/said"
