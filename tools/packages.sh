#!/bin/sh
# packages.sh run|check [--list]: installs the Debian packages that are missing.
# "run" is what ./demo needs; "check" adds what ./check needs.
set -eu

build='make gcc libc6-dev pkg-config patch kore libssl-dev libpq-dev
	libjansson-dev libcurl4-openssl-dev liboath-dev libargon2-dev
	libutf8proc-dev libqrencode-dev libzxcvbn-dev libgfshare-dev libpango1.0-dev
	fonts-dejavu-core postgresql-15 openssl
	ca-certificates util-linux iproute2'
suite='clang clang-format clang-tidy cppcheck pmccabe valgrind libcmocka-dev
	git curl python3 coturn oathtool zbar-tools chromium chromium-headless-shell
	poppler-utils haproxy procps wrk slowhttptest sslscan systemd
	ceph-mon ceph-osd ceph-common radosgw'

case ${1:-} in
run) wanted=$build ;;
check) wanted="$build $suite" ;;
*) echo "usage: $0 run|check [--list]" >&2; exit 2 ;;
esac
# A newer Node than Debian's may stand where npm's package would conflict.
if [ "$1" = check ] && ! command -v npm >/dev/null 2>&1; then
	wanted="$wanted nodejs npm"
fi
if [ "${2:-}" = --list ]; then
	echo $wanted
	exit 0
fi

missing=
for p in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

as=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "These packages are missing, and this is not root:$missing" >&2
		echo "Run: apt-get install$missing" >&2
		exit 1
	}
	as=sudo
fi
# Debian starts a cluster of its own with the package; ours is private.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	$as mkdir -p /etc/postgresql-common
	echo 'create_main_cluster = false' |
		$as tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "Installing packages:$missing"
if ! { $as env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
	$as env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
		--no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	echo "The packages could not be installed (see above). Is the network" \
		"there, and the disk not full (df -h)?" >&2
	exit 1
fi
