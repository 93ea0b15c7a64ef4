#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "care/letter.h"

#include <stdio.h>
#include <string.h>

static struct arena *arena;

static const char *const mails[] = {
#define MAIL(name, en_subject, en_text, es_subject, es_text)                   \
	en_subject, en_text, es_subject, es_text,
#include "tables/mails.def"
#undef MAIL
};

static struct letter_words
words(void)
{
	return (struct letter_words){
		.from = "no-reply@clinic.example",
		.from_name = "Harbor",
		.to = "ann@example.com",
		.subject = "Mail from {clinic}",
		.text = "Hello.\n\n{link}\n\nBye, {clinic}.",
		.link = "https://clinic.example/invitation#t",
		.language = "en",
		.id = "1234",
		.now = 1795853171,
	};
}

static struct letter
written(const struct letter_words *w)
{
	struct letter l = { 0 };

	assert_int_equal(letter_write(arena, w, &l), ERR_OK);
	assert_int_equal(l.n, strlen(l.message));
	return l;
}

/* RFC 5322 2.1.1: no line of more than 78 characters, each ended by CR LF, and
 * nothing that is not ASCII. */
static void
lines_are_sound(const char *s)
{
	const char *end;

	for (; *s != '\0'; s = end + 2) {
		assert_non_null(end = strstr(s, "\r\n"));
		assert_true(end - s <= 78);
		for (; s < end; s++)
			assert_true(*s >= 0x20 && *s < 0x7f);
	}
}

static void
a_letter_has_what_mailboxes_look_for(void **state)
{
	struct letter_words w = words();
	struct letter l = written(&w);

	(void)state;
	lines_are_sound(l.message);
	assert_string_equal(l.to, "ann@example.com");
	assert_non_null(
	    strstr(l.message, "Date: Sat, 28 Nov 2026 08:06:11 +0000\r\n"));
	assert_non_null(
	    strstr(l.message, "Message-ID: <1234@clinic.example>\r\n"));
	assert_non_null(strstr(l.message, "\r\nTo: <ann@example.com>\r\n"));
	assert_non_null(
	    strstr(l.message, "Auto-Submitted: auto-generated\r\n"));
	/* "Mail from Harbor" */
	assert_non_null(strstr(
	    l.message, "Subject: =?UTF-8?B?TWFpbCBmcm9tIEhhcmJvcg==?=\r\n"));
	/* "Hello.\r\n\r\nhttps://…" begins the text */
	assert_non_null(strstr(l.message, "\r\nSGVsbG8uDQoNCmh0dHBzOi8v"));
}

/* In the HTML part, too: who copies them from there copies lines. */
static void
lines_stay_lines(void **state)
{
	struct letter_words w = words();
	static char packed[65536];
	const char *s;
	size_t n = 0;

	(void)state;
	w.text = "{lines}";
	w.link = "a\nb <c>";
	for (s = written(&w).message; *s != '\0'; s++)
		if (*s != '\r' && *s != '\n')
			packed[n++] = *s;
	packed[n] = '\0';
	/* base64 of "<pre>a\nb &lt;c&gt;</pre>" at any of three alignments */
	assert_true(strstr(packed, "PHByZT5hCmIgJmx0O2MmZ3Q7PC9wcmU+") ||
	    strstr(packed, "xwcmU+YQpiICZsdDtjJmd0OzwvcHJlP") ||
	    strstr(packed, "8cHJlPmEKYiAmbHQ7YyZndDs8L3ByZT"));
}

static void
long_and_foreign_words_are_cut_between_letters(void **state)
{
	struct letter_words w = words();
	char name[401] = "", text[3000] = "";
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		memcpy(name + i * 3, "\xe0\xb6\x9a", 4); /* Sinhala ka */
	for (i = 0; i < 500; i++)
		memcpy(text + i * 5, "abcd\n", 6);
	w.from_name = name;
	w.text = text;
	lines_are_sound(written(&w).message);
}

static void
nothing_put_in_adds_a_header_or_a_tag(void **state)
{
	static const char *const bad[] = { "a@b\r\nBcc: c@d", "a@b>,<c@d",
		"a b@c", "a\"@b", "a@b\n" };
	struct letter_words w = words();
	struct letter l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		w.to = bad[i];
		assert_int_equal(
		    letter_write(arena, &w, &l), ERR_INVALID_FIELD);
	}
	w = words();
	w.from_name = "A\r\nBcc: c@d";
	assert_null(strstr(written(&w).message, "\r\nBcc"));
	w.from_name = "<b>";
	/* "Bye, &lt;b&gt;." stands in the HTML part: base64 of "&lt;b&gt;" at
	 * any of three alignments */
	l = written(&w);
	assert_true(strstr(l.message, "Jmx0O2ImZ3Q7") != NULL ||
	    strstr(l.message, "ZsdDtiJmd0O") != NULL ||
	    strstr(l.message, "mbHQ7YiZndD") != NULL);
}

static void
what_is_too_long_is_refused(void **state)
{
	static char text[9000];
	struct letter_words w = words();
	struct letter l;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	w.text = text;
	assert_int_equal(letter_write(arena, &w, &l), ERR_INVALID_FIELD);
	w = words();
	w.link = text;
	assert_int_equal(letter_write(arena, &w, &l), ERR_INVALID_FIELD);
}

static enum err
refuse(struct arena *a, const struct letter *l)
{
	(void)a;
	(void)l;
	return ERR_MAIL_REFUSED;
}

static void
without_a_carrier_letters_wait(void **state)
{
	struct letter_words w = words();
	struct letter l = written(&w);

	(void)state;
	assert_int_equal(letter_send(arena, &l), ERR_MAIL_DELAYED);
	letter_carrier(refuse);
	assert_int_equal(letter_send(arena, &l), ERR_MAIL_REFUSED);
	letter_carrier(NULL);
}

/*= TR-26: no patient, no time, no reason has a place in any mail */
static void
a_mail_is_of_its_clinic_and_a_link_alone(void **state)
{
	const char *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(mails) / sizeof(*mails); i++)
		for (p = mails[i]; (p = strchr(p, '{')) != NULL; p++)
			assert_true(strncmp(p, "{clinic}", 8) == 0 ||
			    strncmp(p, "{link}", 6) == 0 ||
			    strncmp(p, "{lines}", 7) == 0);
}

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_letter_has_what_mailboxes_look_for),
		TEST(lines_stay_lines),
		TEST(long_and_foreign_words_are_cut_between_letters),
		TEST(nothing_put_in_adds_a_header_or_a_tag),
		TEST(what_is_too_long_is_refused),
		TEST(without_a_carrier_letters_wait),
		TEST(a_mail_is_of_its_clinic_and_a_link_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
