#include "care/source.h"

#include "base/crypto.h"
#include "base/factor.h"
#include "base/keyring.h"
#include "base/network.h"
#include "base/secret.h"
#include "sql.h"

#include <string.h>

/* Keyed: who reads the table learns no address from it. */
static enum err
network_token(struct op *op, struct bytes *token)
{
	uint8_t key[CRYPTO_KEY_SIZE], *mac = arena_alloc(op->arena, 32);
	const char *text = op->rq->address;
	struct address a;
	enum err r;

	*token = (struct bytes){ NULL, 0 };
	if (address_read(text, strlen(text), &a) != ERR_OK)
		return ERR_OK;
	address_neighbours(&a);
	if ((r = keyring_purpose_key("known network", key)) == ERR_OK)
		r = crypto_hmac_sha256((struct bytes){ key, sizeof(key) },
		    (struct bytes){ a.byte, sizeof(a.byte) }, mac);
	secret_wipe(key, sizeof(key));
	*token = (struct bytes){ mac, 32 };
	return r;
}

enum err
source_read(struct op *op, struct source *s)
{
	s->device = op->device;
	return network_token(op, &s->network);
}

/*= IA-09: the cookie is worth nothing but a count of one's own */
enum err
source_note(struct op *op, bool *news)
{
	char token[FACTOR_TOKEN_SIZE];
	uint8_t *hash = arena_alloc(op->arena, 32);
	struct source_note_in in = { .account_id = op->who.account,
		.was = op->device,
		.session_id = op->who.session };
	struct source_note_row row;
	enum err r;

	if ((r = network_token(op, &in.network)) != ERR_OK)
		return r;
	if (op->who.browser) {
		if ((r = factor_token(token, hash)) != ERR_OK)
			return r;
		op->set_device = arena_text(op->arena, token);
		in.device = (struct bytes){ hash, 32 };
	}
	if ((r = sql_source_note(op->tx, &in, &row)) != ERR_OK)
		return r;
	*news = row.news;
	return ERR_OK;
}

enum err
source_forget(struct tx *tx, const struct uuid *account)
{
	struct source_forget_in in = { *account };

	return sql_source_forget(tx, &in);
}
