#include "care/audit_note.h"

#include "base/conf.h"
#include "base/crypto.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/text.h"
#include "sql.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ED25519	       1 /* C2SP's number of the algorithm */
#define KEY_ID_SIZE    4
#define SIGNATURE_LINE "\xe2\x80\x94 " /* an em dash and a space */
#define BLOB_SIZE      (KEY_ID_SIZE + SIGNATURE_SIZE)

char *
audit_origin(struct arena *a, const struct uuid *clinic)
{
	const char *host = conf()->origin == NULL ? "" : conf()->origin;
	const char *rest = strstr(host, "://");
	char id[UUID_TEXT_SIZE];

	uuid_text(clinic, id);
	return arena_format(
	    a, "%s/audit/%s", rest == NULL ? "epione" : rest + 3, id);
}

enum err
audit_key_open(struct tx *tx, const struct uuid *clinic, uint32_t *version)
{
	struct class_key_newest_in in = { *clinic,
		key_class_name(KEY_CLASS_audit) };
	struct class_key_newest_row row;
	struct class_key_id id = { *clinic, KEY_CLASS_audit, 0 };
	enum err r;

	if ((r = sql_class_key_newest(tx, &in, &row)) != ERR_OK)
		return r;
	*version = id.version = (uint32_t)row.version;
	return keyring_class_add(&id, row.wrapped);
}

enum err
audit_key_public(const struct uuid *clinic, uint32_t version,
    uint8_t key[SIGNATURE_KEY_SIZE])
{
	uint8_t seed[SIGNATURE_KEY_SIZE];
	enum err r = keyring_signing_key(clinic, version, seed);

	if (r == ERR_OK)
		r = signature_public(seed, key);
	secret_wipe(seed, sizeof(seed));
	return r;
}

/* Of name and key: SHA-256(name | line feed | algorithm | key), its beginning. */
static enum err
key_id(struct arena *a, const char *origin,
    const uint8_t key[SIGNATURE_KEY_SIZE], uint8_t id[KEY_ID_SIZE])
{
	size_t n = strlen(origin);
	uint8_t *p = arena_alloc(a, n + 2 + SIGNATURE_KEY_SIZE), whole[32];
	enum err r;

	snprintf((char *)p, n + 2, "%s\n", origin);
	p[n + 1] = ED25519;
	memcpy(p + n + 2, key, SIGNATURE_KEY_SIZE);
	r = crypto_sha256(
	    (struct bytes){ p, n + 2 + SIGNATURE_KEY_SIZE }, whole);
	memcpy(id, whole, KEY_ID_SIZE);
	return r;
}

enum err
audit_key_text(struct arena *a, const char *origin,
    const uint8_t key[SIGNATURE_KEY_SIZE], char **text)
{
	uint8_t id[KEY_ID_SIZE], typed[1 + SIGNATURE_KEY_SIZE] = { ED25519 };
	enum err r;

	memcpy(typed + 1, key, SIGNATURE_KEY_SIZE);
	if ((r = key_id(a, origin, key, id)) != ERR_OK)
		return r;
	*text = arena_format(a, "%s+%s+%s", origin, text_hex(a, id, sizeof(id)),
	    text_base64(a, typed, sizeof(typed)));
	return ERR_OK;
}

static enum err
sign(struct arena *a, const char *origin, const uint8_t *seed, const char *body,
    uint8_t blob[BLOB_SIZE])
{
	uint8_t key[SIGNATURE_KEY_SIZE];
	enum err r;

	if ((r = signature_public(seed, key)) != ERR_OK ||
	    (r = key_id(a, origin, key, blob)) != ERR_OK)
		return r;
	return signature_make(seed,
	    (struct bytes){ (const uint8_t *)body, strlen(body) },
	    blob + KEY_ID_SIZE);
}

static enum err
signature_line(struct arena *a, const char *origin, const struct uuid *clinic,
    uint32_t version, const char *body, char **line)
{
	uint8_t seed[SIGNATURE_KEY_SIZE], blob[BLOB_SIZE];
	enum err r;

	if ((r = keyring_signing_key(clinic, version, seed)) == ERR_OK)
		r = sign(a, origin, seed, body, blob);
	secret_wipe(seed, sizeof(seed));
	if (r == ERR_OK)
		*line = arena_format(a, SIGNATURE_LINE "%s %s\n", origin,
		    text_base64(a, blob, sizeof(blob)));
	return r;
}

