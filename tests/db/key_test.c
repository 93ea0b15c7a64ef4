#include "harness.h"

#include "base/crypto.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "data/field.h"
#include "data/record_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct uuid ann = { { 10 } }, bob = { { 11 } };
static const struct uuid row_a = { { 20 } }, row_b = { { 21 } };
static const struct uuid visit_a = { { 30 } };
static unsigned clinics;

/* A clinic that the keyring of this process has never met. */
static struct uuid
clinic_new(void)
{
	return (struct uuid){ { 40, (uint8_t)++clinics } };
}

static void
root_load(void)
{
	const char *reason;
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/root.key", getenv("WORK"));
	remove(path);
	f = fopen(path, "w");
	assert_int_equal(
	    fwrite("0123456789abcdef0123456789abcdef", 1, 32, f), 32);
	fclose(f);
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(keyring_root_load(path, &reason), ERR_OK);
}

static struct tx *
tx_for(const struct uuid *clinic)
{
	struct tx *tx = test_tx();

	tx_set_clinic(tx, clinic);
	return tx;
}

/* Stores a class key without telling this process's keyring about it. */
static void
class_key_store(const struct uuid *clinic, uint32_t version)
{
	struct class_key_id id = { *clinic, KEY_CLASS_patient, version };
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	struct class_key_insert_in in = { .clinic = *clinic,
		.class = "patient",
		.version = version,
		.wrapped = { wrapped, sizeof(wrapped) } };
	struct tx *tx = tx_for(clinic);

	assert_int_equal(keyring_class_create(&id, wrapped), ERR_OK);
	assert_false(keyring_class_has(&id));
	assert_int_equal(sql_class_key_insert(tx, &in, NULL), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
}

static void
person_store(const struct uuid *clinic, const struct uuid *subject,
    const struct uuid *row, const char *name)
{
	struct person_insert_in in = { .id = *row,
		.subject = *subject,
		.family_name = name,
		.reason_id = visit_a,
		.reason = "knee" };
	struct tx *tx = tx_for(clinic);

	assert_int_equal(
	    record_key_new(tx, KEY_CLASS_patient, subject, &in.key, NULL),
	    ERR_OK);
	assert_int_equal(sql_person_insert(tx, &in), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
}

static enum err
persons_read(
    const struct uuid *clinic, struct person_list_row **rows, size_t *n)
{
	struct tx *tx = tx_for(clinic);
	enum err r = sql_person_list(tx, rows, n);

	tx_close(tx); /* plaintext is the arena's and stays */
	return r;
}

/*= EN-01: what is stored shows nothing of the plaintext */
static void
sealed_on_the_way_in_and_opened_on_the_way_out(void **state)
{
	struct uuid clinic = clinic_new();
	struct person_list_row *rows;
	size_t n;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "PHI-CANARY");
	assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].family_name, "PHI-CANARY");
	assert_string_equal(rows[0].reason, "knee");
	assert_null(rows[0].given_name); /* NULL stays NULL */
	assert_int_equal(super("SELECT count(*) FROM person WHERE "
			       "position('CANARY'::bytea IN family_name) = 0 "
			       "AND given_name IS NULL"),
	    1);
	assert_int_equal(super("SELECT octet_length(family_name) FROM person"),
	    10 + FIELD_OVERHEAD);
	/*= EN-03: two values were sealed, whichever statement it was in */
	assert_int_equal(super("SELECT seals FROM record_key"), 2);
}

