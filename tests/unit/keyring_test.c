#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/keyring.h"
#include "base/log.h"
#include "base/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/keyring_test.XXXXXX";
static char path[64], other[64];
static char logged[256];

static const struct uuid clinic_a = { { 1 } }, clinic_b = { { 2 } };
static const struct uuid ann = { { 11 } }, bob = { { 12 } };

static void
capture(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof(logged), "%s", line);
}

static void
put_file(const char *name, const void *p, size_t n, mode_t mode)
{
	int fd;

	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
load_ok(void)
{
	const char *reason = "left over";

	assert_int_equal(keyring_root_load(path, &reason), ERR_OK);
	assert_null(reason);
}

/* Refused, with a sentence for the operator and a log line without a path. */
static void
load_refused(const char *name, const char *code)
{
	const char *reason = NULL;
	char want[64];

	logged[0] = '\0';
	assert_int_equal(keyring_root_load(name, &reason), ERR_INTERNAL);
	assert_non_null(reason);
	assert_int_equal(reason[strlen(reason) - 1], '.');
	snprintf(want, sizeof(want), "\"%s\"", code);
	assert_non_null(strstr(logged, "root_key_refused"));
	assert_non_null(strstr(logged, want));
	assert_null(strstr(logged, folder));
}

static void
root_make(uint8_t fill)
{
	uint8_t key[CRYPTO_KEY_SIZE];

	memset(key, fill, sizeof(key));
	put_file(path, key, sizeof(key), 0400);
	load_ok();
}

static void
class_make(const struct uuid *clinic, enum key_class class, uint32_t version,
    uint8_t wrapped[WRAPPED_KEY_SIZE])
{
	struct class_key_id id = { *clinic, class, version };

	assert_int_equal(keyring_class_create(&id, wrapped), ERR_OK);
	assert_int_equal(
	    keyring_class_add(&id, (struct bytes){ wrapped, WRAPPED_KEY_SIZE }),
	    ERR_OK);
}

static struct bytes
view(const uint8_t *wrapped)
{
	return (struct bytes){ wrapped, WRAPPED_KEY_SIZE };
}

/*= EN-10 */
static void
nothing_works_without_a_root_key(void **state)
{
	struct class_key_id id = { clinic_a, KEY_CLASS_patient, 1 };
	uint8_t out[CRYPTO_KEY_SIZE],
	    wrapped[WRAPPED_KEY_SIZE] = { 1, 0, 0, 0, 1 };
	struct record_key key;

	(void)state;
	memset(out, 0xee, sizeof(out));
	assert_int_equal(keyring_root_check(out), ERR_CRYPTO);
	assert_int_equal(out[0], 0);
	assert_int_equal(keyring_purpose_key("cursor", out), ERR_CRYPTO);
	assert_int_equal(keyring_class_add(&id, view(wrapped)), ERR_CRYPTO);
	assert_int_equal(keyring_class_create(&id, wrapped), ERR_CRYPTO);
	assert_int_equal(keyring_wrapped_under(view(wrapped)), 0);
	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 1, &key, wrapped),
	    ERR_CRYPTO);
	assert_null(key.key);
	assert_int_equal(keyring_index_key(&clinic_a, 1, "x", out), ERR_CRYPTO);
}

/*= EN-06, EN-10: the file is refused for each reason by itself. */
static void
root_file_is_refused_unless_private(void **state)
{
	uint8_t key[CRYPTO_KEY_SIZE] = { 1, 2, 3 },
		zero[CRYPTO_KEY_SIZE] = { 0 };
	static const mode_t open_to_others[] = { 0440, 0444, 0404, 0640, 0644,
		0660, 0700, 0500, 04400, 0200, 0000 };

	(void)state;
	unlink(path);
	load_refused(path, "absent");
	for (size_t i = 0; i < sizeof(open_to_others) / sizeof(mode_t); i++) {
		put_file(path, key, sizeof(key), open_to_others[i]);
		load_refused(path,
		    geteuid() != 0 && (open_to_others[i] & 0400) == 0
			? "unreadable"
			: "mode");
	}
	put_file(path, key, sizeof(key), 0600);
	unlink(other);
	assert_int_equal(symlink(path, other), 0);
	load_refused(other, "symbolic_link");
	load_refused(folder, "not_a_file");
	unlink(other);
	assert_int_equal(mkfifo(other, 0600), 0);
	load_refused(other, "not_a_file"); /* and does not wait for a writer */
	put_file(path, zero, sizeof(zero), 0400);
	load_refused(path, "zero");
	put_file(path, key, sizeof(key), 0600);
	load_ok();
}

