/* Fuzzes text_clean, text_nfc, text_email, text_base64url_decode, text_fold,
 * text_alnum and text_phone: src/base/text.c, text_fold.c, text_phone.c. */
#include "text_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const char *in = arena_text_n(a, (const char *)p, n);
	bool valid = text_utf8_valid(in, strlen(in));

	stays(a, line_clean, in, valid);
	stays(a, lines_clean, in, valid);
	stays(a, text_nfc, in, valid);
	stays(a, text_fold, in, valid);
	stays(a, text_email, in, valid);
	stays(a, text_alnum, in, valid);
	stays(a, text_phone, in, valid);
	base64url_exact(a, in);
}
