#!/bin/sh
# The suite of our Kore: tests/edge/run.sh [name of one test file | --build]
#
# Builds Kore and the test application, makes throw-away certificates and runs
# the tests; each starts servers on loopback and stops them by their pid.
#   SAN=1         under ASan and UBSan, sandbox open
#   EDGE_PORT     first of the ports used (24000)
#   EDGE_WITHOUT  numbers of patches to leave out, EDGE_ONLY the number whose
#                 tests are run: for unpatched.sh
set -eu
cd "$(dirname "$0")/../.."

CC=${CC:-gcc}
build=build${SAN:+/asan}${EDGE_WITHOUT:+/without-${EDGE_WITHOUT%% *}}
out=$build/edge
kore=$build/kore
mkdir -p "$out"

lacks= less=
for n in ${EDGE_WITHOUT:-}; do
	lacks="$lacks -DEDGE_WITHOUT_$n"
	less="$less %/$(basename deps/kore/"$n"-*.patch)"
	[ "$n" != 32 ] || unused='accesslog auth filemap fileref validator'
done
make -s -f deps/kore/build.mk CC="$CC" KORE_BUILD="$kore" ${SAN:+SAN=1} \
	KORE_LESS="$less" KORE_UNUSED="${unused:-}" >&2

if [ -n "${SAN:-}" ]; then
	flags="-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
	    -fno-omit-frame-pointer -DKORE_POOL_MALLOC -DEDGE_NO_SANDBOX"
else
	flags="-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong"
fi
# shellcheck disable=SC2086 # flags are words
$CC -std=gnu11 -g -fPIE -pie -rdynamic $flags $lacks -D_GNU_SOURCE \
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

[ "${1:-}" != --build ] || exit 0

export EDGE_OUT="$PWD/$out" EDGE_KORE="$PWD/$kore" EDGE_SAN="${SAN:-}"
export EDGE_PORT="${EDGE_PORT:-24000}"
export ASAN_OPTIONS=detect_leaks=0
[ $# -gt 0 ] || set -- tests/edge/*.test.mjs
exec node --test --test-concurrency=1 --test-timeout=300000 \
	${EDGE_ONLY:+--test-name-pattern="^(\\d\\d )*$EDGE_ONLY "} "$@"