/*= EN-06: only root can give a file away, so only there main runs it */
static void
root_file_of_another_user_is_refused(void **state)
{
	uint8_t key[CRYPTO_KEY_SIZE] = { 1, 2, 3 };

	(void)state;
	put_file(path, key, sizeof(key), 0400);
	assert_int_equal(chown(path, 12345, 12345), 0);
	load_refused(path, "owner");
}

/*= EN-10: missing bytes, one too many, or something else than digits. */
static void
root_file_has_one_of_two_forms(void **state)
{
	uint8_t key[CRYPTO_KEY_SIZE + 1], plain[KEY_CHECK_SIZE];
	uint8_t hexed[KEY_CHECK_SIZE];
	char text[70];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0xa0 + i);
	for (size_t i = 0; i < CRYPTO_KEY_SIZE; i++)
		snprintf(text + 2 * i, 3, i % 2 ? "%02x" : "%02X", key[i]);
	memcpy(text + 64, "\n!", 3);

	put_file(path, key, 31, 0400);
	load_refused(path, "size");
	put_file(path, key, 33, 0400);
	load_refused(path, "size");
	put_file(path, key, 0, 0400);
	load_refused(path, "size");
	put_file(path, text, 64, 0400);
	load_refused(path, "size");
	put_file(path, text, 66, 0400);
	load_refused(path, "size");
	put_file(path, key, 32, 0400);
	load_ok();
	assert_int_equal(keyring_root_check(plain), ERR_OK);
	put_file(path, text, 65, 0600);
	load_ok();
	assert_int_equal(keyring_root_check(hexed), ERR_OK);
	assert_memory_equal(plain, hexed, sizeof(plain));
	text[10] = 'g';
	put_file(path, text, 65, 0600);
	load_refused(path, "digits");
	text[10] = 'a';
	text[64] = ' ';
	put_file(path, text, 65, 0600);
	load_refused(path, "digits");
}

/*= EN-10: a wrong root key is noticed by its check value, which tells nothing
 * of the key, and opens no class key. */
static void
wrong_root_key_shows(void **state)
{
	struct class_key_id id = { clinic_a, KEY_CLASS_patient, 1 };
	uint8_t right[KEY_CHECK_SIZE], wrong[KEY_CHECK_SIZE];
	uint8_t wrapped[WRAPPED_KEY_SIZE];

	(void)state;
	root_make(1);
	assert_int_equal(keyring_root_check(right), ERR_OK);
	class_make(&clinic_a, KEY_CLASS_patient, 1, wrapped);
	assert_true(keyring_class_has(&id));

	root_make(2);
	assert_int_equal(keyring_root_check(wrong), ERR_OK);
	assert_memory_not_equal(right, wrong, sizeof(right));
	assert_false(keyring_class_has(&id));
	assert_int_equal(keyring_class_add(&id, view(wrapped)), ERR_CRYPTO);

	root_make(1);
	assert_int_equal(keyring_class_add(&id, view(wrapped)), ERR_OK);
	assert_true(keyring_class_has(&id));
}

