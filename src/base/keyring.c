#include "base/keyring.h"

#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What this process may hold: the root and the class keys, each after
 * HKDF-Extract, in secret memory. No function hands them out. */

#define WRAPPED_FORMAT	1
#define ROOT_VERSION	1
#define ROOT_HEX_SIZE	(2 * CRYPTO_KEY_SIZE + 1) /* and the newline */
#define CLASS_NAME_SIZE 8
#define INFO_MAX	128
#define BINDING_SIZE	(1 + 4 + 16 + CLASS_NAME_SIZE + 16 + 4)
#define WRAPPED_NONCE	5
#define WRAPPED_KEY	(WRAPPED_NONCE + CRYPTO_NONCE_SIZE)
#define WRAPPED_TAG	(WRAPPED_KEY + CRYPTO_KEY_SIZE)

struct class_key {
	struct class_key_id id;
	uint8_t *key;
};

static uint8_t *root;
static struct class_key *kept; /* sorted: clinic, class, version */
static size_t kept_count, kept_room;

/* The names are stored and authenticated: rows are never renamed. */
static const char *const class_names[KEY_CLASS_COUNT] = {
#define KEY_CLASS(name, use) [KEY_CLASS_##name] = #name,
#include "tables/key_classes.def"
#undef KEY_CLASS
};

enum use { RECORDS, TOKENS, SIGNS };
static const enum use class_uses[KEY_CLASS_COUNT] = {
#define KEY_CLASS(name, use) [KEY_CLASS_##name] = (use),
#include "tables/key_classes.def"
#undef KEY_CLASS
};

