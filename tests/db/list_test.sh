#!/bin/sh
# How each list and search finds its rows among many: the plan of every statement
# of sql/queries that answers with many rows, on a database of its own in the
# cluster of run.sh. A new one has no plan here, and fails. ROWS says how many.
set -u
rows=${ROWS:-100000}
failed=0
tried=
super_db=$(echo "$SUPER_URL" | sed 's|/epione?|/lists?|')
psql -X -q -d "$SUPER_URL" -c 'CREATE DATABASE lists OWNER epione_owner'
"$EPIONECTL" migrate --database "$(echo "$OWNER_URL" | sed 's|/epione?|/lists?|')" \
	--dir sql/migrations >"$WORK/out" 2>&1 || { cat "$WORK/out"; exit 1; }
psql -X -q -v ON_ERROR_STOP=1 -v rows="$rows" -d "$super_db" -f tests/db/list.sql >/dev/null || exit 1
large='patient|patient_token|name_beginning|record_key|account|session|visit|guest|care_team|invitation|approval|review|incident|incident_entry|incident_link|disclosure|job|recording|recording_chunk|recording_consent|report_run|payment|payment_difference|audit_log[a-z0-9_]*'

# The statement as the server prepares it, of the types that it is given there.
statement() {
	awk -v name="$1" '
		$0 ~ "_in_items\\[\\] = " { ours = $0 ~ " " name "_in_items\\["; next }
		ours && match($0, /SQL_[A-Z_]+/) {
			type = substr($0, RSTART, RLENGTH)
			if (type != "SQL_KEY") types = types (types == "" ? "" : ", ") of[type]
		}
		/^};/ { ours = 0 }
		index($0, ".name = \"" name "\",") && !/type =/ { text = 1; next }
		text && /^\t  ?\.in = |^\t  ?\.out = |^\t  ?\.row_size/ { exit }
		text {
			sub(/^[^"]*"/, ""); sub(/"[^"]*$/, "")
			gsub(/\\n/, "\n"); gsub(/\\"/, "\"")
			body = body $0
		}
		BEGIN {
			of["SQL_UUID"] = "uuid"; of["SQL_TEXT"] = "text"; of["SQL_BYTES"] = of["SQL_SEALED"] = of["SQL_SEALED_BYTES"] = "bytea"
			of["SQL_INT"] = of["SQL_INT_OR_NULL"] = "bigint"; of["SQL_BOOL"] = "boolean"
			of["SQL_TIME"] = "timestamptz"; of["SQL_UUIDS"] = "uuid[]"; of["SQL_BYTES_LIST"] = "bytea[]"
			of["SQL_INTS"] = "bigint[]"; of["SQL_TEXTS"] = "text[]"
		}
		END { print "PREPARE list" (types == "" ? "" : " (" types ")") " AS"; print body ";" }
		' "$(dirname "$EPIONECTL")/gen/sql.c"
}

