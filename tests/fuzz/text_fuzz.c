/* Fuzzes text_clean, text_nfc, text_fold, text_email, text_alnum and
 * text_base64url_decode: src/base/text.c. What is clean stays as it is. */
#include "base/text.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	const char *in = arena_text_n(a, (const char *)data, n);
	bool valid = text_utf8_valid(in, strlen(in)), lines = n % 2;
	char *once, *twice;
	uint8_t *raw;
	size_t raw_n;

	if (text_clean(a, in, lines, &once) == ERR_OK)
		must(valid && text_clean(a, once, lines, &twice) == ERR_OK &&
		    strcmp(once, twice) == 0);
	must((text_nfc(a, in, &once) == ERR_BAD_ENCODING) == !valid);
	if (text_fold(a, in, &once) == ERR_OK)
		must(valid && text_utf8_valid(once, strlen(once)) &&
		    text_alnum(a, in, &twice) == ERR_OK);
	if (text_email(a, in, &once) == ERR_OK)
		must(text_utf8_valid(once, strlen(once)));
	if (text_base64url_decode(a, in, &raw, &raw_n) == ERR_OK)
		must(strcmp(text_base64url(a, raw, raw_n), in) == 0);
	arena_free(a);
	return 0;
}
