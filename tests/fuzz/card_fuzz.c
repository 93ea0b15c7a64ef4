/* Fuzzes card_check: src/base/card.c. */
#include "card_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const char *in = arena_text_n(a, (const char *)p, n);
	enum err r = card_check(a, CARD_FREE, in);

	must(text_utf8_valid(in, strlen(in)) || r != ERR_CARD_NUMBER);
	kinds_agree(a, in, r);
	if (r != ERR_OK && r != ERR_CARD_NUMBER)
		return;
	one_more_is_seen(a, in);
	without_digits_is_none(a, in);
}