/* Someone else may store first, or we may roll back. */
static void
class_key_counts_only_once_stored(void **state)
{
	struct class_key_id id = { clinic_a, KEY_CLASS_patient, 1 };
	uint8_t mine[WRAPPED_KEY_SIZE], stored[WRAPPED_KEY_SIZE],
	    wrapped[WRAPPED_KEY_SIZE];
	struct record_key key, again;

	(void)state;
	root_make(3);
	assert_int_equal(keyring_class_create(&id, mine), ERR_OK);
	assert_int_equal(keyring_class_create(&id, stored), ERR_OK);
	assert_memory_not_equal(mine, stored, sizeof(mine));
	assert_false(keyring_class_has(&id));
	assert_int_equal(keyring_class_newest(&clinic_a, KEY_CLASS_patient), 0);

	/* what is stored replaces what was kept */
	assert_int_equal(keyring_class_add(&id, view(mine)), ERR_OK);
	assert_int_equal(keyring_class_add(&id, view(stored)), ERR_OK);
	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 1, &key, wrapped),
	    ERR_OK);
	assert_int_equal(keyring_class_add(&id, view(stored)), ERR_OK);
	assert_int_equal(keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann,
			     1, view(wrapped), &again),
	    ERR_OK);
	assert_memory_equal(key.key, again.key, CRYPTO_KEY_SIZE);
	record_key_free(&again);
	assert_int_equal(keyring_class_add(&id, view(mine)), ERR_OK);
	assert_int_equal(keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann,
			     1, view(wrapped), &again),
	    ERR_CRYPTO);
	record_key_free(&key);
	record_key_free(&key); /* idempotent */
	assert_null(key.key);
}

static enum err
try_open(const struct uuid *clinic, enum key_class class,
    const struct uuid *subject, uint32_t version, const uint8_t *wrapped)
{
	struct record_key key;
	enum err r;

	r = keyring_record_open(
	    clinic, class, subject, version, view(wrapped), &key);
	assert_true((r == ERR_OK) == (key.key != NULL));
	assert_int_equal(key.version, version);
	record_key_free(&key);
	return r;
}

/*= EN-04: a wrapped key moved to another clinic, class, subject or version. */
static void
wrapped_key_opens_only_as_what_it_is(void **state)
{
	struct class_key_id id = { clinic_a, KEY_CLASS_patient, 1 }, wrong;
	uint8_t wrapped_class[WRAPPED_KEY_SIZE], wrapped[WRAPPED_KEY_SIZE];
	uint8_t elsewhere[WRAPPED_KEY_SIZE];
	struct record_key key;

	(void)state;
	root_make(4);
	class_make(&clinic_a, KEY_CLASS_patient, 1, wrapped_class);
	class_make(&clinic_a, KEY_CLASS_account, 1, elsewhere);
	class_make(&clinic_b, KEY_CLASS_patient, 1, elsewhere);

	wrong = id, wrong.clinic = clinic_b;
	assert_int_equal(
	    keyring_class_add(&wrong, view(wrapped_class)), ERR_CRYPTO);
	wrong = id, wrong.class = KEY_CLASS_account;
	assert_int_equal(
	    keyring_class_add(&wrong, view(wrapped_class)), ERR_CRYPTO);
	wrong = id, wrong.version = 2;
	assert_int_equal(
	    keyring_class_add(&wrong, view(wrapped_class)), ERR_CRYPTO);
	wrong.version = 0;
	assert_int_equal(
	    keyring_class_add(&wrong, view(wrapped_class)), ERR_CRYPTO);

	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 1, &key, wrapped),
	    ERR_OK);
	record_key_free(&key);
	assert_int_equal(
	    try_open(&clinic_b, KEY_CLASS_patient, &ann, 1, wrapped),
	    ERR_CRYPTO);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_account, &ann, 1, wrapped),
	    ERR_CRYPTO);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_index, &ann, 1, wrapped), ERR_CRYPTO);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_patient, &bob, 1, wrapped),
	    ERR_CRYPTO);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_patient, &ann, 2, wrapped),
	    ERR_CRYPTO);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_patient, &ann, 1, wrapped), ERR_OK);
	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 2, &key, elsewhere),
	    ERR_OK);
	assert_int_equal(key.version, 2);
	record_key_free(&key);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_patient, &ann, 2, elsewhere), ERR_OK);
	assert_int_equal(
	    try_open(&clinic_a, KEY_CLASS_patient, &ann, 1, elsewhere),
	    ERR_CRYPTO);
	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 0, &key, elsewhere),
	    ERR_CRYPTO);
	/* a record's wrapped key is no class key, and the other way round */
	assert_int_equal(keyring_class_add(&id, view(wrapped)), ERR_CRYPTO);
	assert_int_equal(
	    keyring_record_open(&clinic_a, KEY_CLASS_patient,
		&(struct uuid){ { 0 } }, 1, view(wrapped_class), &key),
	    ERR_CRYPTO);
}

