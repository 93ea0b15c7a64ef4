#!/bin/sh
# Proof of the patches: tests/edge/unpatched.sh [NUMBER...]
#
# For each patch of deps/kore: builds Kore without it (and without those that
# do not apply then, or without all that follow), runs the tests whose names
# begin with its number, and says how many fail. A patch that no test misses is
# an error. VERBOSE=1 names those that fail.
#   EDGE_PORT  first of the ports used (24000)
set -u
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

number() { basename "$1" | cut -c1-2; }

# The patch and all that do not apply to a source that lacks it.
without() {
	rm -rf "$work/src" && cp -R "${KORE_SRC:-/usr/share/kore}" "$work/src"
	chmod -R u+w "$work/src"
	left=$1
	for p in deps/kore/[0-9]*.patch; do
		[ "$(number "$p")" != "$1" ] || continue
		for dry in --dry-run ''; do
			patch -p1 -s -f --fuzz=0 --no-backup-if-mismatch $dry \
				-d "$work/src" <"$p" >/dev/null 2>&1 || {
				left="$left $(number "$p")"
				break
			}
		done
	done
	echo "$left"
}

segments() { ipcs -m | awk '$2 ~ /^[0-9]+$/ { print $2 }' | sort; }

# Without some patches a server leaves processes and shared memory behind.
clear_up() {
	for exe in /proc/[0-9]*/exe; do
		[ "$(readlink "$exe")" != "$PWD/$1/edge/app" ] ||
			kill -KILL "$(echo "$exe" | cut -d/ -f3)" 2>/dev/null
	done
	segments | comm -13 "$work/segments" - | while read -r id; do
		maker=$(ipcs -m -p | awk -v id="$id" '$1 == id { print $3 }')
		[ -d "/proc/$maker" ] || ipcrm -m "$id"
	done
}

# Builds without these patches, and runs the tests of the first.
try() {
	rm -rf "build/without-$n"
	segments >"$work/segments"
	# shellcheck disable=SC2086 # files are words
	EDGE_WITHOUT=$less EDGE_ONLY=$n \
		timeout 900 sh tests/edge/run.sh $files >"$work/log" 2>&1
	clear_up "build/without-$n"
	[ -x "build/without-$n/edge/app" ]
}

prove() {
	n=$1
	files=$(grep -lE "['\`]([0-9]{2} )*$n " tests/edge/*.test.mjs)
	less=$(without "$n")
	# what does not build so is built of the patches before it
	try || {
		less=$(for p in deps/kore/[0-9]*.patch; do number "$p"; done |
			awk -v n="$n" '$1 >= n' | tr '\n' ' ')
		try
	}
	ran=$(grep -acE "^ *(not )?ok [0-9]+ - ([0-9]{2} )*$n " "$work/log")
	failed=$(grep -acE "^ *not ok [0-9]+ - ([0-9]{2} )*$n " "$work/log")
	name=$(basename deps/kore/"$n"-*.patch .patch)
	also=$(echo "$less" | cut -d' ' -f2- -s)
	printf '%-24s %3s of %3s tests fail%s\n' "$name" "$failed" "$ran" \
		"${also:+ (without $also as well)}"
	[ -z "${VERBOSE:-}" ] || grep -aE '^ *not ok' "$work/log"
	# that no server starts is a proof of the two that let it speak TLS only
	idle=$(grep -acE "error: .*did not start|^ +[a-z0-9-]+ did not start" "$work/log")
	case $n in
	01 | 03) ;;
	*) [ "$failed" -gt "$idle" ] || {
		echo "    none of them for another reason than that no server starts"
		failed=0
	} ;;
	esac
	[ "$failed" -gt 0 ] || {
		bad=1
		tail -n 20 "$work/log" | sed 's/^/    /'
	}
}

[ $# -gt 0 ] || set -- $(for p in deps/kore/[0-9]*.patch; do number "$p"; done)
for n; do
	prove "$n"
done
exit $bad
