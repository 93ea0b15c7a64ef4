#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEEDED                                                                 \
	"origin https://clinic.example\n"                                      \
	"database dbname=epione\n"                                             \
	"root_key /etc/epione/root.key\n"

static char folder[] = "/tmp/epione-conf-XXXXXX";
static char file[64], secret[64];

static void
written(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
good(const char *text)
{
	char message[256] = "left over";

	written(file, text, 0600);
	if (conf_read(file, message) != ERR_OK)
		fail_msg("%s", message);
	assert_string_equal(message, "");
}

/* The complaint begins with the file, then goes on as `said`. */
static void
bad(const char *text, const char *said)
{
	char message[256] = "";
	size_t n = strlen(file);

	written(file, text, 0600);
	assert_int_equal(conf_read(file, message), ERR_INVALID_FIELD);
	assert_memory_equal(message, file, n);
	if (strncmp(message + n, said, strlen(said)) != 0)
		fail_msg("\"%s\" does not go on \"%s\"", message, said);
	assert_null(strchr(message, '\n'));
	/* nothing is half read */
	assert_null(conf()->origin);
	assert_int_equal(conf()->workers, 0);
}

static void
what_is_not_said_has_its_default(void **state)
{
	(void)state;
	good(NEEDED);
	assert_string_equal(conf()->origin, "https://clinic.example");
	assert_string_equal(conf()->database, "dbname=epione");
	assert_string_equal(conf()->assets, "assets");
	assert_string_equal(conf()->turn_secret, "");
	assert_int_equal(conf()->workers, 2);
	assert_int_equal(conf()->turn_seconds, 3600);
}

static void
space_and_comments_do_not_count(void **state)
{
	(void)state;
	good("# first\n\n \t# second\n \tworkers \t 7 \t\r\n"
	     "turn_urls turn:a:1 turn:b:2 \n" NEEDED);
	assert_int_equal(conf()->workers, 7);
	assert_string_equal(conf()->turn_urls, "turn:a:1 turn:b:2");
	good(NEEDED "workers 9"); /* no end of line */
	assert_int_equal(conf()->workers, 9);
}

static void
a_complaint_names_file_line_and_setting(void **state)
{
	(void)state;
	bad(NEEDED "wokers 2\n", ":4: wokers: this setting is not known");
	bad(NEEDED "Workers 2\n", ":4: Workers: this setting is not known");
	bad("workers 2\n" NEEDED "\nworkers 2\n",
	    ":6: workers: this setting is given a second time");
	bad("\nworkers many\n" NEEDED,
	    ":2: workers is a whole number from 1 to 64");
	bad("origin https://clinic.example\nroot_key k\n",
	    ": database is not set (");
	bad("origin\ndatabase d\nroot_key k\n", ": origin is not set (");
}

static void
a_count_keeps_its_limits(void **state)
{
	static const char *const wrong[] = { "0", "65", "-1", "2x", "2 3",
		"0x10", "1.5", "99999999999999999999", "" };
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), NEEDED "# four\nworkers %s\n",
		    wrong[i]);
		bad(text, ":5: workers is a whole number from 1 to 64");
	}
	good(NEEDED "workers 1\n");
	assert_int_equal(conf()->workers, 1);
	good(NEEDED "workers 64\n");
	assert_int_equal(conf()->workers, 64);
}

static void
a_line_is_never_cut(void **state)
{
	char text[2048];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "assets ", 7);
	memcpy(text + 1022, "\n" NEEDED, sizeof("\n" NEEDED));
	good(text);
	assert_int_equal(strlen(conf()->assets), 1022 - 7);
	text[1022] = 'x';
	bad(text, ":1: this line is longer than 1000 characters");
}

static void
a_secret_is_the_first_line_of_its_file(void **state)
{
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), NEEDED "turn_secret %s\n", secret);
	written(secret, "hunter2 \nnot this\n", 0400);
	good(text);
	assert_string_equal(conf()->turn_secret, "hunter2 ");
	assert_int_equal(unlink(secret), 0);
}

