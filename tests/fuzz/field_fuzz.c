/* Fuzzes field_open, keyring_record_open, field_seal: src/data/field.c,
 * src/base/keyring.c. Nothing that was not sealed here opens; the first byte
 * chooses the column. */
#include "key_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	enum field f = p[0] % FIELD_COUNT;
	struct bytes in = { p, n }, sealed;
	struct record_key opened = { 0 };

	must(!opens(a, f, &id, in));
	must(keyring_record_open(&id, KEY_CLASS_patient, &id, 1, in, &opened) ==
	    ERR_CRYPTO);
	if (field_seal(a, &key, f, &id, in, &sealed) == ERR_OK)
		opens_only_here(a, f, in, sealed);
	else
		must(n > field_limit(f));
}
