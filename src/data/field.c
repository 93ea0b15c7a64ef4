#include "data/field.h"

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT	    1
#define HEADER	    (1 + 4) /* format, record key version */
#define TEXT	    (HEADER + CRYPTO_NONCE_SIZE)
#define STORED_MAX  64
#define BINDING_MAX (HEADER + 16 + 16 + STORED_MAX)

static const struct {
	const char *stored;
	size_t limit;
	enum key_class class;
	enum field_index index;
} fields[FIELD_COUNT] = {
#define FIELD(name, stored, bytes, class, index)                               \
	[FIELD_##                                                              \
	    name] = { stored, bytes, KEY_CLASS_##class, FIELD_INDEX_##index },
#include "tables/fields.def"
#undef FIELD
};

#define FIELD(name, stored, bytes, class, index)                               \
	_Static_assert(sizeof(stored) - 1 <= STORED_MAX, stored " is too long");
#include "tables/fields.def"
#undef FIELD

const char *
field_stored(enum field f)
{
	return fields[f].stored;
}

size_t
field_limit(enum field f)
{
	return fields[f].limit;
}

enum key_class
field_class(enum field f)
{
	return fields[f].class;
}

enum field_index
field_index_kind(enum field f)
{
	return fields[f].index;
}

/* sealing */

static struct bytes
text_bytes(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/*= EN-08: each column has a key of its own. */
static enum err
field_key(
    const struct record_key *key, enum field f, uint8_t out[CRYPTO_KEY_SIZE])
{
	if (key->key == NULL)
		return ERR_CRYPTO;
	return crypto_hkdf_expand(
	    key->key, text_bytes(fields[f].stored), out, CRYPTO_KEY_SIZE);
}

static void
header_put(uint32_t version, uint8_t out[HEADER])
{
	out[0] = FORMAT;
	out[1] = (uint8_t)(version >> 24);
	out[2] = (uint8_t)(version >> 16);
	out[3] = (uint8_t)(version >> 8);
	out[4] = (uint8_t)version;
}

/*= EN-04: what is authenticated with the text: format and key version, clinic,
 * row, table and column. */
static struct bytes
bind(const struct record_key *key, enum field f, const struct uuid *row,
    uint8_t out[BINDING_MAX])
{
	size_t n = strlen(fields[f].stored);
	uint8_t *p = out;

	header_put(key->version, p);
	p += HEADER;
	memcpy(p, key->clinic.b, sizeof(key->clinic.b));
	p += sizeof(key->clinic.b);
	memcpy(p, row->b, sizeof(row->b));
	p += sizeof(row->b);
	memcpy(p, fields[f].stored, n); /* last: the only part that varies */
	return (struct bytes){ out, (size_t)(p - out) + n };
}

/*= EN-02, EN-03: version, key version, random 96-bit nonce, text, 128-bit
 * tag. */
enum err
field_seal(struct arena *a, const struct record_key *key, enum field f,
    const struct uuid *row, struct bytes in, struct bytes *out)
{
	uint8_t binding[BINDING_MAX], k[CRYPTO_KEY_SIZE], *sealed;
	enum err r;

	*out = (struct bytes){ NULL, 0 };
	if (in.n > fields[f].limit)
		return ERR_INVALID_FIELD;
	sealed = arena_alloc(a, in.n + FIELD_OVERHEAD);
	header_put(key->version, sealed);
	secret_random(sealed + HEADER, CRYPTO_NONCE_SIZE);
	if ((r = field_key(key, f, k)) == ERR_OK)
		r = crypto_aead_seal(k, sealed + HEADER,
		    bind(key, f, row, binding), in, sealed + TEXT,
		    sealed + TEXT + in.n);
	secret_wipe(k, sizeof(k));
	if (r == ERR_OK)
		*out = (struct bytes){ sealed, in.n + FIELD_OVERHEAD };
	return r;
}

/* The limit is not asked for: a row stays readable when its column's limit is
 * lowered. */
uint32_t
field_sealed_under(struct bytes in)
{
	if (in.p == NULL || in.n < FIELD_OVERHEAD || in.p[0] != FORMAT)
		return 0;
	return (uint32_t)in.p[1] << 24 | (uint32_t)in.p[2] << 16 |
	    (uint32_t)in.p[3] << 8 | in.p[4];
}

static enum err
open_text(const struct record_key *key, enum field f, const struct uuid *row,
    struct bytes in, uint8_t *text)
{
	uint8_t binding[BINDING_MAX], k[CRYPTO_KEY_SIZE];
	size_t n = in.n - FIELD_OVERHEAD;
	enum err r;

	if ((r = field_key(key, f, k)) == ERR_OK)
		r = crypto_aead_open(k, in.p + HEADER,
		    bind(key, f, row, binding),
		    (struct bytes){ in.p + TEXT, n }, in.p + TEXT + n, text);
	secret_wipe(k, sizeof(k));
	return r;
}

/*= EN-04, EN-05: one error for every cause, no partial text, and an event. */
enum err
field_open(struct arena *a, const struct record_key *key, enum field f,
    const struct uuid *row, struct bytes in, struct bytes *out)
{
	uint8_t *text;

	*out = (struct bytes){ NULL, 0 };
	if (key->version != 0 && field_sealed_under(in) == key->version) {
		text = arena_alloc(a, in.n - FIELD_OVERHEAD + 1);
		if (open_text(key, f, row, in, text) == ERR_OK) {
			text[in.n - FIELD_OVERHEAD] = '\0';
			*out = (struct bytes){ text, in.n - FIELD_OVERHEAD };
			return ERR_OK;
		}
	}
	log_warn("field_refused", LOG_CODE("field", fields[f].stored),
	    LOG_ID("row", row), LOG_ID("clinic", &key->clinic));
	return ERR_CRYPTO;
}