# check STATEMENT WHAT MAX PARAMETERS [ROLE]: planned without its parameters, as
# the server's role or another. No large table is read whole, no more than MAX
# rows of any are looked at, those that a filter drops too, and no more are sorted;
# in the statements inside of functions neither.
check() {
	tried="$tried $1"
	{
		cat <<-SQL
			LOAD 'auto_explain';
			SET auto_explain.log_nested_statements = on;
			SET auto_explain.log_analyze = on;
			SET auto_explain.log_timing = off;
			SET plan_cache_mode = force_generic_plan;
			SET epione.clinic = '10000000-0000-0000-0000-000000000001';
			SET epione.actor = '20000000-0000-0000-0000-000000000067';
			SET ROLE ${5:-epione_server};
		SQL
		statement "$1"
		echo "BEGIN; RESET ROLE; SET auto_explain.log_min_duration = 0; SET client_min_messages = log;"
		echo "SET ROLE ${5:-epione_server};"
		echo "EXECUTE list${4:+ ($4)};"
		echo "ROLLBACK;"
	} | psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$super_db" >"$WORK/found" 2>"$WORK/plan" || {
		echo "FAIL $1, $2"
		cat "$WORK/plan"
		failed=1
		return
	}
	seen=$(awk -v large="^($large)\$" '
		/\(actual / || /never executed/ {
			run = !/never executed/
			split($0, a, "actual rows="); split(a[2], b, "[ =)]")
			loops = b[3]; n = b[1] * loops
			if (sorting && run && n > sorted) sorted = n
			sorting = run && /(^|->|  )(Incremental )?Sort /
			table = ""
			if (run && match($0, / Scan[a-zA-Z ]* on [a-z_0-9]+| Scan[a-zA-Z ]* using [a-z_0-9]+ on [a-z_0-9]+/)) {
				words = split(substr($0, RSTART, RLENGTH), w, " ")
				if (w[words] ~ large) table = w[words]
			}
			if (table != "" && /Seq Scan/) whole = whole " " table
			if (table != "") looked[table] += n
		}
		/Rows Removed by (Filter|Index Recheck|Join Filter)/ && table != "" { looked[table] += $NF * loops }
		END {
			for (t in looked) if (looked[t] > most) { most = looked[t]; where = t }
			printf "%d %d %s %s\n", most, sorted, where == "" ? "-" : where, whole
		}' "$WORK/plan")
	# shellcheck disable=SC2086
	set -- "$1" "$2" "$3" $seen
	whole=$(echo "$seen" | cut -d' ' -f4-)
	if [ "$4" -gt "$3" ] || [ "$5" -gt "$3" ] || [ -n "$whole" ]; then
		echo "FAIL $1, $2: $4 rows of $6 looked at, $5 sorted, of $3 at most; read whole: ${whole:-none}"
		cat "$WORK/plan"
		failed=1
	else
		echo "ok   $1, $2: $4 rows of $6 looked at, $5 sorted"
	fi
}

# few STATEMENT WHY: what it looks at does not grow with the clinic.
few() { tried="$tried $1"; }

# elsewhere STATEMENT FILE WORD: its plans are looked at there.
elsewhere() {
	tried="$tried $1"
	grep -q "$3" "tests/db/$2" || { echo "FAIL $1: $2 says nothing of $3"; failed=1; }
}

id() { printf "'%s0000000-0000-0000-0000-%012x'" "$1" "$2"; }
token() { printf "token('%s')" "$1"; }
# as under the one version of the index key that there is
sought() { printf "ARRAY[token('%s')]" "$1"; }
none="'{}'"
page=26
most=$((page * 4))
no="NULL, NULL, NULL"

# Visits. (closed, from, to, reach, today, patient, clinician, status, care of, after, after id, limit)
one=$(id 2 1)
two=$(id 2 2)
around="now() - interval '2 hours', now() - interval '31 days', now() + interval '400 days', now() - interval '31 days 10 hours', true"
day="now() - interval '2 hours', now() - interval '12 hours', now() + interval '12 hours', now() - interval '22 hours', true"
always="now() - interval '2 hours', '1900-01-01', '9999-12-31', '1899-12-31', true"
of_day=$((rows / 1826 * 3))
# of the hours before the span, from which one may reach into it
reach=$((most + rows / 1826 / 2))
team=$((rows / 10 / 20))
check visit_list 'a clinic, about now' $reach "$around, NULL, NULL, NULL, NULL, NULL, NULL, $page"
check visit_list 'the next page' $most "now() - interval '2 hours', now() - interval '31 days', now() + interval '400 days', now(), true, NULL, NULL, NULL, NULL, now(), $two, $page"
check visit_list 'who waits' $((most + of_day)) "$around, NULL, NULL, 'arrived', NULL, NULL, NULL, $page"
check visit_list 'who is in the call' $((most + of_day)) "$around, NULL, NULL, 'in_call', NULL, NULL, NULL, $page"
check visit_list 'a status that none has' $most "$around, NULL, NULL, 'no_show', NULL, NULL, NULL, $page"
check visit_list 'those that ended' $reach "$around, NULL, NULL, 'ended', NULL, NULL, NULL, $page"
check visit_list 'one patient, always' $most "$always, $(id 3 7), NULL, NULL, NULL, NULL, NULL, $page"
check visit_list 'one clinician, about now' $most "$around, NULL, $two, NULL, NULL, NULL, NULL, $page"
check visit_list 'a clinician with three patients, about now' $most "$around, NULL, NULL, NULL, $two, NULL, NULL, $page"
check visit_list 'the same, those who wait' $most "$around, NULL, NULL, 'arrived', $two, NULL, NULL, $page"
# grows with the clinician's patients, not with the clinic's visits
check visit_list 'a clinician with many patients, a day' $((most + team * 2)) "$day, NULL, NULL, NULL, $one, NULL, NULL, $page"
check visit_queue 'of a page' $((most * 2)) "ids_of(4, $page), now() - interval '2 hours'"
check visit_seats 'of a room' $most "ids_of(4, $page), ids_of(2, $page)"
check care_team_rooms 'two people' $most "$(id 3 7), $one"
check care_team_list 'of a patient' $most "$(id 3 7), NULL, $page"

# Patients, by a number. (asked, after, limit, care of, beginnings, groups,
# names, group count, mrn, ssn, phone, email, year, month, day)
all="'{}', NULL, $page, NULL, '{}', '{}', '{}', 0"
mine="'{}', NULL, $page, $one, '{}', '{}', '{}', 0"
named="'{}', NULL, $page, NULL, ARRAY[$(token 'begins F1')], '{1}', '{1}', 1"
check patient_search_number 'record number' $most "$all, $(sought m77), $none, $none, $none, $none, $none, $none"
check patient_search_number 'telephone' $most "$all, $none, $none, $(sought p77), $none, $none, $none, $none"
check patient_search_number 'mail' $most "$all, $none, $none, $none, $(sought e77), $none, $none, $none"
check patient_search_number 'birth date' $most "$all, $none, $none, $none, $none, $(sought y7), $(sought y7-7), $(sought y7-7-7)"
# a month is as many as are born in one
check patient_search_number 'month of birth' $((most + rows / 90 / 12)) "$all, $none, $none, $none, $none, $(sought y7), $(sought y7-7), $none"
check patient_search_number 'birth date, own patients' $most "$mine, $none, $none, $none, $none, $(sought y7), $(sought y7-7), $(sought y7-7-7)"
check patient_search_number 'birth date and name' $((most * 2)) "$named, $none, $none, $none, $none, $(sought y7), $(sought y7-7), $(sought y7-7-7)"

# By a name. What several words have in common is counted as far as a thousand.
# (asked, after, limit, tokens, parts, other tokens, other parts, year)
counted=2000
check patient_search_exact 'the family name of most' $((counted + most)) "'{}', NULL, $page, ARRAY[$(token F1)], '{3}', ARRAY[NULL::bytea], ARRAY[NULL::bigint], $none"
check patient_search_exact 'the same, a deep page' $((counted + most)) "'{}', $(id 3 $((rows * 3 / 4))), $page, ARRAY[$(token F1)], '{3}', ARRAY[NULL::bytea], ARRAY[NULL::bigint], $none"
check patient_search_exact 'both names of most' $((counted + most * 10)) "'{}', NULL, $page, ARRAY[$(token F1)], '{3}', ARRAY[$(token G1)], '{4}', $none"
check patient_search_exact 'a rare name' $((counted + most)) "'{}', NULL, $page, ARRAY[$(token F1)], '{3}', ARRAY[$(token G499)], '{4}', $none"
# (beginnings, groups, names)
check patient_search_rarest 'two words' $((counted * 2 + most)) "ARRAY[$(token 'begins F*'), $(token 'begins G*')], '{1,2}', '{3,3}'"
# (asked, after word, after part, after, limit, beginnings, groups, names, group count, walked, exact, exact name, year)
check patient_search_beginning 'the family name of most' $most "'{}', $no, $page, ARRAY[$(token 'begins F1')], '{1}', '{3}', 1, 1, $none, NULL, $none"
# the words that begin so are few beside those who bear them
check patient_search_beginning 'a letter' $((2000 + most)) "'{}', $no, $page, ARRAY[$(token 'begins F*')], '{1}', '{3}', 1, 1, $none, NULL, $none"
check patient_search_beginning 'a deep page' $((2000 + most)) "'{}', $(token F7), 3, $(id 3 $((rows / 2))), $page, ARRAY[$(token 'begins F*')], '{1}', '{3}', 1, 1, $none, NULL, $none"
check patient_search_beginning 'two words' $((most * 40)) "'{}', $no, $page, ARRAY[$(token 'begins F1'), $(token 'begins G1')], '{1,2}', '{3,3}', 2, 1, $none, NULL, $none"
# (asked, after exact, after, limit, care of, beginnings, groups, names, group
# count, tokens, parts, other tokens, other parts, year): by the clinician's team
of_team="ARRAY[$(token 'begins F1'), $(token 'begins G1')], '{1,2}', '{3,3}', 2, ARRAY[$(token F1)], '{3}', ARRAY[$(token G1)], '{4}', $none"
check patient_search_team 'three patients' $most "'{}', NULL, NULL, $page, $two, $of_team"
check patient_search_team 'many patients' $((most + team * 10)) "'{}', NULL, NULL, $page, $one, $of_team"
# (beginnings, groups, names, group count, family, single, year, month, day, care of, limit)
check patient_alike 'a birth date' $((most * 2)) "ARRAY[$(token 'begins F1')], '{1}', '{1}', 1, $(sought F1), false, $(sought y7), $(sought y7-7), $(sought y7-7-7), NULL, $page"
# whoever has that name: a person is taken in once
check patient_alike 'a year' $((rows / 3)) "ARRAY[$(token 'begins F9')], '{1}', '{1}', 1, $(sought F9), false, $(sought y7), $none, $none, NULL, $page"
check audit_patients 'of a page' $most "ids_of(3, $page)"

# People. (now, as admin, before, limit, role)
check user_list 'who work here' $most "now(), true, NULL, $page, NULL"
check user_list 'administrators' $most "now(), true, NULL, $page, 'admin'"
check user_list 'patients, a deep page' $most "now(), true, $(id 2 $((rows / 2))), $page, 'patient'"
check user_list 'as a colleague chooses' $most "now(), false, $(id 2 90), $page, 'clinician'"
check user_admins_lock 'both' $most ''
check audit_staff 'a page' $most "NULL, $page"
check guest_list 'of a visit' $most "$(id 4 $rows), NULL, $page, now()"
check session_list 'of an account' $most "$(id 2 7), NULL, $page, now()"
# (state, patients only, account, before, limit, now)
check approval_list 'all' $most "NULL, false, NULL, NULL, $page, now()"
check approval_list 'what waits' $most "'waiting', false, NULL, NULL, $page, now()"
check approval_list 'what was let pass' $most "'expired', false, NULL, NULL, $page, now()"
check approval_list 'of a patient' $most "NULL, true, $(id 2 4711), NULL, $page, now()"
check approval_waiting 'how much' $most "$(id 2 102), false, now()"
check approval_deciders 'how many' $most "'{admin,compliance}', $(id 2 101), $(id 2 102)"
check approval_list 'refused ones, there are none' $most "'refused', false, NULL, NULL, $page, now()"
check review_list 'all' $most "NULL, NULL, $page"
check review_list 'what waits' $most "'open', NULL, $page"
check review_list 'what is signed, the next page' $most "'signed', $(id a 4711), $page"
check review_waiting 'how many' $most ""
# (state, before, limit); an incident has five entries
check incident_list 'all' $((page * 6)) "NULL, NULL, $page"
check incident_list 'open ones' $most "'open', NULL, $page"
check incident_list 'closed ones, a deep page' $((page * 6)) "'closed', $(id c $((rows / 2))), $page"
check incident_entry_list 'of one' $most "$(id c 600), NULL, $page"
check incident_link_list 'of one with many, a deep page' $most "$(id c 600), $(id e $((rows / 2))), $page"
check disclosure_list 'of a patient' $most "$(id 3 7), true, now(), NULL, NULL, $page, NULL, NULL"
check disclosure_list 'of a patient, the next page' $((most + 100)) "$(id 3 7), false, now(), us_of(now() - interval '30 days'), $(id f 7), $page, now() - interval '40 days', now()"
few access_rule_list 'as many as there are rules, and what each found in twelve weeks'
few review_officers 'those who work here'
check approval_list 'patients that wait' $most "'waiting', true, NULL, NULL, $page, now()"
check invitation_void 'of an account' $most "$(id 2 7), now()"

# Jobs. (state, before, limit)
check job_list 'all' $most "NULL, NULL, $page"
check job_list 'dead ones' $most "'dead', NULL, $page"
check job_list 'a deep page' $most "'done', $(id 8 $((rows / 2))), $page"
check job_claim 'what is due' $most "'{mail}', '{5}', 30" epione_jobs
check job_counts 'of a kind' $most "'{mail}'" epione_jobs

# Recordings. (patient, visit, care of, before, limit)
check recording_list 'of the clinic' $most "NULL, NULL, NULL, NULL, $page"
check recording_list 'of the clinic, a deep page' $most "NULL, NULL, NULL, $(id 9 $((rows / 2))), $page"
check recording_list 'of a patient' $most "$(id 3 7), NULL, NULL, NULL, $page"
check recording_list 'of a visit' $most "NULL, $(id 4 77), NULL, NULL, $page"
check recording_list 'of a clinician with three patients' $((most * 2)) "NULL, NULL, $two, NULL, $page"
check recording_list 'of a clinician with many' $((most + team * 20)) "NULL, NULL, $one, NULL, $page"
check recording_people 'of one' $most "$(id 9 77)"
check recording_chunks 'a page of many' $most "$(id 9 7), 500, $page"
check recording_missing 'of many, none is' 1100 "$(id 9 7), 1000"
check recording_unseen 'of many, none is' 1100 "$(id 9 7), $page" epione_jobs

# Copies of a record. (patient, after, limit)
check export_people 'of a patient' $most "$(id 3 7), NULL, $page"
check export_people 'the next page' $most "$(id 3 7), $(id 2 1), $page"

# Reports as files. (before, limit)
check report_run_list 'of an officer' $most "NULL, $page"
check report_run_list 'a deep page' $most "$(id d $((rows / 2))), $page"

# Payments. (patient, visit, state, differs, from, to, after, after id, limit, currency)
latest=253402300799000000
ever="'1900-01-01', '9999-12-31'"
check payment_list 'of the clinic' $most "NULL, NULL, NULL, false, $ever, $latest, NULL, $page, NULL"
check payment_list 'of a day' $most "NULL, NULL, NULL, false, now() - interval '900 days', now() - interval '899 days', $latest, NULL, $page, NULL"
check payment_list 'a deep page' $most "NULL, NULL, NULL, false, $ever, us_of(now() - interval '900 days'), $(id 4 1), $page, NULL"
check payment_list 'of a patient' $most "$(id 3 7), NULL, NULL, false, $ever, $latest, NULL, $page, NULL"
check payment_list 'of a visit' $most "NULL, $(id 4 77), NULL, false, $ever, $latest, NULL, $page, NULL"
check payment_list 'those that are open' $most "NULL, NULL, 'open', false, $ever, $latest, NULL, $page, NULL"
check payment_list 'in a currency' $most "NULL, NULL, NULL, false, $ever, $latest, NULL, $page, 'USD'"
check payment_list 'in a currency, paid' $most "NULL, NULL, 'paid', false, $ever, $latest, NULL, $page, 'EUR'"
check payment_due 'of the clinic' $most "NULL, $ever, '9999-12-31', NULL, $page"
check payment_due 'a deep page' $most "NULL, $ever, now() - interval '900 days', $(id 4 1), $page"
check payment_due 'of a patient' $most "$(id 3 7), $ever, '9999-12-31', NULL, $page"
check payment_difference_list 'of the clinic' $most "'9999-12-31', NULL, $page"
few payment_keepers 'those who work here'
few payment_months 'the rows of the months that are asked for, which are their sum'
check payment_list 'those that differ' $most "NULL, NULL, NULL, true, $ever, $latest, NULL, $page, NULL"

# The log
elsewhere audit_list audit_test.sh audit_page
elsewhere patient_accesses audit_test.sh audit_page
elsewhere patient_access_days audit_test.sh audit_days
check audit_operator 'a day' $((page * 4 + 100)) "$(id 1 1), now() - interval '20 days', now() - interval '19 days', $page" epione_owner

check audit_unsealed 'what came since' 3000 '50' epione_jobs
check audit_tile_list 'in the middle' $most "$(id 1 1), 0, 2560, 4608, 2048" epione_owner
check audit_tile_list 'one tile' $most "$(id 1 1), 0, 2560, 2816, 256"
few audit_tree_list 'as many as there are clinics'
few audit_key_list 'as many as keys were turned'
few audit_word_list 'as many as the server knows words'
few audit_part_list 'one for each 64 MiB of the log'
few audit_gone_list 'a few for each month that is gone'
few audit_successions 'as many as keys were turned'

# Unusual access: the last hundred events, by every rule. (rules, on, thresholds,
# seconds, events)
check access_watch 'what came since' 5000 "'{same_name,colleague,household,dormant,many_records,odd_hours,repeated,vip,new_network}', '{1,1,1,1,1,1,1,1,1}', '{25,7,7,365,3,3,3,7,10}', 0, 100" epione_jobs

# Reports, as their own role. (parameters, after, limit)
check report_access_review 'staff' $most "'staff', 90, NULL, $page" epione_reporter
check report_access_review 'patients, a deep page' $most "'patients', 90, $(id 2 $((rows / 2))), $page" epione_reporter
check report_recordings 'of all years' $most "$ever, NULL, NULL, $page" epione_reporter
check report_recordings 'a deep page' $most "$ever, us_of(now() - interval '900 days'), $(id 9 1), $page" epione_reporter
check report_consents 'of all years' $most "$ever, NULL, NULL, $page" epione_reporter
check report_consents 'a deep page' $most "$ever, us_of(now() - interval '900 days'), $(id 9 1), $page" epione_reporter
check report_payments 'of all years' $most "$ever, NULL, NULL, $page" epione_reporter
check report_payments 'a deep page' $most "$ever, us_of(now() - interval '900 days'), $(id 4 1), $page" epione_reporter
check report_emergency_access 'of all years' $most "$ever, NULL, NULL, $page" epione_reporter
check report_emergency_access 'a deep page' $most "$ever, us_of(now() - interval '2 days'), $(id a 4711), $page" epione_reporter
check report_incidents 'of all years' $((page * 6)) "$ever, NULL, NULL, $page" epione_reporter
check report_incidents 'a deep page' $((page * 6)) "$ever, us_of(now() - interval '2000 hours'), $(id c 2000), $page" epione_reporter
check report_disclosures 'of all years' $most "$ever, NULL, NULL, NULL, $page" epione_reporter
check report_disclosures 'of a patient' $((most + 100)) "$ever, $(id 3 7), NULL, NULL, $page" epione_reporter
check report_disclosures 'a deep page' $most "$ever, NULL, us_of(now() - interval '30 days'), $(id f 7), $page" epione_reporter
# (from, to, account, session, address, version, backup, discovered, after, limit): by
# an account what it did, by an address what was done by anybody in that time
check report_breach_scope 'an account, of all years' $((rows / 10 / 50 * 2 + most * 2)) "$ever, $one, NULL, NULL, NULL, NULL, NULL, NULL, $page" epione_reporter
check report_breach_scope 'an address, a day' $((288 + most * 3)) "now() - interval '9 days', now() - interval '8 days', NULL, NULL, '192.0.2.0/24', NULL, NULL, NULL, NULL, $page" epione_reporter
check report_breach_scope 'a session, a day' $((288 + most * 3)) "now() - interval '9 days', now() - interval '8 days', NULL, '0000000000000001', NULL, NULL, NULL, NULL, NULL, $page" epione_reporter
check report_breach_scope 'a key, a deep page' $((most * 2)) "$ever, NULL, NULL, NULL, 1, NULL, NULL, $(id 3 $((rows / 2))), $page" epione_reporter
check report_breach_scope 'a backup, a deep page' $((most * 2)) "$ever, NULL, NULL, NULL, NULL, now() + interval '1 day', NULL, $(id 3 $((rows / 2))), $page" epione_reporter
check report_unusual_access 'of all years' $most "$ever, NULL, NULL, $page" epione_reporter
check report_unusual_access 'a deep page' $most "$ever, us_of(now() - interval '2 days'), $(id a 4711), $page" epione_reporter
for name in access patient_access user_activity; do
	elsewhere report_$name audit_test.sh audit_page
done
elsewhere report_refusals audit_test.sh audit_refused
for name in sign_ins accounts_changed reports_run; do
	elsewhere report_$name audit_test.sh audit_kinds
done
few report_keys 'as many versions as there are of a clinic'"'"'s keys'
few report_passwords 'one clinic'
few report_attention 'what waits, incidents that are open, and who works here; one clinic'
elsewhere report_refused_days audit_test.sh audit_refused
few report_retention 'counts of all that a clinic has, which is what is asked for: a row each'
few report_safeguards 'who work here and what happened in a month; one clinic'

few report_names 'accounts of one page, by their keys'
few password_history_list 'at most 24 of one account, by its key'
few migration_list 'as many as there are migrations'
few audit_words 'as many as the server knows words'
few fee_list 'what a clinic charges now; what it retired is in no index of it'
few clinic_find 'as many as there are clinics'
few class_keys 'as many versions as there are of one key'
few key_list 'as many versions as there are of a clinic'"'"'s keys; what it counts of an older one has an end'
check record_keys_behind 'a batch' 1000 "'patient', 2, 500" epione_jobs
few key_status 'every key, at a console: it says how each was used'
few store_strangers 'of one page of names, at a console'
few store_missing 'of one page of names, at a console'
few job_list_all 'at a console, of jobs that are swept after 30 days'
few sessions_ended 'those whose sockets are open, one by one'
few fill_patients 'a batch, in the order of the key'

for name in $(sed -n 's/^-- sql: \([a-z_]*\) many$/\1/p; s/^-- report: \([a-z_]*\)$/report_\1/p' sql/queries/*.sql sql/reports/*.sql); do
	case "$tried " in
	*" $name "*) ;;
	*)
		echo "FAIL $name: a list whose plan nobody looked at: give it a check, or say why it stays small" >&2
		failed=1
		;;
	esac
done
exit $failed
