#!/bin/sh
# Rules of the house that a compiler does not know. Each prints file:line and
# what to do; the exit status is 1 if any rule is broken.
set -u
cd "$(dirname "$0")/../.."
bad=0

rule() { # rule "sentence" "findings"
	[ -z "$2" ] && return
	printf '%s\n%s\n' "$1" "$2" | sed '2,$s/^/  /' >&2
	bad=1
}
sources=$(git ls-files 'src/*.c' 'src/*.h')
tests=$(git ls-files 'tests/*.c' 'tests/*.h')
code=$(git ls-files 'src/*.c' 'src/*.h' 'tools/*.c' 'tools/*.h')

# A layer includes itself and those below.
layers() {
	for f in $sources; do
		layer=$(echo "$f" | cut -d/ -f2)
		case $layer in
		base) may='base' ;;
		data) may='base|data' ;;
		gate) may='base|data|gate' ;;
		care) may='base|data|gate|care' ;;
		edge | main.c) may='base|data|gate|care|edge' ;;
		ctl) may='base|data|gate|care|ctl' ;;
		demo) may='base|data|gate|care|ctl|demo' ;;
		jobs) may='base|data|gate|care|jobs' ;;
		tables) may='none' ;;
		*) may='' ;;
		esac
		grep -nE '^#include "(base|data|gate|care|edge|ctl|demo|jobs)/' "$f" |
			grep -vE "\"($may)/" | sed "s|^|$f:|"
		case $layer in edge | main.c) ;; *)
			grep -nE '^#include <kore/' "$f" | sed "s|^|$f:|" ;;
		esac
		[ "$layer" = jobs ] || [ "$f" = src/ctl/store_talk.c ] ||
			grep -nE '^#include <curl/' "$f" | sed "s|^|$f:|"
	done
}
rule 'A file includes its own layer and those below; Kore only in edge/ and main.c, libcurl in jobs/ and for store check:' "$(layers)"

# a role is a row: what cannot be generated from it is compared with it
roles() {
	names=$(sed -nE 's/^ROLE\( *[A-Z]+, *([a-z]+),.*/\1/p' src/tables/roles.def)
	column=$(sed -nE 's/^ \* +permission +([a-z ]+)$/\1/p' src/tables/perms.def)
	[ "$(echo "$names" | sort)" = "$(sed -nE "s/^ +role +text NOT NULL CHECK \(role IN \(([^)]*)\)\).*/\1/p" sql/migrations/0001_foundation.sql | tr -d "' " | tr , '\n' | sort)" ] ||
		echo 'sql/migrations/0001_foundation.sql: the CHECK of account.role'
	lasting=$(sed -nE '/ GUEST, +[A-Z]+ \)/!s/^ROLE\( *[A-Z]+, *([a-z]+),.*/\1/p' src/tables/roles.def)
	[ "$(echo $lasting)" = "$(echo $column)" ] || echo 'src/tables/perms.def: its columns'
	guests=$(sed -nE 's/^GUEST_ROLE\( *[A-Z]+, *([a-z]+),.*/\1/p' src/tables/guest_roles.def)
	[ "$(echo $guests)" = "$(echo $(sed -nE "s/^ +CONSTRAINT guest_role CHECK \(role IN \(([^)]*)\)\).*/\1/p" sql/migrations/0001_foundation.sql | tr -d "' " | tr , '\n'))" ] ||
		echo 'sql/migrations/0001_foundation.sql: the CHECK of guest.role, by src/tables/guest_roles.def'
	for name in $names; do
		grep -qE "[ {]$name: '" assets/js/format.js || echo "assets/js/format.js: no word for $name"
	done
}
rule 'Roles are those of src/tables/roles.def, in its order:' "$(roles)"