/* The key of another process's making is fetched while a row is decoded. */
static void
class_keys_are_read_when_they_are_met(void **state)
{
	struct uuid clinic = clinic_new();
	struct class_key_id id = { clinic, KEY_CLASS_patient, 1 };
	struct person_list_row *rows;
	struct tx *tx;
	size_t n;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	person_store(&clinic, &bob, &row_b, "Bob");
	assert_true(keyring_class_has(&id));
	root_load(); /* and with it forgets what was kept */
	assert_false(keyring_class_has(&id));
	tx = tx_for(&clinic);
	assert_int_equal(sql_person_list(tx, &rows, &n), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
	assert_int_equal(n, 2);
}

/* So it is when the row is looked at after the COMMIT. */
static void
class_keys_are_read_after_the_commit(void **state)
{
	struct uuid clinic = clinic_new();
	struct person_get_in in = { row_a };
	struct person_get_row row;
	struct tx_call *call;
	struct tx *tx;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	root_load(); /* and with it forgets what was kept */
	tx = tx_for(&clinic);
	assert_int_equal(sql_person_get_send(tx, &in, &call), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(sql_person_get_take(tx, call, &row), ERR_OK);
	assert_string_equal(row.family_name, "Ann");
	tx_close(tx);
}

/*= EN-04, IN-01: moved by SQL, it does not open, and that is an event */
static void
moved_to_another_row_column_or_person_it_does_not_open(void **state)
{
	static const char *const moves[] = {
		"UPDATE person SET given_name = family_name",
		"UPDATE person p SET family_name = q.family_name FROM person q "
		"WHERE q.id <> p.id",
		"UPDATE person SET reason_id = id",
		"UPDATE person SET id = subject",
		"UPDATE record_key k SET wrapped = o.wrapped FROM record_key o "
		"WHERE o.subject_id <> k.subject_id",
		"UPDATE record_key SET version = 2; UPDATE person SET "
		"family_name = overlay(family_name PLACING '\\x00000002' "
		"FROM 2), reason = overlay(reason PLACING '\\x00000002' FROM "
		"2)",
		"UPDATE person SET reason = overlay(reason PLACING "
		"'\\x00000002' FROM 2)", /* there is no such key */
		"UPDATE record_key SET wrapped = set_byte(wrapped, 40, "
		"get_byte(wrapped, 40) # 1)",
		"UPDATE person SET reason = substr(reason, 1, 20)",
	};
	struct person_list_row *rows;
	struct uuid clinic;
	size_t i, n;

	(void)state;
	root_load();
	pool_start(1, 10);
	for (i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		clinic = clinic_new();
		class_key_store(&clinic, 1);
		person_store(&clinic, &ann, &row_a, "Ann");
		person_store(&clinic, &bob, &row_b, "Bob");
		assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
		owner(moves[i]);
		rows = NULL;
		assert_int_equal(persons_read(&clinic, &rows, &n), ERR_CRYPTO);
		assert_null(rows);
		assert_int_equal(n, 0);
		owner("DELETE FROM person; DELETE FROM record_key");
	}
	assert_true(logged("sealed_value_refused"));
	assert_true(logged("record_key_refused"));
	assert_false(logged("Ann"));
}

static void
another_clinic_opens_nothing(void **state)
{
	struct uuid clinic = clinic_new(), other = clinic_new();
	struct person_list_row *rows;
	size_t n;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	class_key_store(&other, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	assert_int_equal(persons_read(&other, &rows, &n), ERR_CRYPTO);
	assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
}

static void
a_shredded_record_is_empty_and_no_error(void **state)
{
	struct uuid clinic = clinic_new();
	struct person_list_row *rows;
	size_t n;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	owner("UPDATE record_key SET wrapped = NULL");
	assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_null(rows[0].key);
	assert_null(rows[0].family_name);
	assert_null(rows[0].reason);
	assert_true(uuid_equal(&rows[0].id, &row_a));
	owner("DELETE FROM record_key"); /* an outer join finds none */
	assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
	assert_null(rows[0].key);
}

/* Makes a second version of a subject's key, as a new one is stored. */
static void
record_key_second(const struct uuid *clinic, const struct uuid *subject,
    struct record_key *key)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	struct record_key_insert_in in = { .clinic = *clinic,
		.subject = *subject,
		.class = "patient",
		.version = 2,
		.wrapped = { wrapped, sizeof(wrapped) } };
	struct tx *tx = tx_for(clinic);

	assert_int_equal(keyring_record_create(clinic, KEY_CLASS_patient,
			     subject, 2, key, wrapped),
	    ERR_OK);
	assert_int_equal(sql_record_key_insert(tx, &in), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
}

/*= EN-07: what one row has under two versions opens, before and after the
 * COMMIT, and each version counts its own seals */
static void
a_value_under_another_version_than_its_row_opens(void **state)
{
	struct person_insert_in in = { .id = row_b,
		.subject = ann,
		.family_name = "Ann again",
		.reason_id = visit_a };
	struct uuid clinic = clinic_new();
	struct person_get_in get = { row_b };
	struct person_get_row row;
	struct record_key second;
	struct tx_call *call;
	struct tx *tx;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	record_key_second(&clinic, &ann, &second);
	tx = tx_for(&clinic);
	in.key = &second;
	assert_int_equal(sql_person_insert(tx, &in), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
	record_key_free(&second);
	owner("UPDATE person SET reason = (SELECT reason FROM person WHERE "
	      "reason IS NOT NULL)");
	assert_int_equal(super("SELECT sum(seals * version) FROM record_key"),
	    2 * 1 + 1 * 2);
	tx = tx_for(&clinic);
	assert_int_equal(sql_person_get(tx, &get, &row), ERR_OK);
	assert_string_equal(row.family_name, "Ann again");
	assert_string_equal(row.reason, "knee");
	assert_int_equal(row.key->version, 2);
	tx_close(tx);
	root_load(); /* nor is the class key kept */
	tx = tx_for(&clinic);
	assert_int_equal(sql_person_get_send(tx, &get, &call), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(sql_person_get_take(tx, call, &row), ERR_OK);
	assert_string_equal(row.reason, "knee");
	tx_close(tx);
}

/*= EN-07: a newer class key is used at once, older wrapped keys still open */
static void
a_newer_class_key_is_used_at_once(void **state)
{
	struct uuid clinic = clinic_new();
	struct person_list_row *rows;
	size_t n;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	person_store(&clinic, &ann, &row_a, "Ann");
	class_key_store(&clinic, 2);
	person_store(&clinic, &bob, &row_b, "Bob");
	assert_int_equal(super("SELECT get_byte(wrapped, 4) FROM record_key "
			       "WHERE subject_id::text LIKE '0a%'"),
	    1);
	assert_int_equal(super("SELECT get_byte(wrapped, 4) FROM record_key "
			       "WHERE subject_id::text LIKE '0b%'"),
	    2);
	assert_int_equal(persons_read(&clinic, &rows, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_string_equal(rows[1].family_name, "Bob");
}

static void
without_clinic_or_class_key_nothing_is_made(void **state)
{
	struct uuid clinic = clinic_new();
	const struct record_key *key;
	struct tx *tx;

	(void)state;
	root_load();
	pool_start(1, 10);
	tx = test_tx();
	assert_int_equal(
	    record_key_new(tx, KEY_CLASS_patient, &ann, &key, NULL),
	    ERR_INTERNAL);
	assert_null(key);
	tx_close(tx);
	tx = tx_for(&clinic);
	assert_int_equal(
	    record_key_new(tx, KEY_CLASS_patient, &ann, &key, NULL),
	    ERR_CRYPTO);
	assert_null(key);
	assert_int_equal(tx_commit(tx), ERR_CRYPTO);
	tx_close(tx);
	assert_int_equal(super("SELECT count(*) FROM record_key"), 0);
}

/* What is to be sealed and has no key is not sent in the clear or as NULL. */
static void
sealing_without_a_key_is_refused(void **state)
{
	struct person_insert_in in = { .id = row_a,
		.subject = ann,
		.family_name = "Ann",
		.reason_id = visit_a };
	struct uuid clinic = clinic_new();
	char *longer = arena_alloc(test_arena(), 4096);
	struct tx *tx = tx_for(&clinic);

	(void)state;
	root_load();
	pool_start(1, 10);
	assert_int_equal(sql_person_insert(tx, &in), ERR_INTERNAL);
	assert_int_equal(tx_commit(tx), ERR_INTERNAL);
	tx_close(tx);
	class_key_store(&clinic, 1);
	tx = tx_for(&clinic);
	assert_int_equal(
	    record_key_new(tx, KEY_CLASS_patient, &ann, &in.key, NULL), ERR_OK);
	memset(longer, 'x', 4000);
	in.family_name = longer;
	assert_int_equal(sql_person_insert(tx, &in), ERR_INVALID_FIELD);
	tx_close(tx);
	assert_int_equal(super("SELECT count(*) FROM person"), 0);
}

/* 100 transactions with a key each: the secure heap would be full if one of
 * them kept its key. */
static void
keys_end_with_their_transaction(void **state)
{
	struct uuid clinic = clinic_new(), who;
	struct key_missing missing;
	const struct record_key *key, *again;
	struct bytes wrapped;
	struct tx *tx;
	int i;

	(void)state;
	root_load();
	pool_start(1, 10);
	class_key_store(&clinic, 1);
	for (i = 0; i < 5000; i++) {
		who = uuid_random();
		tx = tx_for(&clinic);
		assert_int_equal(
		    record_key_new(tx, KEY_CLASS_patient, &who, &key, &wrapped),
		    ERR_OK);
		assert_int_equal(record_key_open(tx, KEY_CLASS_patient, &who,
				     key->version, wrapped, &again, &missing),
		    ERR_OK);
		assert_ptr_equal(key, again); /* open already */
		tx_close(tx);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    sealed_on_the_way_in_and_opened_on_the_way_out),
		cmocka_unit_test(class_keys_are_read_when_they_are_met),
		cmocka_unit_test(class_keys_are_read_after_the_commit),
		cmocka_unit_test(
		    a_value_under_another_version_than_its_row_opens),
		cmocka_unit_test(
		    moved_to_another_row_column_or_person_it_does_not_open),
		cmocka_unit_test(another_clinic_opens_nothing),
		cmocka_unit_test(a_shredded_record_is_empty_and_no_error),
		cmocka_unit_test(a_newer_class_key_is_used_at_once),
		cmocka_unit_test(without_clinic_or_class_key_nothing_is_made),
		cmocka_unit_test(sealing_without_a_key_is_refused),
		cmocka_unit_test(keys_end_with_their_transaction),
	};

	return harness_run(tests);
}