/*= EN-05: any flipped bit of a wrapped key, or any missing byte, is refused. */
static void
altered_wrapped_key_is_refused(void **state)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE + 1] = { 0 };
	struct record_key key;

	(void)state;
	root_make(5);
	class_make(&clinic_a, KEY_CLASS_patient, 1, wrapped);
	class_make(&clinic_a, KEY_CLASS_patient, 2, wrapped);
	assert_int_equal(keyring_record_create(&clinic_a, KEY_CLASS_patient,
			     &ann, 1, &key, wrapped),
	    ERR_OK);
	record_key_free(&key);
	assert_int_equal(keyring_wrapped_under(view(wrapped)), 2);
	for (size_t i = 0; i < (size_t)WRAPPED_KEY_SIZE * 8; i++) {
		wrapped[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(
		    keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann, 1,
			view(wrapped), &key),
		    ERR_CRYPTO);
		assert_null(key.key);
		wrapped[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n <= (size_t)WRAPPED_KEY_SIZE + 1; n++) {
		if (n == WRAPPED_KEY_SIZE)
			continue;
		assert_int_equal(
		    keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann, 1,
			(struct bytes){ wrapped, n }, &key),
		    ERR_CRYPTO);
		assert_int_equal(
		    keyring_wrapped_under((struct bytes){ wrapped, n }), 0);
	}
	assert_int_equal(keyring_wrapped_under((struct bytes){ NULL, 0 }), 0);
	wrapped[0] = 2; /* a format yet unknown */
	assert_int_equal(keyring_wrapped_under(view(wrapped)), 0);
}

/*= EN-07: after a rotation new records are wrapped under the newest version,
 * and old ones still open. */
static void
newest_class_key_wraps_and_old_ones_open(void **state)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE], old[WRAPPED_KEY_SIZE],
	    new[WRAPPED_KEY_SIZE];
	struct record_key key;

	(void)state;
	root_make(6);
	class_make(&clinic_a, KEY_CLASS_patient, 1, wrapped);
	assert_int_equal(keyring_record_create(
			     &clinic_a, KEY_CLASS_patient, &ann, 1, &key, old),
	    ERR_OK);
	record_key_free(&key);
	class_make(&clinic_a, KEY_CLASS_patient, 3, wrapped);
	class_make(&clinic_a, KEY_CLASS_patient, 2, wrapped);
	assert_int_equal(keyring_class_newest(&clinic_a, KEY_CLASS_patient), 3);
	assert_int_equal(keyring_class_newest(&clinic_a, KEY_CLASS_account), 0);
	assert_int_equal(keyring_class_newest(&clinic_b, KEY_CLASS_patient), 0);
	assert_int_equal(keyring_record_create(
			     &clinic_a, KEY_CLASS_patient, &bob, 1, &key, new),
	    ERR_OK);
	record_key_free(&key);
	assert_int_equal(keyring_wrapped_under(view(new)), 3);
	assert_int_equal(keyring_wrapped_under(view(old)), 1);
	assert_int_equal(keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann,
			     1, view(old), &key),
	    ERR_OK);
	record_key_free(&key);
}

/*= EN-07: wrapped anew it is the same key, under the newest version; and for
 * nobody else, nor when it does not open */
