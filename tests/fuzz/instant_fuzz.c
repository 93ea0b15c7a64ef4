/* Fuzzes instant_parse, date_check, uuid_parse: src/base/instant.c, uuid.c.
 * What is read can be written, and reads the same again. */
#include "instant_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const char *in = arena_text_n(a, (const char *)p, n);
	struct uuid id;
	int64_t t;

	if (instant_parse(in, &t) == ERR_OK)
		must(instant_kept(in, t));
	if (date_check(in) == ERR_OK)
		must(date_real(in));
	if (uuid_parse(in, &id) == ERR_OK)
		must(uuid_kept(in, &id));
}
