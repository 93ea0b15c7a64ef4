#include "gate/tell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define ID "0190b0a6-4c1e-7c3a-9f00-0123456789ab"

static void
a_message_is_an_id_and_a_word(void **state)
{
	char word[TELL_WORD_MAX + 1], back[UUID_TEXT_SIZE];
	struct uuid id;

	(void)state;
	assert_true(tell_read(ID " in_call", &id, word));
	uuid_text(&id, back);
	assert_string_equal(back, ID);
	assert_string_equal(word, "in_call");
	assert_true(
	    tell_read(ID " abcdefghijklmnopqrstuvwxyz_abcd", &id, word));
	assert_int_equal(strlen(word), TELL_WORD_MAX);
}

static const char *const nonsense[] = {
	"",
	" ",
	"in_call",
	ID,
	ID " ",
	ID "_in_call",
	ID " In_call",
	ID " in call",
	ID " in_call\n",
	ID " 1",
	ID " abcdefghijklmnopqrstuvwxyz_abcde",
	"0190b0a6-4c1e-7c3a-9f00-0123456789aX in_call",
};

/* Whoever may connect to the database can say something on the channel. */
static void
anything_else_is_none(void **state)
{
	char word[TELL_WORD_MAX + 1];
	struct uuid id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		if (tell_read(nonsense[i], &id, word))
			fail_msg("read: %s", nonsense[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_an_id_and_a_word),
		cmocka_unit_test(anything_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