/* Reads a file whose turn_secret is this, and is refused; nothing of the
 * secret is said. */
static void
bad_secret(const char *content, mode_t mode, const char *why)
{
	char text[256], said[256];

	if (content != NULL)
		written(secret, content, mode);
	snprintf(text, sizeof(text), NEEDED "turn_secret %s\n", secret);
	snprintf(said, sizeof(said), ":4: turn_secret: %s: %s", secret, why);
	bad(text, said);
	assert_true(content == NULL || unlink(secret) == 0);
}

static void
a_secret_that_others_read_or_that_is_none_is_refused(void **state)
{
	char much[1100];

	(void)state;
	bad_secret("hunter2\n", 0440, "others may read this secret");
	bad_secret("hunter2\n", 0404, "others may read this secret");
	bad_secret("hunter2\n", 0420, "others may read this secret");
	bad_secret("", 0400, "there is no secret in this file");
	bad_secret("\nhunter2\n", 0400, "there is no secret in this file");
	bad_secret(NULL, 0, "No such file");
	memset(much, 'x', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	bad_secret(much, 0400, "this secret is longer");
}

static void
a_file_that_is_not_there_is_said(void **state)
{
	char message[256] = "";

	(void)state;
	assert_int_equal(
	    conf_read("/nowhere/epione.conf", message), ERR_INVALID_FIELD);
	assert_string_equal(
	    message, "/nowhere/epione.conf: No such file or directory");
}

static int
folder_make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/epione.conf", folder);
	snprintf(secret, sizeof(secret), "%s/secret", folder);
	return 0;
}

static int
folder_remove(void **state)
{
	(void)state;
	unlink(secret); /* of a test that failed */
	return unlink(file) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/*= TR-20: who is believed is read once, and not half */
static void
networks_are_numbers_or_nothing(void **state)
{
	(void)state;
	good(NEEDED);
	assert_int_equal(conf()->proxy_addresses.n, 0);
	good(NEEDED "proxy_addresses 192.0.2.7 10.0.0.0/8 2001:db8::/32\n");
	assert_int_equal(conf()->proxy_addresses.n, 3);
	assert_int_equal(conf()->proxy_addresses.list[1].bits, 96 + 8);
	bad(NEEDED "proxy_addresses 192.0.2.7 10.0.0/8 ::1\n",
	    ":4: proxy_addresses is a list of up to 64 addresses and networks "
	    "(192.0.2.7 10.0.0.0/8 2001:db8::/32), not 10.0.0/8");
	bad(NEEDED "proxy_addresses 10.0.0.1,10.0.0.2\n",
	    ":4: proxy_addresses is a list");
}

/*= EN-06: it may hold a password, and names the root key */
static void
a_file_that_others_read_or_change_is_refused(void **state)
{
	static const mode_t wrong[] = { 0644, 0604, 0602, 0601, 0660, 0620,
		0777 };
	static const mode_t right[] = { 0400, 0600, 0440, 0640 };
	char message[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		written(file, NEEDED, wrong[i]);
		assert_int_equal(conf_read(file, message), ERR_INVALID_FIELD);
		assert_non_null(strstr(message, "chmod 0400"));
	}
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		unlink(file);
		written(file, NEEDED, right[i]);
		assert_int_equal(conf_read(file, message), ERR_OK);
		unlink(file);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_others_read_or_change_is_refused),
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(space_and_comments_do_not_count),
		cmocka_unit_test(a_complaint_names_file_line_and_setting),
		cmocka_unit_test(a_count_keeps_its_limits),
		cmocka_unit_test(networks_are_numbers_or_nothing),
		cmocka_unit_test(a_line_is_never_cut),
		cmocka_unit_test(a_secret_is_the_first_line_of_its_file),
		cmocka_unit_test(
		    a_secret_that_others_read_or_that_is_none_is_refused),
		cmocka_unit_test(a_file_that_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
