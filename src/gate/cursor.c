#include "gate/cursor.h"

#include "base/crypto.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/text.h"
#include "gate/route.h"

#include <stdlib.h>
#include <string.h>

#define OVERHEAD (CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE)

/* The actor and the operation, authenticated beside the text. */
static struct bytes
binding(struct op *op, const char *detail)
{
	char account[UUID_TEXT_SIZE];
	char *aad;

	uuid_text(&op->who.account, account);
	aad = arena_format(
	    op->arena, "%s|%s|%s", account, op->route->operation, detail);
	return (struct bytes){ (const uint8_t *)aad, strlen(aad) };
}

static enum err
seal(struct op *op, const char *purpose, const char *detail, struct bytes in,
    struct bytes *out)
{
	uint8_t *sealed = arena_alloc(op->arena, in.n + OVERHEAD);
	uint8_t key[CRYPTO_KEY_SIZE];
	enum err r;

	secret_random(sealed, CRYPTO_NONCE_SIZE);
	if ((r = keyring_purpose_key(purpose, key)) == ERR_OK)
		r = crypto_aead_seal(key, sealed, binding(op, detail), in,
		    sealed + CRYPTO_NONCE_SIZE,
		    sealed + CRYPTO_NONCE_SIZE + in.n);
	secret_wipe(key, sizeof(key));
	*out = (struct bytes){ sealed, in.n + OVERHEAD };
	return r;
}

static enum err
unseal(struct op *op, const char *purpose, const char *detail, struct bytes in,
    struct bytes *out)
{
	uint8_t key[CRYPTO_KEY_SIZE], *text;
	struct bytes body;
	enum err r;

	if (in.n < OVERHEAD)
		return ERR_CRYPTO;
	body = (struct bytes){ in.p + CRYPTO_NONCE_SIZE, in.n - OVERHEAD };
	text = arena_alloc(op->arena, body.n + 1);
	if ((r = keyring_purpose_key(purpose, key)) == ERR_OK)
		r = crypto_aead_open(key, in.p, binding(op, detail), body,
		    in.p + in.n - CRYPTO_TAG_SIZE, text);
	secret_wipe(key, sizeof(key));
	*out = (struct bytes){ text, body.n };
	return r;
}

enum err
cursor_seal(struct op *op, const json_t *value, json_t **text)
{
	char *plain = json_dumps(value, JSON_COMPACT);
	struct bytes sealed;
	enum err r;

	if (plain == NULL)
		return ERR_INTERNAL;
	r = seal(op, "cursor", "",
	    (struct bytes){ (uint8_t *)plain, strlen(plain) }, &sealed);
	free(plain);
	if (r == ERR_OK)
		*text = json_string(
		    text_base64url(op->arena, sealed.p, sealed.n));
	return r;
}

enum err
cursor_open(struct op *op, const char *text, json_t **value)
{
	struct bytes sealed, plain;
	uint8_t *p;

	if (text_base64url_decode(op->arena, text, &p, &sealed.n) != ERR_OK)
		return ERR_BAD_CURSOR;
	sealed.p = p;
	if (unseal(op, "cursor", "", sealed, &plain) != ERR_OK ||
	    shape_parse(plain, value) != ERR_OK)
		return ERR_BAD_CURSOR;
	return ERR_OK;
}

enum err
answer_seal(struct op *op, const char *key, struct bytes in, struct bytes *out)
{
	return seal(op, "idempotency", key, in, out);
}

enum err
answer_open(struct op *op, const char *key, struct bytes in, struct bytes *out)
{
	return unseal(op, "idempotency", key, in, out);
}
