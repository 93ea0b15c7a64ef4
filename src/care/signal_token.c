#include "care/signal_token.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/signal.h"

#include <string.h>

#define KEY_BYTES 32

static uint8_t *key;
static uint32_t life; /* 0: not chosen yet */

enum err
signal_share(void)
{
	if (key == NULL && (key = secret_alloc(KEY_BYTES)) != NULL)
		secret_random(key, KEY_BYTES);
	return key != NULL ? ERR_OK : ERR_INTERNAL;
}

static uint32_t
own_life(void)
{
	while (life == 0)
		secret_random(&life, sizeof(life));
	return life;
}

/* A MAC that cannot be computed is one that nobody can show. */
static void
token_seal(struct signal_token *t, const struct uuid *visit,
    const struct uuid *account)
{
	uint8_t said[3 * sizeof(struct uuid) + sizeof(t->life)];

	memcpy(said, visit, sizeof(*visit));
	memcpy(said + 16, account, sizeof(*account));
	memcpy(said + 32, &t->place, sizeof(t->place));
	memcpy(said + 48, &t->life, sizeof(t->life));
	if (signal_share() != ERR_OK ||
	    crypto_hmac_sha256((struct bytes){ key, KEY_BYTES },
		(struct bytes){ said, sizeof(said) }, t->mac) != ERR_OK)
		secret_random(t->mac, sizeof(t->mac));
}

void
token_make(struct signal_token *t, const struct uuid *visit,
    const struct uuid *account, const struct uuid *place)
{
	t->place = *place;
	t->life = own_life();
	token_seal(t, visit, account);
}

bool
token_of_lost_home(const char *text, const struct uuid *visit,
    const struct uuid *account, struct uuid *place)
{
	struct arena *a = arena_new();
	struct signal_token shown, good;
	uint8_t *p = NULL;
	size_t n = 0;
	bool lost = false;

	if (text_base64url_decode(a, text, &p, &n) == ERR_OK &&
	    n == sizeof(shown)) {
		memcpy(&shown, p, sizeof(shown));
		good = shown;
		token_seal(&good, visit, account);
		lost = secret_equal(shown.mac, good.mac, sizeof(good.mac)) &&
		    shown.life != own_life();
		*place = shown.place;
		secret_wipe(&good, sizeof(good));
	}
	arena_free(a);
	return lost;
}

void
token_new_life(void)
{
	life = 0;
}