static void
wrapped_anew_it_is_the_same_key(void **state)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE], old[WRAPPED_KEY_SIZE],
	    new[WRAPPED_KEY_SIZE];
	static const uint8_t zeros[WRAPPED_KEY_SIZE];
	struct record_key key, again;

	(void)state;
	root_make(6);
	class_make(&clinic_a, KEY_CLASS_patient, 1, wrapped);
	assert_int_equal(keyring_record_create(
			     &clinic_a, KEY_CLASS_patient, &ann, 4, &key, old),
	    ERR_OK);
	class_make(&clinic_a, KEY_CLASS_patient, 2, wrapped);
	assert_int_equal(keyring_record_rewrap(&clinic_a, KEY_CLASS_patient,
			     &ann, 4, view(old), new),
	    ERR_OK);
	assert_int_equal(keyring_wrapped_under(view(new)), 2);
	assert_int_equal(keyring_record_open(&clinic_a, KEY_CLASS_patient, &ann,
			     4, view(new), &again),
	    ERR_OK);
	assert_memory_equal(again.key, key.key, CRYPTO_KEY_SIZE);
	record_key_free(&again);
	record_key_free(&key);

	assert_int_equal(keyring_record_rewrap(&clinic_a, KEY_CLASS_patient,
			     &ann, 5, view(old), new),
	    ERR_CRYPTO);
	assert_memory_equal(new, zeros, sizeof(new));
	assert_int_equal(keyring_record_rewrap(&clinic_a, KEY_CLASS_patient,
			     &bob, 4, view(old), new),
	    ERR_CRYPTO);
	assert_int_equal(keyring_record_rewrap(&clinic_b, KEY_CLASS_patient,
			     &ann, 4, view(old), new),
	    ERR_CRYPTO);
	assert_int_equal(keyring_record_rewrap(&clinic_a, KEY_CLASS_patient,
			     &ann, 4, (struct bytes){ NULL, 0 }, new),
	    ERR_CRYPTO);
	old[40] ^= 1;
	assert_int_equal(keyring_record_rewrap(&clinic_a, KEY_CLASS_patient,
			     &ann, 4, view(old), new),
	    ERR_CRYPTO);
	assert_memory_equal(new, zeros, sizeof(new));
}

/* The cache grows and stays in order whatever the order of arrival. */
static void
keys_of_many_clinics_are_kept(void **state)
{
	struct uuid clinic = { { 0 } };
	struct class_key_id id;
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	unsigned i, n = 300;

	(void)state;
	root_make(7);
	for (i = 0; i < n; i++) {
		clinic.b[0] = (uint8_t)(i * 167);
		clinic.b[15] = (uint8_t)(i >> 8);
		class_make(
		    &clinic, (enum key_class)(i % 3), 1 + i % 5, wrapped);
	}
	for (i = 0; i < n; i++) {
		clinic.b[0] = (uint8_t)(i * 167);
		clinic.b[15] = (uint8_t)(i >> 8);
		id = (struct class_key_id){ clinic, (enum key_class)(i % 3),
			1 + i % 5 };
		assert_true(keyring_class_has(&id));
		assert_int_equal(
		    keyring_class_newest(&clinic, id.class), id.version);
		id.version = 9;
		assert_false(keyring_class_has(&id));
		assert_int_equal(keyring_class_newest(
				     &clinic, (enum key_class)((i + 1) % 3)),
		    0);
	}
}

