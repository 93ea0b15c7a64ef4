#!/bin/sh
# kore.sh [SOURCES [CONF]]: uses of Kore that nobody has argued for, a line
# each. What Kore offers beside these is not built or not safe: cookies, forms,
# JSON, access logs, files, its PostgreSQL (deps/kore/README.md).
set -u
allowed=$(dirname "$0")/kore.allowed
sources=${1:-src}
conf=${2:-conf}

grep -rnoE --include='*.[ch]' '\b(http|kore|net|websocket)_[a-z0-9_]+\(' "$sources" |
	while IFS= read -r use; do
		name=${use##*:}
		grep -q "^${name%(} " "$allowed" || echo "$use"
	done

# Directives of parts that have no patches, and settings that undo one.
find "$conf" -type f -name 'kore*' -exec grep -nHE '^[[:space:]]*(load|include|file|filemap|filemap_ext|filemap_index|redirect|return|static|dynamic|accesslog|restrict|validator|params|validate|authentication|authentication_[a-z]+|rand_file|tls_dhparam|client_verify|client_verify_depth|http_media_type|http_body_disk_path|http_server_version|seccomp_tracing|deployment|(acme|curl|pgsql|python|task)_[a-z_]+)[[:space:]]' {} +
find "$conf" -type f -name 'kore*' -exec grep -nHE '^[[:space:]]*(worker_death_policy|http_body_disk_offload|http_request_ms|tls_version|http_hsts_enable|http_pretty_error)[[:space:]]' {} + |
	grep -vE '(worker_death_policy[[:space:]]+restart|http_body_disk_offload[[:space:]]+0|http_request_ms[[:space:]]+1000000|tls_version[[:space:]]+(both|1\.3)|http_hsts_enable[[:space:]]+0|http_pretty_error[[:space:]]+no)$'
exit 0