#define KEY_CLASS(name, use)                                                   \
	_Static_assert(sizeof(#name) - 1 <= CLASS_NAME_SIZE, #name);
#include "tables/key_classes.def"
#undef KEY_CLASS

bool key_class_wraps(enum key_class class)
{
	return class_uses[class] == RECORDS;
}

const char *key_class_name(enum key_class class)
{
	return class_names[class];
}

enum err
key_class_parse(const char *name, enum key_class *class)
{
	for (unsigned i = 0; i < KEY_CLASS_COUNT; i++)
		if (strcmp(class_names[i], name) == 0) {
			*class = (enum key_class)i;
			return ERR_OK;
		}
	return ERR_INVALID_FIELD;
}

/*= EN-08: one purpose, one key: each is named in the derivation. */
static enum err
derive(const uint8_t *from, const char *purpose, const char *detail,
    uint8_t *out, size_t out_n)
{
	uint8_t info[INFO_MAX];
	size_t head = strlen(purpose), tail = strlen(detail);

	if (from == NULL || head + 1 + tail > sizeof(info)) {
		secret_wipe(out, out_n);
		return ERR_CRYPTO;
	}
	memcpy(info, purpose, head);
	info[head] = '\0'; /* no detail can pass for part of a purpose */
	memcpy(info + head + 1, detail, tail);
	return crypto_hkdf_expand(
	    from, (struct bytes){ info, head + 1 + tail }, out, out_n);
}

/* Keys are used for derivation only, so they are held extracted. */
static enum err
extract(const uint8_t raw[CRYPTO_KEY_SIZE], uint8_t **key)
{
	enum err r;

	if ((*key = secret_alloc(CRYPTO_KEY_SIZE)) == NULL)
		return ERR_CRYPTO;
	r = crypto_hkdf_extract((struct bytes){ raw, CRYPTO_KEY_SIZE },
	    (struct bytes){ NULL, 0 }, *key);
	if (r != ERR_OK) {
		secret_free(*key, CRYPTO_KEY_SIZE);
		*key = NULL;
	}
	return r;
}

/* the root key */

struct refusal {
	const char *code;
	const char *sentence;
};

static const struct refusal no_file = { "absent",
	"The root key file does not exist." };
static const struct refusal no_link = { "symbolic_link",
	"The root key file is a symbolic link." };
static const struct refusal no_access = { "unreadable",
	"The root key file cannot be read." };
static const struct refusal no_regular = { "not_a_file",
	"The root key file is not a regular file." };
static const struct refusal no_owner = { "owner",
	"The root key file belongs neither to root nor to this user." };
static const struct refusal no_mode = { "mode",
	"The root key file must have mode 0400 or 0600." };
static const struct refusal no_size = { "size",
	"The root key file must hold 32 bytes, or 64 hexadecimal digits and "
	"a newline." };
static const struct refusal no_digits = { "digits",
	"The root key file holds something else than hexadecimal digits." };
static const struct refusal no_entropy = { "zero",
	"The root key is zero: the file was never filled or was lost." };
static const struct refusal no_memory = { "memory",
	"There is no locked memory left to hold the root key." };
static const struct refusal no_crypto = { "crypto",
	"The root key cannot be used: libcrypto refuses." };

/*= EN-06: nobody but root and this user may have been able to read it. */
static const struct refusal *
root_file_check(int fd, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return &no_access;
	if (!S_ISREG(st.st_mode))
		return &no_regular;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return &no_owner;
	if ((st.st_mode & 07777) != 0400 && (st.st_mode & 07777) != 0600)
		return &no_mode;
	if (st.st_size != CRYPTO_KEY_SIZE && st.st_size != ROOT_HEX_SIZE)
		return &no_size;
	*size = (size_t)st.st_size;
	return NULL;
}

static const struct refusal *
root_file_open(const char *path, int *fd)
{
	/* O_NONBLOCK: a FIFO in its place must not hang the start */
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd >= 0)
		return NULL;
	if (errno == ENOENT)
		return &no_file;
	return errno == ELOOP ? &no_link : &no_access;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes the hexadecimal form in place. */
static const struct refusal *
root_decode(uint8_t text[ROOT_HEX_SIZE])
{
	int high, low;

	if (text[ROOT_HEX_SIZE - 1] != '\n')
		return &no_digits;
	for (size_t i = 0; i < CRYPTO_KEY_SIZE; i++) {
		high = hex_value(text[2 * i]);
		low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return &no_digits;
		text[i] = (uint8_t)(high << 4 | low);
	}
	return NULL;
}

static const struct refusal *
root_keep(const uint8_t raw[CRYPTO_KEY_SIZE])
{
	static const uint8_t zero[CRYPTO_KEY_SIZE];
	uint8_t *key;

	if (secret_equal(raw, zero, sizeof(zero)))
		return &no_entropy;
	if (extract(raw, &key) != ERR_OK)
		return &no_crypto;
	/* what was unwrapped under another root goes with it */
	while (kept_count > 0)
		secret_free(kept[--kept_count].key, CRYPTO_KEY_SIZE);
	secret_free(root, CRYPTO_KEY_SIZE);
	root = key;
	return NULL;
}

static const struct refusal *
root_read(const char *path, uint8_t *text)
{
	const struct refusal *no;
	size_t size = 0;
	ssize_t n;
	int fd;

	if ((no = root_file_open(path, &fd)) != NULL)
		return no;
	if ((no = root_file_check(fd, &size)) == NULL) {
		/* one byte more than stated: it may have grown since */
		n = read(fd, text, ROOT_HEX_SIZE + 1);
		if (n < 0)
			no = &no_access;
		else if ((size_t)n != size)
			no = &no_size;
	}
	close(fd);
	if (no == NULL && size == ROOT_HEX_SIZE)
		no = root_decode(text);
	return no;
}

static enum err
root_refuse(const struct refusal *no, const char **reason)
{
	*reason = no->sentence;
	log_error("root_key_refused", LOG_CODE("reason", no->code));
	return ERR_INTERNAL;
}

/*= EN-06, EN-10: a root key that is missing, short or open to others stops the
 * process before it listens, and says why. */
enum err
keyring_root_load(const char *path, const char **reason)
{
	const struct refusal *no = &no_memory;
	uint8_t *text;

	*reason = NULL;
	if ((text = secret_alloc(ROOT_HEX_SIZE + 1)) != NULL &&
	    (no = root_read(path, text)) == NULL)
		no = root_keep(text);
	secret_free(text, ROOT_HEX_SIZE + 1);
	return no == NULL ? ERR_OK : root_refuse(no, reason);
}

enum err
keyring_root_read(
    const char *path, uint8_t raw[CRYPTO_KEY_SIZE], const char **reason)
{
	const struct refusal *no = &no_memory;
	uint8_t *text;

	*reason = NULL;
	if ((text = secret_alloc(ROOT_HEX_SIZE + 1)) != NULL &&
	    (no = root_read(path, text)) == NULL)
		memcpy(raw, text, CRYPTO_KEY_SIZE);
	secret_free(text, ROOT_HEX_SIZE + 1);
	return no == NULL ? ERR_OK : root_refuse(no, reason);
}

enum err
keyring_root_check(uint8_t out[KEY_CHECK_SIZE])
{
	return derive(root, "epione root check", "", out, KEY_CHECK_SIZE);
}

enum err
keyring_purpose_key(const char *purpose, uint8_t out[CRYPTO_KEY_SIZE])
{
	return derive(root, "epione purpose", purpose, out, CRYPTO_KEY_SIZE);
}

/* wrapped keys */

/* What a wrapped key is, as opposed to what it is wrapped with. */
struct label {
	const struct uuid *clinic;
	enum key_class class;
	const struct uuid *subject; /* NULL: a class key */
	uint32_t version;
};

static void
put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/*= EN-04: a wrapped key opens only as the key that it was made for. */
static void
bind(const uint8_t *wrapped, const struct label *l, uint8_t out[BINDING_SIZE])
{
	uint8_t *p = out;

	memset(out, 0, BINDING_SIZE);
	memcpy(p, wrapped, WRAPPED_NONCE); /* format and wrapping version */
	p += WRAPPED_NONCE;
	memcpy(p, l->clinic->b, sizeof(l->clinic->b));
	p += sizeof(l->clinic->b);
	memcpy(p, class_names[l->class], strlen(class_names[l->class]));
	p += CLASS_NAME_SIZE;
	if (l->subject != NULL)
		memcpy(p, l->subject->b, sizeof(l->subject->b));
	p += sizeof(l->subject->b);
	put_u32(p, l->version);
}

/* Record and class keys are wrapped under different keys even where the label
 * of one could be taken for the other's. */
static enum err
wrapping_key(
    const uint8_t *under, const struct label *l, uint8_t out[CRYPTO_KEY_SIZE])
{
	return derive(under, "epione wrap",
	    l->subject != NULL ? "record" : "class", out, CRYPTO_KEY_SIZE);
}

static enum err
wrap(const uint8_t *under, uint32_t under_version, const struct label *l,
    const uint8_t raw[CRYPTO_KEY_SIZE], uint8_t wrapped[WRAPPED_KEY_SIZE])
{
	uint8_t binding[BINDING_SIZE], key[CRYPTO_KEY_SIZE];
	enum err r;

	wrapped[0] = WRAPPED_FORMAT;
	put_u32(wrapped + 1, under_version);
	secret_random(wrapped + WRAPPED_NONCE, CRYPTO_NONCE_SIZE);
	bind(wrapped, l, binding);
	if ((r = wrapping_key(under, l, key)) == ERR_OK)
		r = crypto_aead_seal(key, wrapped + WRAPPED_NONCE,
		    (struct bytes){ binding, sizeof(binding) },
		    (struct bytes){ raw, CRYPTO_KEY_SIZE },
		    wrapped + WRAPPED_KEY, wrapped + WRAPPED_TAG);
	secret_wipe(key, sizeof(key));
	if (r != ERR_OK)
		memset(wrapped, 0, WRAPPED_KEY_SIZE);
	return r;
}

/* The caller wipes raw, whatever this answers. */
static enum err
unwrap_raw(const uint8_t *under, const struct label *l, const uint8_t *wrapped,
    uint8_t raw[CRYPTO_KEY_SIZE])
{
	uint8_t binding[BINDING_SIZE], with[CRYPTO_KEY_SIZE];
	enum err r;

	bind(wrapped, l, binding);
	if ((r = wrapping_key(under, l, with)) == ERR_OK)
		r = crypto_aead_open(with, wrapped + WRAPPED_NONCE,
		    (struct bytes){ binding, sizeof(binding) },
		    (struct bytes){ wrapped + WRAPPED_KEY, CRYPTO_KEY_SIZE },
		    wrapped + WRAPPED_TAG, raw);
	secret_wipe(with, sizeof(with));
	return r;
}

/* Opens a wrapped key into *key (extracted, in secret memory). */
static enum err
unwrap(const uint8_t *under, const struct label *l, const uint8_t *wrapped,
    uint8_t **key)
{
	uint8_t raw[CRYPTO_KEY_SIZE];
	enum err r;

	*key = NULL;
	if ((r = unwrap_raw(under, l, wrapped, raw)) == ERR_OK)
		r = extract(raw, key);
	secret_wipe(raw, sizeof(raw));
	return r;
}

uint32_t
keyring_wrapped_under(struct bytes wrapped)
{
	if (wrapped.p == NULL || wrapped.n != WRAPPED_KEY_SIZE ||
	    wrapped.p[0] != WRAPPED_FORMAT)
		return 0;
	return get_u32(wrapped.p + 1);
}

/* class keys */

static int
id_compare(const struct class_key_id *a, const struct class_key_id *b)
{
	int c = memcmp(a->clinic.b, b->clinic.b, sizeof(a->clinic.b));

	if (c != 0)
		return c;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	return (a->version > b->version) - (a->version < b->version);
}

/* Index of the first kept key that is not before id. */
static size_t
kept_from(const struct class_key_id *id)
{
	size_t low = 0, high = kept_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (id_compare(&kept[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct class_key *
kept_find(const struct class_key_id *id)
{
	size_t i = kept_from(id);

	if (i == kept_count || id_compare(&kept[i].id, id) != 0)
		return NULL;
	return &kept[i];
}

static struct class_key *
kept_newest(const struct uuid *clinic, enum key_class class)
{
	struct class_key_id last = { *clinic, class, UINT32_MAX };
	size_t i = kept_from(&last);
	struct class_key *k;

	if (i < kept_count && id_compare(&kept[i].id, &last) == 0)
		return &kept[i];
	if (i == 0)
		return NULL;
	k = &kept[i - 1];
	if (k->id.class != class || !uuid_equal(&k->id.clinic, clinic))
		return NULL;
	return k;
}

/* Takes over key. */
static enum err
kept_put(const struct class_key_id *id, uint8_t *key)
{
	struct class_key *k = kept_find(id), *more;
	size_t i, room = kept_room == 0 ? 16 : kept_room * 2;

	if (k != NULL) {
		secret_free(k->key, CRYPTO_KEY_SIZE);
		k->key = key;
		return ERR_OK;
	}
	if (kept_count == kept_room) {
		more = reallocarray(kept, room, sizeof(*kept));
		if (more == NULL) {
			secret_free(key, CRYPTO_KEY_SIZE);
			return ERR_CRYPTO;
		}
		kept = more;
		kept_room = room;
	}
	i = kept_from(id);
	memmove(kept + i + 1, kept + i, (kept_count - i) * sizeof(*kept));
	kept[i] = (struct class_key){ *id, key };
	kept_count++;
	return ERR_OK;
}

enum err
keyring_class_create(
    const struct class_key_id *id, uint8_t wrapped[WRAPPED_KEY_SIZE])
{
	struct label l = { &id->clinic, id->class, NULL, id->version };
	uint8_t raw[CRYPTO_KEY_SIZE];
	enum err r;

	memset(wrapped, 0, WRAPPED_KEY_SIZE);
	if (id->version == 0)
		return ERR_CRYPTO;
	secret_random(raw, sizeof(raw));
	r = wrap(root, ROOT_VERSION, &l, raw, wrapped);
	secret_wipe(raw, sizeof(raw));
	return r;
}

enum err
keyring_class_add(const struct class_key_id *id, struct bytes wrapped)
{
	struct label l = { &id->clinic, id->class, NULL, id->version };
	uint8_t *key;
	enum err r;

	if (id->version == 0 || keyring_wrapped_under(wrapped) != ROOT_VERSION)
		return ERR_CRYPTO;
	if ((r = unwrap(root, &l, wrapped.p, &key)) != ERR_OK)
		return r;
	return kept_put(id, key);
}

bool
keyring_class_has(const struct class_key_id *id)
{
	return kept_find(id) != NULL;
}

uint32_t
keyring_class_newest(const struct uuid *clinic, enum key_class class)
{
	const struct class_key *k = kept_newest(clinic, class);

	return k == NULL ? 0 : k->id.version;
}

size_t
keyring_class_versions(const struct uuid *clinic, enum key_class class,
    uint32_t *versions, size_t max)
{
	const struct class_key *k = kept_newest(clinic, class);
	size_t n = 0;

	for (; k != NULL && n<max; k = k> kept ? k - 1 : NULL) {
		if (k->id.class != class || !uuid_equal(&k->id.clinic, clinic))
			break;
		versions[n++] = k->id.version;
	}
	return n;
}

/* record keys */

enum err
keyring_record_create(const struct uuid *clinic, enum key_class class,
    const struct uuid *subject, uint32_t version, struct record_key *key,
    uint8_t wrapped[WRAPPED_KEY_SIZE])
{
	const struct class_key *under = kept_newest(clinic, class);
	struct label l = { clinic, class, subject, version };
	uint8_t raw[CRYPTO_KEY_SIZE];
	enum err r;

	*key = (struct record_key){ *clinic, *subject, version, NULL };
	memset(wrapped, 0, WRAPPED_KEY_SIZE);
	if (under == NULL || version == 0)
		return ERR_CRYPTO;
	secret_random(raw, sizeof(raw));
	if ((r = wrap(under->key, under->id.version, &l, raw, wrapped)) ==
	    ERR_OK)
		r = extract(raw, &key->key);
	secret_wipe(raw, sizeof(raw));
	if (r != ERR_OK)
		memset(wrapped, 0, WRAPPED_KEY_SIZE);
	return r;
}

enum err
keyring_record_open(const struct uuid *clinic, enum key_class class,
    const struct uuid *subject, uint32_t version, struct bytes wrapped,
    struct record_key *key)
{
	struct class_key_id id = { *clinic, class,
		keyring_wrapped_under(wrapped) };
	struct label l = { clinic, class, subject, version };
	const struct class_key *under;

	*key = (struct record_key){ *clinic, *subject, version, NULL };
	if (id.version == 0 || (under = kept_find(&id)) == NULL)
		return ERR_CRYPTO;
	return unwrap(under->key, &l, wrapped.p, &key->key);
}

/*= EN-07: the wrapping turns, and the key that is wrapped stays */
enum err
keyring_record_rewrap(const struct uuid *clinic, enum key_class class,
    const struct uuid *subject, uint32_t version, struct bytes wrapped,
    uint8_t again[WRAPPED_KEY_SIZE])
{
	const struct class_key_id id = { *clinic, class,
		keyring_wrapped_under(wrapped) };
	const struct label l = { clinic, class, subject, version };
	const struct class_key *from = kept_find(&id);
	const struct class_key *to = kept_newest(clinic, class);
	uint8_t raw[CRYPTO_KEY_SIZE];
	enum err r;

	memset(again, 0, WRAPPED_KEY_SIZE);
	if (id.version == 0 || from == NULL)
		return ERR_CRYPTO;
	if ((r = unwrap_raw(from->key, &l, wrapped.p, raw)) == ERR_OK)
		r = wrap(to->key, to->id.version, &l, raw, again);
	secret_wipe(raw, sizeof(raw));
	return r;
}

void
record_key_free(struct record_key *key)
{
	secret_free(key->key, CRYPTO_KEY_SIZE);
	key->key = NULL;
}

/*= EN-09: keyed per clinic and column: equal values of two clinics, or of two
 * columns, have nothing in common. */
enum err
keyring_index_key(const struct uuid *clinic, uint32_t version,
    const char *purpose, uint8_t out[CRYPTO_KEY_SIZE])
{
	const struct class_key_id id = { *clinic, KEY_CLASS_index, version };
	const struct class_key *k = kept_find(&id);

	return derive(k == NULL ? NULL : k->key, "epione index", purpose, out,
	    CRYPTO_KEY_SIZE);
}

enum err
keyring_signing_key(
    const struct uuid *clinic, uint32_t version, uint8_t seed[CRYPTO_KEY_SIZE])
{
	const struct class_key_id id = { *clinic, KEY_CLASS_audit, version };
	const struct class_key *k = kept_find(&id);

	return derive(k == NULL ? NULL : k->key, "epione sign", "audit", seed,
	    CRYPTO_KEY_SIZE);
}