rule 'The portal asks what somebody may (\`may\`, or a fact in the answer), not who they are:' \
	"$(grep -nE "(\.role|\[.role.\]|\brole) *[!=]==? *[^=]|[!=]==? *[a-z.]*\.role\b|switch \(.*role" assets/js/*.js | grep -v 'name === user.role }')"

# memcmp is known and argued for by file and number of uses
banned() {
	grep -nE '(^|[^_[:alnum:]])(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|atoi|atol|gets|gmtime|localtime|strtok|rand|srand|system|popen|alloca)\(' $code
	for f in $(grep -lE '(^|[^_[:alnum:]])memcmp\(' $code); do
		n=$(grep -cE '(^|[^_[:alnum:]])memcmp\(' "$f")
		grep -q "^$f $n ." tests/lint/memcmp.allowed ||
			grep -nE '(^|[^_[:alnum:]])memcmp\(' "$f" | sed "s|^|$f:|"
	done
}
rule 'These calls are not used here (secret_equal compares secrets; tests/lint/memcmp.allowed lists the rest):' "$(banned)"

rule 'C holds no SQL (it lives in sql/):' "$(grep -nE '"[^"]*\b(SELECT .* FROM|INSERT INTO|UPDATE [a-z_]+ SET|DELETE FROM|CREATE TABLE)\b' $sources | grep -v '^src/ctl/migrate' | grep -v '^src/data/db_session')"

rule 'Of Kore we use what tests/lint/kore.allowed argues for, and set what its patches expect:' "$(sh tests/lint/kore.sh)"

lengths() {
	awk 'FNR == 1 { s = 0 }
		/^[a-z_][A-Za-z0-9_]*\(/ { name = $1; sub(/\(.*/, "", name) }
		/^\{/ { s = FNR }
		/^\}/ { if (s && FNR - s > 70) print FILENAME ":" s ": " name " has " FNR - s " lines"; s = 0 }' \
		$(echo "$code $tests" | tr ' ' '\n' | grep '\.c$')
	wc -l $code $tests | awk '$1 > 800 && $2 != "total" { print $2 ": " $1 " lines" }'
}
rule 'Functions have at most 70 lines, files at most 800:' "$(lengths)"

rule 'Functions have a complexity of at most 12 (switches count once):' \
	"$(pmccabe $(echo "$code" | grep '\.c$') 2>/dev/null | awk '$1 > 12 { print $6 ": " $7 " has " $1 }')"

harnesses() {
	wc -l tests/fuzz/*_fuzz.c | awk '$1 > 20 && $2 != "total" { print $2 ": " $1 " lines" }'
	grep -L '^/\* Fuzzes [a-z]' tests/fuzz/*_fuzz.c
}
rule 'A fuzzer has at most 20 lines, and the first names what it fuzzes:' "$(harnesses)"

# sealed columns: fields.def and the comments of the schema agree
sealed() {
	sed -n 's/^FIELD( *\([a-z_]*\), *"\([a-z_.]*\)".*/\2 sealed:\1/p' src/tables/fields.def | sort >"$tmp/def"
	cat sql/migrations/*.sql |
		sed -n "s/^COMMENT ON COLUMN \([a-z_.]*\) IS '\(sealed:[a-z_]*\)';.*/\1 \2/p" | sort >"$tmp/sql"
	diff "$tmp/def" "$tmp/sql" | grep '^[<>]'
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rule 'fields.def (<) and COMMENT ON COLUMN (>) name the same sealed columns:' "$(sealed)"

rule 'These files are not formatted (make fmt):' \
	"$(clang-format --dry-run $(echo "$sources" | grep -v '\.def$') 2>&1 | grep -oE '^[^:]+\.[ch]' | sort -u)"

# not SQL: a migration is never edited
rule 'A heading is a plain comment, without a ruler:' \
	"$(git ls-files '*.c' '*.h' '*.mjs' '*.js' '*.css' '*.sh' conf |
		xargs grep -nE '^ *(/\*|//|#).*[-=*#~]{4,}( ?\*/)?$')"

rule 'A comment names what is there:' "$(node tests/lint/comments.mjs)"

rule 'Paths of one machine, or hosts of a registry, have no place here:' \
	"$(git ls-files | grep -vE 'package-lock.json|^tests/lint/|^tests/vectors/' | xargs grep -nIE '/work/|/root/|registry\.npmjs|deb\.debian\.org' 2>/dev/null)"

rule 'What takes a safeguard out, to see its test fail, still does:' "$(node tests/safeguards/mutate.mjs --check 2>&1)"

exit $bad