/*= EN-08, EN-09: no key serves two purposes, clinics or columns. */
static void
derived_keys_are_all_different(void **state)
{
	uint8_t k[6][CRYPTO_KEY_SIZE], wrapped[WRAPPED_KEY_SIZE];
	uint32_t versions[3];

	(void)state;
	root_make(8);
	class_make(&clinic_a, KEY_CLASS_index, 1, wrapped);
	class_make(&clinic_b, KEY_CLASS_index, 1, wrapped);
	assert_int_equal(
	    keyring_index_key(&clinic_a, 1, "patient.mrn", k[0]), ERR_OK);
	assert_int_equal(
	    keyring_index_key(&clinic_b, 1, "patient.mrn", k[1]), ERR_OK);
	assert_int_equal(
	    keyring_index_key(&clinic_a, 1, "patient.ssn", k[2]), ERR_OK);
	assert_int_equal(keyring_purpose_key("cursor", k[3]), ERR_OK);
	assert_int_equal(keyring_purpose_key("cursors", k[4]), ERR_OK);
	memset(k[5], 0, CRYPTO_KEY_SIZE);
	assert_int_equal(keyring_root_check(k[5]), ERR_OK);
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(k[i], k[j], KEY_CHECK_SIZE);
	assert_int_equal(
	    keyring_index_key(&clinic_a, 1, "patient.mrn", k[5]), ERR_OK);
	assert_memory_equal(k[0], k[5], CRYPTO_KEY_SIZE);
	assert_int_equal(
	    keyring_index_key(&clinic_a, 2, "patient.mrn", k[5]), ERR_CRYPTO);
	class_make(&clinic_a, KEY_CLASS_index, 2, wrapped);
	assert_int_equal(
	    keyring_index_key(&clinic_a, 2, "patient.mrn", k[5]), ERR_OK);
	assert_memory_not_equal(k[0], k[5], CRYPTO_KEY_SIZE);
	class_make(&clinic_a, KEY_CLASS_job, 9, wrapped);
	assert_int_equal(
	    keyring_class_versions(&clinic_a, KEY_CLASS_index, versions, 3), 2);
	assert_int_equal(versions[0], 2);
	assert_int_equal(versions[1], 1);
	assert_int_equal(
	    keyring_class_versions(&clinic_a, KEY_CLASS_index, versions, 1), 1);
	assert_int_equal(
	    keyring_class_versions(&clinic_a, KEY_CLASS_account, versions, 3),
	    0);
}

static void
purpose_too_long_is_refused(void **state)
{
	char purpose[200];
	uint8_t out[CRYPTO_KEY_SIZE] = { 1 };

	(void)state;
	root_make(9);
	memset(purpose, 'x', sizeof(purpose));
	purpose[sizeof(purpose) - 1] = '\0';
	assert_int_equal(keyring_purpose_key(purpose, out), ERR_CRYPTO);
	assert_int_equal(out[0], 0);
}

static void
class_names_are_stable(void **state)
{
	enum key_class class;

	(void)state;
	assert_string_equal(key_class_name(KEY_CLASS_patient), "patient");
	assert_string_equal(key_class_name(KEY_CLASS_account), "account");
	assert_string_equal(key_class_name(KEY_CLASS_index), "index");
	assert_int_equal(key_class_parse("account", &class), ERR_OK);
	assert_int_equal(class, KEY_CLASS_account);
	assert_int_equal(key_class_parse("Account", &class), ERR_INVALID_FIELD);
	assert_int_equal(key_class_parse("", &class), ERR_INVALID_FIELD);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/root", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	log_sink(capture);
	return crypto_init() == ERR_OK && secret_init(1 << 16) == ERR_OK ? 0
									 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_works_without_a_root_key),
		cmocka_unit_test(root_file_is_refused_unless_private),
		cmocka_unit_test(root_file_has_one_of_two_forms),
		cmocka_unit_test(wrong_root_key_shows),
		cmocka_unit_test(class_key_counts_only_once_stored),
		cmocka_unit_test(wrapped_key_opens_only_as_what_it_is),
		cmocka_unit_test(altered_wrapped_key_is_refused),
		cmocka_unit_test(newest_class_key_wraps_and_old_ones_open),
		cmocka_unit_test(wrapped_anew_it_is_the_same_key),
		cmocka_unit_test(keys_of_many_clinics_are_kept),
		cmocka_unit_test(derived_keys_are_all_different),
		cmocka_unit_test(purpose_too_long_is_refused),
		cmocka_unit_test(class_names_are_stable),
	};

	const struct CMUnitTest of_root[] = {
		cmocka_unit_test(root_file_of_another_user_is_refused),
	};
	int failed = cmocka_run_group_tests(tests, setup, NULL);

	if (geteuid() == 0)
		failed += cmocka_run_group_tests(of_root, NULL, NULL);
	return failed + teardown(NULL);
}
