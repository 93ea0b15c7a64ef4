#!/bin/sh
# wycheproof.sh FILE: Project Wycheproof's aes_gcm_test.json, taken out of
# Debian's package of it. Debian 12 has none: it comes from the next release,
# by lists of its own, so that nothing of that release can be installed here.
set -eu
package=librust-wycheproof-dev
release=trixie
sum=f7d77a3a059f30c80b05376a44286f79c50150537b9588e74d87158c2c64de80
file=${1:?wycheproof.sh FILE}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
: >"$work/state/status"

fail() {
	tail -n 3 "$work/log" >&2 2>/dev/null || true
	echo "wycheproof.sh: $*" >&2
	exit 1
}

# The mirror that this machine uses anyway.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	'Codename: bookworm' 'Component: main' | head -n 1)
[ -n "$mirror" ] ||
	fail "apt knows no mirror of Debian 12: run apt-get update as root first"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" \
	>"$work/sources.list"

apt() {
	apt-get -q -o Dir::Etc::SourceList="$work/sources.list" \
		-o Dir::Etc::SourceParts=- -o Dir::State="$work/state" \
		-o Dir::State::status="$work/state/status" \
		-o Dir::Cache="$work/cache" -o APT::Sandbox::User= \
		-o Acquire::Languages=none "$@" >"$work/log" 2>&1
}
apt update || fail "the list of $release could not be fetched: is the network there?"
(cd "$work" && apt download "$package") || fail "$package could not be fetched"
dpkg-deb -x "$work/$package"_*.deb "$work/package"
found=$(find "$work/package" -name aes_gcm_test.json)
echo "$sum  $found" | sha256sum --check --quiet --status ||
	fail "$package no longer holds the file that the test counts on"
mkdir -p "$(dirname "$file")"
cp "$found" "$file.new" && mv "$file.new" "$file"
