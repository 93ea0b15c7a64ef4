#ifndef CARD_WORLD_H
#define CARD_WORLD_H

#include "base/card.h"
#include "base/text.h"
#include "fuzz.h"

#include <ctype.h>

/* What is a card's where other numbers are expected is one everywhere. */
static void
kinds_agree(struct arena *a, const char *in, enum err free_text)
{
	must(free_text == ERR_CARD_NUMBER ||
	    (card_check(a, CARD_PHONE, in) != ERR_CARD_NUMBER &&
		card_check(a, CARD_IDENTIFIER, in) != ERR_CARD_NUMBER));
}

/* Whatever stands before it. */
static void
one_more_is_seen(struct arena *a, const char *in)
{
	must(card_check(a, CARD_FREE,
		 arena_format(a, "%s / x 4242-4242 42424242 x", in)) ==
	    ERR_CARD_NUMBER);
}

static void
without_digits_is_none(struct arena *a, const char *in)
{
	char *s, *without = arena_text(a, in);

	for (s = without; *s != '\0'; s++)
		if (isdigit((unsigned char)*s) || (unsigned char)*s >= 0x80)
			*s = 'x';
	must(card_check(a, CARD_FREE, without) == ERR_OK);
}

#endif