/*= AU-04: its first line is no log's name: it is never taken for a checkpoint */
enum err
audit_succession_make(struct arena *a, const char *origin,
    const struct uuid *clinic, uint32_t version, char **note)
{
	uint8_t public[SIGNATURE_KEY_SIZE];
	char *key[2], *line[2], *body;
	uint32_t i;
	enum err r;

	for (i = 0; i < 2; i++)
		if ((r = audit_key_public(clinic, version - 1 + i, public)) !=
			ERR_OK ||
		    (r = audit_key_text(a, origin, public, &key[i])) != ERR_OK)
			return r;
	body = arena_format(a, "%s/key\n%s\n%s\n", origin, key[0], key[1]);
	for (i = 0; i < 2; i++)
		if ((r = signature_line(a, origin, clinic, version - 1 + i,
			 body, &line[i])) != ERR_OK)
			return r;
	*note = arena_format(a, "%s\n%s%s", body, line[0], line[1]);
	return ERR_OK;
}

enum err
audit_note_make(struct arena *a, const struct uuid *clinic, uint32_t version,
    const struct merkle_edge *edge, char **note)
{
	const char *origin = audit_origin(a, clinic), *body;
	struct merkle_hash root;
	char *line;
	enum err r;

	if ((r = merkle_root(edge, &root)) != ERR_OK)
		return r;
	body = arena_format(a, "%s\n%lld\n%s\n", origin, (long long)edge->size,
	    text_base64(a, root.b, sizeof(root.b)));
	if ((r = signature_line(a, origin, clinic, version, body, &line)) ==
	    ERR_OK)
		*note = arena_format(a, "%s\n%s", body, line);
	return r;
}

/* RFC 4648 4, padded, of exactly n bytes. */
static enum err
base64_read(struct arena *a, const char *text, uint8_t *out, size_t n)
{
	char *url = arena_text(a, text), *p;
	uint8_t *bytes;
	size_t got;

	for (p = url; *p != '\0'; p++)
		if (*p == '-' || *p == '_')
			return ERR_INVALID_FIELD;
		else if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	while (p > url && p[-1] == '=')
		*--p = '\0';
	if (text_base64url_decode(a, url, &bytes, &got) != ERR_OK || got != n)
		return ERR_INVALID_FIELD;
	memcpy(out, bytes, n);
	return ERR_OK;
}

static enum err
size_read(const char *text, int64_t *size)
{
	char *end;

	if (!isdigit((unsigned char)*text) || (*text == '0' && text[1] != '\0'))
		return ERR_INVALID_FIELD;
	errno = 0;
	*size = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0 ? ERR_OK : ERR_INVALID_FIELD;
}

/* Takes a line away from the text; NULL if it does not end. */
static char *
line_take(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

/* Is one of these lines this key's signature of the body? */
static enum err
signatures_check(struct arena *a, char *lines, const char *origin,
    struct bytes body, const uint8_t key[SIGNATURE_KEY_SIZE])
{
	const char *head = arena_format(a, SIGNATURE_LINE "%s ", origin);
	uint8_t id[KEY_ID_SIZE], blob[BLOB_SIZE];
	char *line;
	enum err r;

	if ((r = key_id(a, origin, key, id)) != ERR_OK)
		return r;
	while ((line = line_take(&lines)) != NULL)
		if (strncmp(line, head, strlen(head)) == 0 &&
		    base64_read(a, line + strlen(head), blob, sizeof(blob)) ==
			ERR_OK &&
		    secret_equal(blob, id, sizeof(id)) &&
		    signature_check(key, body, blob + KEY_ID_SIZE) == ERR_OK)
			return ERR_OK;
	return ERR_CRYPTO;
}

enum err
audit_note_read(struct arena *a, const char *note,
    const uint8_t key[SIGNATURE_KEY_SIZE], struct audit_note_said *said)
{
	char *rest = arena_text(a, note), *size, *root;
	const char *blank = strstr(note, "\n\n");
	struct bytes body;

	if (blank == NULL || strlen(note) > AUDIT_NOTE_MAX)
		return ERR_INVALID_FIELD;
	body = (struct bytes){ (const uint8_t *)note,
		(size_t)(blank - note) + 1 };
	said->origin = line_take(&rest);
	size = line_take(&rest);
	root = line_take(&rest);
	if (said->origin == NULL || size == NULL || root == NULL ||
	    size_read(size, &said->size) != ERR_OK ||
	    base64_read(a, root, said->root.b, sizeof(said->root.b)) != ERR_OK)
		return ERR_INVALID_FIELD;
	return signatures_check(
	    a, arena_text(a, blank + 2), said->origin, body, key);
}
