#!/bin/sh
# The suite of our Kore: tests/edge/run.sh [name of one test file]
#
# Builds Kore and the test application, makes throw-away certificates and runs
# the tests; each starts servers on loopback and stops them by their pid.
#   SAN=1      under ASan and UBSan, sandbox open
#   EDGE_PORT  first of the ports used (24000)
set -eu
cd "$(dirname "$0")/../.."

CC=${CC:-gcc}
out=build/${SAN:+asan/}edge
kore=build/${SAN:+asan/}kore
mkdir -p "$out"

make -s -f deps/kore/build.mk CC="$CC" KORE_BUILD="$kore" ${SAN:+SAN=1} >&2

if [ -n "${SAN:-}" ]; then
	flags="-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
	    -fno-omit-frame-pointer -DKORE_POOL_MALLOC -DEDGE_NO_SANDBOX"
else
	flags="-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong"
fi
# shellcheck disable=SC2086 # flags are words
$CC -std=gnu11 -g -fPIE -pie -rdynamic $flags -D_GNU_SOURCE \
	-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wsign-compare -Wformat=2 \
	-I"$kore/src/include" -o "$out/app" tests/edge/app.c \
	-Wl,--whole-archive "$kore/libkore.a" -Wl,--no-whole-archive \
	-Wl,-z,relro,-z,now -lssl -lcrypto -ldl -lpthread

cert() { # name, key type...
	[ -s "$out/$1.crt" ] && return
	name=$1
	shift
	openssl req -x509 -nodes -days 30 -subj /CN=localhost -newkey "$@" \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
		-keyout "$out/$name.key" -out "$out/$name.crt" 2>/dev/null
}
cert ec ec -pkeyopt ec_paramgen_curve:P-256
cert ec2 ec -pkeyopt ec_paramgen_curve:P-256
cert rsa rsa:2048

export EDGE_OUT="$PWD/$out" EDGE_SAN="${SAN:-}" EDGE_PORT="${EDGE_PORT:-24000}"
export ASAN_OPTIONS=detect_leaks=0
[ $# -gt 0 ] || set -- tests/edge/*.test.mjs
exec node --test --test-concurrency=1 --test-timeout=300000 "$@"
