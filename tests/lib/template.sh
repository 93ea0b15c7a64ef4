#!/bin/sh
# template.sh: prints the path of a packed clinic that startClinic() unpacks, so
# that a file of tests does not make database, keys and people anew. It is made
# when there is none, or when what makes it has changed.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$top/${BUILD:-build}
key=$(cat "$build/epionectl" "$top"/sql/migrations/*.sql "$top/sql/roles.sql" \
	"$top/tools/clinic.sh" "$top/tools/cluster.sh" | sha256sum | cut -c1-16)
packed=$build/clinic-$key.tar
exec 9>"$build/clinic.lock"
flock 9
if [ -z "$(find "$packed" -size +0 -mmin -600 2>/dev/null)" ]; then
	dir=$(mktemp -d "${TMPDIR:-/tmp}/epione-template.XXXXXX")
	trap '"$top/tools/cluster.sh" teardown "$dir/pg" 9>&-; rm -rf "$dir"' EXIT
	chmod 0711 "$dir"
	# nothing listens: the port is the clinic's that unpacks it
	"$top/tools/clinic.sh" prepare "$dir" 1 9>&- >&2
	"$top/tools/clinic.sh" stop "$dir" >&2
	tar -cf "$packed.new" -C "$dir" people.json root.key tls pg
	mv "$packed.new" "$packed" # whoever unpacks the one before goes on with it
	find "$build" -maxdepth 1 -name 'clinic-*.tar' ! -path "$packed" -delete
fi
echo "$packed"
