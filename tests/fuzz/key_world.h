#ifndef KEY_WORLD_H
#define KEY_WORLD_H

/* A root key, a class key and a record key, for what is sealed under them. */
#include "base/crypto.h"
#include "base/secret.h"
#include "data/field.h"
#include "fuzz.h"

#include <unistd.h>

static const struct uuid id = { { 1 } }, other_id = { { 2 } };
static struct record_key key;

void
fuzz_begin(void)
{
	struct class_key_id class = { id, KEY_CLASS_patient, 1 };
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	char name[] = "/tmp/fuzz_root.XXXXXX";
	const char *why;
	int fd = mkstemp(name);

	must(fd != -1 &&
	    write(fd, "0123456789abcdef0123456789abcdef", 32) == 32);
	must(crypto_init() == ERR_OK && secret_init(1 << 16) == ERR_OK &&
	    keyring_root_load(name, &why) == ERR_OK && unlink(name) == 0);
	must(keyring_class_create(&class, wrapped) == ERR_OK &&
	    keyring_class_add(
		&class, (struct bytes){ wrapped, sizeof(wrapped) }) == ERR_OK);
	must(keyring_record_create(
		 &id, KEY_CLASS_patient, &id, 1, &key, wrapped) == ERR_OK);
	must(close(fd) == 0);
}

static bool
opens(
    struct arena *a, enum field f, const struct uuid *row, struct bytes sealed)
{
	struct bytes out;
	enum err r = field_open(a, &key, f, row, sealed, &out);

	must(r == ERR_OK || r == ERR_CRYPTO);
	return r == ERR_OK;
}

/* Opens where it was sealed, and nowhere else, and unaltered only. */
static void
opens_only_here(
    struct arena *a, enum field f, struct bytes in, struct bytes sealed)
{
	uint8_t *copy = arena_copy(a, sealed.p, sealed.n);
	struct bytes out, altered = { copy, sealed.n };

	must(field_open(a, &key, f, &id, sealed, &out) == ERR_OK &&
	    out.n == in.n && memcmp(out.p, in.p, in.n) == 0);
	must(!opens(a, f, &other_id, sealed) &&
	    !opens(a, (f + 1) % FIELD_COUNT, &id, sealed));
	copy[in.p[0] % sealed.n] ^= 1 << (in.n % 8);
	must(!opens(a, f, &id, altered));
	altered.n = in.p[0] % sealed.n;
	must(!opens(a, f, &id, altered));
}

#endif
