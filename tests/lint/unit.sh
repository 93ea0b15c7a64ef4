#!/bin/sh
# systemd's own opinion of the units in conf/: that it understands them, and how
# much of the machine each leaves open, in tenths (0 nothing, 100 everything). No
# systemd has to run for that.
set -eu
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

check() { # check NAME MOST
	# It looks for the program, which is not installed here.
	sed "s|^ExecStart=/usr/local/bin/|ExecStart=$PWD/build/|" \
		"conf/$1.service" >"$dir/$1.service"
	said=$(systemd-analyze verify --recursive-errors=no "$dir/$1.service" 2>&1) ||
		true
	[ -z "$said" ] || {
		echo "$said" >&2
		exit 1
	}
	systemd-analyze security --offline=true --threshold="$2" --no-pager \
		"$dir/$1.service" >"$dir/said" 2>&1 || {
		grep -v '^✓' "$dir/said" >&2
		exit 1
	}
	tail -n 1 "$dir/said"
}
check epione 27
check epione-jobs 15
