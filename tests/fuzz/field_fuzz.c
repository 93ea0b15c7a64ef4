/* Fuzzes field_open, keyring_record_open, field_seal: src/data/field.c,
 * src/base/keyring.c. Nothing that was not sealed here opens. */
#include "base/crypto.h"
#include "base/log.h"
#include "base/secret.h"
#include "data/field.h"
#include "fuzz.h"

static const struct uuid id = { { 1 } };
static struct record_key key;

static void
quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct class_key_id class = { id, KEY_CLASS_patient, 1 };
	uint8_t box[KEY_BOX_SIZE];
	char name[] = "/tmp/fuzz_root.XXXXXX";
	const char *why;
	int fd = mkstemp(name);

	(void)argc;
	(void)argv;
	log_sink(quiet);
	must(fd != -1 &&
	    write(fd, "0123456789abcdef0123456789abcdef", 32) == 32);
	must(crypto_init() == ERR_OK && secret_init(1 << 16) == ERR_OK &&
	    keyring_root_load(name, &why) == ERR_OK && unlink(name) == 0);
	must(keyring_class_create(&class, box) == ERR_OK &&
	    keyring_class_add(&class, (struct bytes){ box, sizeof(box) }) ==
		ERR_OK);
	must(keyring_record_create(&id, KEY_CLASS_patient, &id, &key, box) ==
	    ERR_OK);
	return close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const enum field f = FIELD_patient_phone;
	struct arena *a = arena_new();
	struct bytes in = { data, n }, box, out;
	struct record_key opened = { 0 };
	uint8_t *copy;

	must(field_open(a, &key, f, &id, in, &out) == ERR_CRYPTO);
	must(keyring_record_open(&id, KEY_CLASS_patient, &id, 1, in, &opened) ==
	    ERR_CRYPTO);
	if (field_seal(a, &key, f, &id, in, &box) == ERR_OK) {
		must(field_open(a, &key, f, &id, box, &out) == ERR_OK &&
		    out.n == n && memcmp(out.p, data, n) == 0);
		copy = arena_copy(a, box.p, box.n);
		copy[(n > 0 ? data[0] : 0) % box.n] ^= 1 << (n % 8);
		box.p = copy;
		must(field_open(a, &key, f, &id, box, &out) == ERR_CRYPTO);
	}
	arena_free(a);
	return 0;
}
