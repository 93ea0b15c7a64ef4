/* Fuzzes instant_parse, date_check, uuid_parse: src/base/instant.c, uuid.c.
 * What is read can be written, and reads the same again. */
#include "base/instant.h"
#include "base/uuid.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	const char *in = arena_text_n(a, (const char *)data, n);
	char text[INSTANT_TEXT_SIZE], id_text[UUID_TEXT_SIZE];
	int64_t t, again;
	struct uuid id;

	if (instant_parse(in, &t) == ERR_OK) {
		instant_text(t, text);
		must(instant_parse(text, &again) == ERR_OK && again == t);
		must(in[strlen(in) - 1] != 'Z' || strcmp(in, text) == 0);
	}
	must(date_check(in) != ERR_OK || strlen(in) == 10);
	if (uuid_parse(in, &id) == ERR_OK) {
		uuid_text(&id, id_text);
		must(strcmp(id_text, in) == 0);
	}
	arena_free(a);
	return 0;
}
